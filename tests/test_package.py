"""What the package promises as a whole."""

import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import clipselect
from clipselect.scoring import shipped
from clipselect.scoring.weights_file import load_weights

ROOT = Path(__file__).parents[1]


def test_importing_the_command_line_loads_no_slow_extras() -> None:
    code = "import sys, clipselect.commands; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"matplotlib", "fvcore", "pytorchvideo", "decord", "torchvision", "scipy", "sklearn", "cv2"}


DECODES = """
import sys
from fractions import Fraction
from pathlib import Path
from clipselect.index.decode_workers import Decoding, Done, decode
how = Decoding(Fraction(1), Fraction(1), size=112, frames=8, fps=30, threads=1)
*_, last = decode(Path(sys.argv[1]), how)
assert last == Done(), last
print(*sys.modules)
"""


def test_a_process_that_decodes_does_without_torch(video: Path) -> None:
    """It would begin a second later and take half a gigabyte more, once per core."""
    command = [sys.executable, "-c", DECODES, str(video)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "av" in loaded
    assert "torch" not in loaded


def test_public_names_are_there_and_imported_when_first_used() -> None:
    modules = {module.name for module in pkgutil.iter_modules(clipselect.__path__)}
    assert not modules & {*clipselect.__all__}  # whichever is imported first would hide the other
    assert {*clipselect.__all__} <= {*dir(clipselect)}
    assert all(getattr(clipselect, name).__name__ == name for name in clipselect.__all__)
    code = "import sys, clipselect; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "clipselect" in loaded and not {"torch", "numpy", "av"} & {*loaded}
    with pytest.raises(AttributeError, match="cilpselect"):
        _ = clipselect.cilpselect


def test_every_public_function_has_an_example() -> None:
    functions = [getattr(clipselect, name) for name in clipselect.__all__]
    functions = [function for function in functions if inspect.isfunction(function)]
    assert len(functions) >= 20
    assert [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")] == []


def test_every_name_of_the_zoo_is_shipped_with_a_card_that_states_its_hash() -> None:
    for name, file in {**shipped.DDNETS, **shipped.BASES}.items():
        path = shipped.weights_path(name, {name: file})
        assert path.stat().st_size <= 12_000_000
        card = path.with_suffix(".md").read_text()
        kind = "ddnet" if name in shipped.DDNETS else "base"
        assert load_weights(path, kind)[1]["sha256"] in card


def test_the_paper_is_mapped_to_files_that_exist() -> None:
    named = re.findall(r"`([\w/]+(?:\.py|/))`", (ROOT / "docs" / "code.md").read_text())
    assert len(named) >= 40
    assert [name for name in named if not (ROOT / "clipselect" / name).exists()] == []


def test_the_pages_hold_no_placeholders() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"]
    lines = [line for page in pages for line in page.read_text().splitlines()]
    assert [line for line in lines if re.fullmatch(r"[A-Z ]{3,}", line)] == []


def test_the_python_example_of_the_readme_runs(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "video.mp4").symlink_to(video)
    names: dict[str, Any] = {}
    exec(example, names)
    answer, base = names["answer"], names["base"]
    assert answer.shape == (len(base.classes),) and 0 < float(answer.max()) <= float(answer.sum()) <= 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{base.classes[int(answer.argmax())]} {float(answer.max()):.0%}"
    assert "guess" in printed[-1]  # grey frames are all alike
    assert len([line for line in example.splitlines() if line]) < 10


def test_every_public_name_is_there_and_described() -> None:
    things = {name: getattr(clipselect, name) for name in clipselect.__all__}
    assert {name for name, thing in things.items() if thing.__name__ != name} == set()
    # a dataclass without a docstring gets its signature as one
    assert {name for name, thing in things.items() if (thing.__doc__ or name).startswith(name)} == set()
