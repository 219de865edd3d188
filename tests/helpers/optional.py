"""Tests of optional libraries are skipped where these are missing."""

from typing import Any

import pytest


def import_or_skip(name: str) -> Any:
    """A library; the test is skipped where it is not installed or, torchcodec, finds no FFmpeg on the system."""
    module = pytest.importorskip(name, exc_type=ImportError)
    if name == "torchcodec" and module.ffmpeg_major_version is None:
        pytest.skip("torchcodec finds no FFmpeg")
    return module
