"""`clipselect evaluate faces` on a few made-up people, and the rows of what it writes."""

import json
from pathlib import Path
from typing import Any

from clipselect import evaluate
from helpers.frame_fixtures import people, textured, tiny_ddnet


def made_people(folder: Path) -> Path:
    """People and a DDNet for `evaluated_faces`."""
    people(folder / "people", 4, 8, draw=textured)
    tiny_ddnet(folder / "model.safetensors")
    return folder


def evaluated_faces(folder: Path, **options: Any) -> dict[str, Any]:
    """The results file of the people in that folder."""
    (folder / "out" / "results.json").unlink(missing_ok=True)
    how = {"set_size": 4, "seeds": [0], "far": 0.1, "draws": 50, "k": [2, 9], "device": "cpu"} | options
    evaluate(folder / "people", folder / "out", elements="faces", model=folder / "model.safetensors", **how)
    document: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text())
    return document


def rows(document: dict[str, Any], method: str) -> list[dict[str, Any]]:
    return [row for row in document["rows"] if row["method"] == method]
