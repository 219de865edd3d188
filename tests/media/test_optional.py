"""Libraries that only some jobs need."""

import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from clipselect.errors import ClipselectError, MissingLibraryError
from clipselect.media import optional
from clipselect.media.optional import LIBRARIES, innermost_cause, require


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Python finds modules first; torchcodec has not been imported and is as new as needed."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchcodec", raising=False)
    installed(monkeypatch, LIBRARIES["torchcodec"].minimum)
    return tmp_path


def installed(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: version)
    optional._too_old.cache_clear()
    monkeypatch.setattr(optional, "_too_old", optional._too_old.__wrapped__)


def problem(name: str = "torchcodec") -> str:
    with pytest.raises(MissingLibraryError) as e:
        require(name, "the sampler")
    assert isinstance(e.value, ClipselectError)
    assert "\n" not in str(e.value)
    assert str(e.value).startswith(f"the sampler needs {LIBRARIES[name].distributions[0]}")
    return str(e.value)


def test_a_library_that_is_there_is_imported() -> None:
    assert isinstance(require("pandas", "a table"), ModuleType)


def test_a_missing_library_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    assert "pip install 'clipselect[train]'" in problem("lightning_fabric")


def test_whoever_prefers_the_other_opencv_reads_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    found = problem("cv2")
    assert "pip install 'clipselect[faces]'" in found
    assert "pip install opencv-python)" in found


def test_an_old_library_is_refused_with_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "0.0.3rc1")
    found = problem()
    assert "found 0.0.3rc1" in found
    assert f"{LIBRARIES['torchcodec'].minimum} or later" in found
    assert "pip install 'clipselect[torchcodec]'" in found


def test_versions_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "100.0+cu130")
    assert require("pandas", "a table")


def test_a_broken_library_is_reported_with_the_innermost_cause(fake: Path) -> None:
    (fake / "torchcodec.py").write_text(
        "try:\n    raise OSError('libavutil.so.60: cannot open\\nlong story')\n"
        "except OSError as e:\n    raise RuntimeError('could not load libtorchcodec') from e\n"
    )
    assert "OSError: libavutil.so.60: cannot open)" in problem()


def test_a_library_that_lacks_one_of_its_own_is_broken_and_not_missing(fake: Path) -> None:
    (fake / "torchcodec.py").write_text("import what_it_needs\n")
    found = problem()
    assert "what_it_needs" in found
    assert "does not load" in found


def test_a_cause_that_was_hidden_on_purpose_stays_hidden() -> None:
    try:
        try:
            raise OSError("inner")
        except OSError:
            raise RuntimeError("outer") from None
    except RuntimeError as e:
        assert innermost_cause(e) == "RuntimeError: outer"
    assert innermost_cause(ValueError()) == "ValueError"


def test_the_cause_is_found_in_tracebacks_that_a_message_quotes() -> None:
    """torchcodec tries every version of FFmpeg; attempts that fail alike are those for versions that are not there."""
    absent = "Traceback (most recent call last):\nOSError: libavutil.so.{}: cannot open\n"
    others = "".join(absent.format(i) for i in (61, 60))
    assert innermost_cause(RuntimeError(f"could not load\n{others}")) == "OSError: libavutil.so.61: cannot open"
    differs = "ImportError: undefined symbol: x"
    assert innermost_cause(RuntimeError(f"could not load\n{others}{differs}\n")) == differs
