"""What mkdocs does beyond its plugins: pages from files outside `docs`, and links that lead out of it.

Pages of files that stand elsewhere in the repository, and the command reference, are made when the site is built, so
they are never out of date. A relative link means the same on GitHub and on the site: where it leads to a file that is
no page, the site links to the repository.
"""

import html
import os
import posixpath
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/clipselect/clipselect"
ELSEWHERE = {
    "benchmarks/README.md": "results.md",
    "zoo/README.md": "zoo/index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    **{f"zoo/{card.name}": f"zoo/{card.name}" for card in ROOT.glob("zoo/*_*.md")},
}
"""Files of the repository that are pages of the site, and where."""
LINK = re.compile(r"(\]\()([^)\s:#]+)((?:#[^)\s]*)?\))")
CHART = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BOX = re.compile(r'\["<b>(\w+)</b><br>(.+?)"\]')
FIGURES = re.compile(r"([\d)-]) / (?=[+-]?\d|-)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@event_priority(100)  # before mkdocstrings, which reads its settings then
def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show mkdocstrings the package as it is installed, with the zoo in its place."""
    folder = Path(tempfile.mkdtemp(prefix="clipselect-docs"))
    config.extra["package_folder"] = folder
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "clipselect", folder / "clipselect", ignore=ignored)
    shutil.copytree(ROOT / "zoo", folder / "clipselect" / "zoo", ignore=ignored)
    (folder / "clipselect" / "__init__.py").write_text("")  # __init__.pyi says it all; a name there would hide zoo
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [str(folder)]
    return config


def on_post_build(config: MkDocsConfig) -> None:
    shutil.rmtree(config.extra["package_folder"], ignore_errors=True)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
        if page.startswith("zoo/") and page != "zoo/index.md":  # the table links to the cards
            files.src_uris[page].inclusion = InclusionLevel.NOT_IN_NAV
    files.append(File.generated(config, "commands.md", content=command_reference()))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    """Every relative link leads to a page of the site or to a file of the repository."""
    path = page.file.src_uri
    source = next((source for source, made in ELSEWHERE.items() if made == path), f"docs/{path}")

    def led(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        if not (ROOT / target).exists() and not files.get_file_from_path(target.removeprefix("docs/")):
            raise PluginError(f"{source}: there is no {target}")
        found = ELSEWHERE.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        shown = files.get_file_from_path(found) if found else None
        if found is None or shown is None or shown.inclusion.is_excluded():
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            return f"{match[1]}{REPOSITORY}/{kind}/main/{target}{match[3]}"
        return f"{match[1]}{os.path.relpath(found, posixpath.dirname(path) or '.')}{match[3]}".replace(os.sep, "/")

    markdown = CHART.sub(chart_as_table, markdown)
    pieces = re.split(f"({FENCED.pattern})", markdown, flags=FENCED.flags)
    return "".join(piece if piece.startswith("```") else LINK.sub(led, piece) for piece in pieces)


def on_page_content(html: str, **_: Any) -> str:
    """Figures that stand together, such as 61.9 / 71.0, stay on one line."""
    return FIGURES.sub("\\1\u00a0/\u00a0", html)


def chart_as_table(chart: re.Match[str]) -> str:
    """GitHub draws a chart of packages; here, without a script of another server, it is a table from the top down."""
    rows = [f"| `{name}` | {what} |" for name, what in BOX.findall(chart[1])]
    return "\n".join(["| package, from the top down | what it holds |", "| --- | --- |", *rows])


def command_reference() -> str:
    """One section for each command, from what its own `--help` is made of."""
    from clipselect.commands import app

    lines = [
        "# Commands",
        "",
        "Made from the commands' own help. `clipselect COMMAND --help` shows the same.",
        "Exit codes: 0 all done; 1 some files could not be read and were left out; 2 nothing was done, "
        "with the reason in one sentence; 130 stopped by Ctrl-C.",
    ]
    command = typer.main.get_command(app)
    return "\n".join(lines + _section(command, "clipselect", _context(command, "clipselect", None))) + "\n"


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.make_context(name, [], parent, resilient_parsing=True)


def _section(command: Any, name: str, context: Any) -> list[str]:
    lines = ["", f"## `{name}`", "", _text(command.help or "")]
    children = getattr(command, "commands", {})
    if not children:
        lines += ["", "```text", context.get_usage().removeprefix("Usage: "), "```"]
        lines += ["", "| option | what it is for |", "| --- | --- |"]
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
        lines += [f"| {_names(record[0])} | {_text(record[1])} |" for record in records if record]
    for child, made in children.items():
        lines += _section(made, f"{name} {child}", _context(made, child, context))
    return lines


def _names(text: str) -> str:
    """The names of an option, and what it takes below them; a bar in a table's code span would keep its backslash."""
    found = re.match(r"(?P<names>(?:--?[\w-]+(?:, )?)*) ?(?P<takes>.*)", text)
    assert found is not None
    shown = {kind: html.escape(part).replace("|", "&#124;<wbr>") for kind, part in found.groupdict().items() if part}
    return "<br>".join(f'<code class="{kind}">{part}</code>' for kind, part in shown.items())


def _text(text: str) -> str:
    return re.sub(r"([|*<_\[])", r"\\\1", " ".join(text.replace("\b", "").split()))
