"""What is said where torchcodec or its FFmpeg is missing."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from clipselect import ClipselectError
from clipselect.errors import MissingLibraryError
from clipselect.samplers.torchcodec import clips_by_score

LOADING = """Could not load libtorchcodec. Likely causes:
          1. FFmpeg is not properly installed in your environment.

        The following exceptions were raised as we tried to load libtorchcodec:

[start of libtorchcodec loading traceback]
{}[end of libtorchcodec loading traceback]."""


def loading(*errors: str) -> str:
    traces = [
        f"FFmpeg version {i}:\nTraceback (most recent call last):\n  File x\n{e}\n\n" for i, e in enumerate(errors)
    ]
    return LOADING.format("".join(traces))


def without_ffmpeg(message: str) -> ModuleType:
    """torchcodec as it is where its libraries do not load."""

    def fails(*args: Any, **options: Any) -> None:
        raise RuntimeError(message)

    module: Any = ModuleType("torchcodec")
    module.ffmpeg_major_version, module.decoders = None, SimpleNamespace(VideoDecoder=fails)
    return module


def missing(video: Path) -> str:
    with pytest.raises(MissingLibraryError) as e:
        clips_by_score(video)
    assert isinstance(e.value, ClipselectError) and "\n" not in str(e.value)
    return str(e.value)


def test_a_missing_torchcodec_comes_with_the_command(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    assert "pip install 'clipselect[torchcodec]'" in missing(video)


ABSENT = "OSError: libavutil.so.{}: cannot open shared object file"
BROKEN = "OSError: libtorchcodec_core7.so: undefined symbol: x"


@pytest.mark.parametrize(
    ("errors", "cause"),
    [
        ([ABSENT.format(i) for i in (61, 60, 59)], ABSENT.format(61)),
        ([ABSENT.format(61), BROKEN, ABSENT.format(59)], BROKEN),  # of the FFmpeg that is installed
    ],
)
def test_ffmpeg_that_does_not_load_is_named_with_the_innermost_cause(
    errors: list[str], cause: str, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchcodec", without_ffmpeg(loading(*errors)))
    found = missing(video)
    assert cause in found and "install FFmpeg" in found and "Likely causes" not in found


def test_old_versions_that_fail_while_they_are_imported_say_the_same(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchcodec.py").write_text(f"raise RuntimeError({loading(BROKEN)!r})")
    for name in [name for name in sys.modules if name.split(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    found = missing(video)
    assert BROKEN in found and "install FFmpeg" in found
