"""Classifiers of transformers, made once."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of every kind; for modules of tests that are skipped without transformers."""
    from helpers.hugging_face import KINDS, tiny_classifier

    return {kind: tiny_classifier(tmp_path_factory.mktemp(kind) / kind, kind) for kind in KINDS}


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a VideoMAE to spoil."""
    return Path(shutil.copytree(folders["videomae"], tmp_path / "mine"))
