"""`python core_only.py COMMAND...`: runs command lines of clipselect where no library of an extra can be imported.

A line of JSON per command: exit code and standard error. Without arguments it imports every module and shows every
command's help.
"""

import contextlib
import io
import json
import pkgutil
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution
from typing import Any

import clipselect
from clipselect.media.optional import LIBRARIES

BESIDES = ("IPython", "joblib", "tensorboard", "torchaudio")
"""What the libraries of the extras bring along or can replace."""
MODULES = {*LIBRARIES, *BESIDES}
DISTRIBUTIONS = {*BESIDES, *(name for library in LIBRARIES.values() for name in library.distributions)}


class WithoutExtras(PathFinder):
    @classmethod
    def find_spec(cls, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if fullname.split(".", maxsplit=1)[0] in MODULES:
            return None
        return super().find_spec(fullname, path, target)

    @classmethod
    def find_distributions(cls, *arguments: Any) -> Iterator[Distribution]:  # type: ignore[override]
        found = super().find_distributions(*arguments)
        return (one for one in found if one.metadata["Name"] not in DISTRIBUTIONS)


sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutExtras


def import_everything() -> None:
    for module in pkgutil.walk_packages(clipselect.__path__, "clipselect."):
        if module.name != "clipselect.__main__":
            import_module(module.name)
    zoo = import_module("clipselect.zoo")
    for module in pkgutil.iter_modules(zoo.__path__, "clipselect.zoo."):
        import_module(module.name)


def show_every_help() -> None:
    import typer.main

    from clipselect.commands import app

    def show(command: typer.main.TyperGroup, words: list[str]) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
            app([*words, "--help"], prog_name="clipselect")
        assert "Usage: clipselect" in out.getvalue(), words
        print("help:", *words)
        for name, inner in getattr(command, "commands", {}).items():
            show(inner, [*words, name])

    show(typer.main.get_command(app), [])  # type: ignore[arg-type]


def run(command: str) -> tuple[int, str]:
    from clipselect.__main__ import main

    sys.argv = ["clipselect", *shlex.split(command)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as e:
            return int(e.code or 0), err.getvalue()
    return 0, err.getvalue()


if __name__ == "__main__":
    for command in sys.argv[1:]:
        print(json.dumps(run(command)))
    if not sys.argv[1:]:
        import_everything()
        show_every_help()
