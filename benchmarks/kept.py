"""What took long to make, kept with the commands that made it, so that nothing is taken for the work of others."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clipselect.errors import ClipselectError
from clipselect.media.files import make_folder, write_whole
from clipselect.scoring.checkpoint import load_weights

COMMAND = "command.json"

Line = Callable[[str, dict[str, Any], float | None], Mapping[str, str]]
"""Variant, its results and Spearman's rho on held-out data -> cells by column."""


def check_command(folder: Path, commands: Mapping[str, Sequence[str]]) -> None:
    """Refuse a folder that other arguments filled; one that says nothing of them is taken as it is."""
    file = folder / COMMAND
    if not file.exists():
        return
    try:
        before = json.loads(file.read_bytes())
    except (OSError, ValueError) as e:
        raise ClipselectError(f"{file}: cannot be read ({e}); remove the folder {folder}") from e
    if before != {name: [*words] for name, words in commands.items()}:
        raise ClipselectError(
            f"{folder}: was made by other arguments ({COMMAND} in it says which); give those, another --out, or"
            " remove the folder"
        )


def keep_command(folder: Path, commands: Mapping[str, Sequence[str]]) -> None:
    """Make the folder, if it is not there, and note in it by which commands it will be filled."""
    if not folder.exists():
        make_folder(folder)
        write_whole(folder / COMMAND, json.dumps(commands, indent=1) + "\n")


def call(*arguments: object) -> None:
    """Run Python with these arguments; a ClipselectError if that fails."""
    command = [sys.executable, *map(str, arguments)]
    if subprocess.run(command, check=False).returncode:
        raise ClipselectError(f"{shlex.join(command[1:])}: failed; see above, and give the same command again")


def table(out: Path, variants: Iterable[str], line: Line) -> str:
    """Markdown, a line for every variant whose DDNet and results lie in OUT/VARIANT; a cell stays empty where a line
    lacks the column."""
    lines = []
    for variant in variants:
        file = out / variant / "results.json"
        if file.exists():
            metadata = load_weights(file.with_name("ddnet.safetensors"), "ddnet")[1]
            lines.append(line(variant, json.loads(file.read_text()), metadata.get("held_out", {}).get("spearman")))
    if not lines:
        return ""
    head = [*dict.fromkeys(name for cells in lines for name in cells)]
    rows = [" | ".join(cells.get(name, "") for name in head) for cells in lines]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {row} |" for row in rows)]) + "\n"
