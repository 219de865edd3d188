"""What took long to make, kept with the commands that made it, so that nothing is taken for the work of others."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clipselect.commands.outputs import make_folder
from clipselect.errors import ClipselectError
from clipselect.files import write_whole

COMMAND = "command.json"


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


def markdown(lines: Sequence[Mapping[str, str]]) -> str:
    """A table of lines by column; a cell stays empty where a line lacks the column."""
    if not lines:
        return ""
    head = [*dict.fromkeys(name for line in lines for name in line)]
    rows = [" | ".join(line.get(name, "") for name in head) for line in lines]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {row} |" for row in rows)]) + "\n"
