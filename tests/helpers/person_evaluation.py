"""`clipselect evaluate persons` on a few made-up people, and the rows of what it writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from clipselect.evaluation.results import read_results
from clipselect.evaluation.sets.persons import PersonEvaluation
from clipselect.media.unreadable import OnError, ignore_error
from helpers.frame_fixtures import EMBEDDER, pattern, tiny_ddnet, write

Document = dict[str, Any]
Bench = Callable[..., Document]


def mars(folder: Path, identity: int = 1, camera: int = 1, frames: int = 3, side: int = 32) -> list[Path]:
    """A tracklet as MARS names it."""
    names = [f"{identity:04d}/{identity:04d}C{camera}T0001F{i:03d}.png" for i in range(1, frames + 1)]
    return [
        write(folder / name, pattern(identity, 10 * camera + i, side)) for i, name in enumerate(names)
    ]  # as different as frames of one camera


def people(folder: Path, first: int = 1, count: int = 4, frames: int = 3) -> Path:
    """Identities that two cameras see."""
    for identity in range(first, first + count):
        for camera in (1, 2):
            mars(folder, identity, camera, frames)
    return folder


def person_bench(tmp_path: Path) -> Bench:
    """The evaluation of folders; returns its results file."""
    (tmp_path / "base.py").write_text(EMBEDDER)
    model = tiny_ddnet(tmp_path / "ddnet.safetensors")

    def call(data: Path | list[Path], on_error: OnError = ignore_error, **options: Any) -> Document:
        how = {"base": f"{tmp_path / 'base.py'}:base", "model": model, "device": "cpu"}
        (tmp_path / "out/results.json").unlink(missing_ok=True)  # the cache is kept
        PersonEvaluation(data, **how | options).run(tmp_path / "out", on_error=on_error)
        return read_results(tmp_path / "out").record()

    return call


def row(document: Document, method: str, k: int | None = None, data: str = "as they are") -> dict[str, Any]:
    (found,) = [r for r in document["rows"] if (r["method"], r["k"]) == (method, k) and r["data"].endswith(data)]
    return found
