"""What a card tells its reader to run."""

from pathlib import Path
from typing import Any

import pytest

import clipselect


def use_as_the_card_says(card: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the line of code under "Use" where the weights lie; what it makes."""
    _, _, line = card.read_text().partition("\n## Use\n\n    ")
    name, _, code = line.splitlines()[0].partition(" = ")
    monkeypatch.chdir(card.parent)
    assert name.isidentifier()
    return eval(code, {"clipselect": clipselect})
