"""What `pip install .` installs is enough for scoring, the samplers and the index; the rest is said in one sentence."""

import ast
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import setuptools
from helpers.identity_pictures import data_set
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clipselect.media.optional import LIBRARIES, Library

ROOT = Path(__file__).parents[1]
CORE_ALONE = ROOT / "tests" / "helpers" / "core_only.py"
DISTRIBUTIONS = {"PIL": "pillow"}
"""Of required libraries that are imported by another name."""
COMES_WITH = {"huggingface_hub": "transformers"}
"""Modules of libraries that others bring along."""
OPTIONAL = {
    "train": [
        "train-base --data videos -o base.safetensors",
        "distill --data videos --base narrow_slow -o d.safetensors",
    ],
    "report": ["score {video} --plot scores.png", "evaluate clips --data videos --out results"],
    "faces": ["faces {video}", "reid images", "train-embedder --data images -o net.safetensors"],
    "decord": ["score {video} --decoder decord"],
    "onnx": ["export --onnx ddnet.onnx"],
    "ray": ["index {video} -o scores.parquet --engine ray"],
}


@pytest.fixture(scope="module")
def setup_arguments() -> dict[str, Any]:
    """What setup.py gives to setuptools."""
    found = dict[str, Any]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", found.update)
        patch.chdir(ROOT)
        runpy.run_path("setup.py")
    return found


def core_alone(*commands: str, cwd: Path) -> str:
    """Standard output of core_only.py."""
    command = [sys.executable, str(CORE_ALONE), *commands]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def outcomes(commands: Sequence[str], cwd: Path) -> list[tuple[str, int, str]]:
    """Each command, its exit code and standard error."""
    lines = core_alone(*commands, cwd=cwd).splitlines()
    return [(command, *json.loads(line)) for command, line in zip(commands, lines, strict=True)]


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def imports(module: Path) -> Iterator[tuple[str, bool]]:
    """Top-level names of the libraries that a module imports, and whether Python imports them with the module."""
    tree = ast.parse(module.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = [node.module or ""]
        else:
            continue
        for name in {dotted.split(".")[0] for dotted in found} - sys.stdlib_module_names - {"clipselect"}:
            yield name, node in tree.body


def test_every_import_is_of_a_requirement_or_guarded(setup_arguments: dict[str, Any]) -> None:
    required = names(setup_arguments["install_requires"])
    modules = [*ROOT.glob("clipselect/**/*.py"), *ROOT.glob("zoo/**/*.py")]
    assert len(modules) > 100
    seen = set[str]()
    for module in modules:
        for imported, at_once in imports(module):
            name = COMES_WITH.get(imported, imported)
            if name in LIBRARIES:
                assert not at_once, f"{module} imports {name} at its top; import it where it is used"
                text = module.read_text()
                assert "require(" in text and f'"{name}"' in text, f"{module} imports {name} without require"
            else:
                distribution = canonicalize_name(DISTRIBUTIONS.get(name, name))
                assert distribution in required, f"{module} imports {name}, which neither setup.py nor LIBRARIES name"
                seen.add(distribution)
    assert required - seen <= {"packaging", "torchmetrics"}  # a requirement that nothing imports


@pytest.mark.parametrize(("name", "library"), LIBRARIES.items())
def test_an_extra_installs_what_its_library_needs(name: str, library: Library, setup_arguments: dict[str, Any]) -> None:
    extras = setup_arguments["extras_require"]
    found = {Requirement(one).name: Requirement(one).specifier for one in extras[library.extra]}
    assert f">={library.minimum}" in str(found[library.distributions[0]]).split(",")
    assert library.distributions[0] in {Requirement(one).name for one in extras["all"]}


def test_no_opencv_is_ever_required(setup_arguments: dict[str, Any]) -> None:
    assert not any("opencv" in one for one in setup_arguments["install_requires"])


def test_everything_is_imported_and_every_help_shown_with_the_core_alone(tmp_path: Path) -> None:
    lines = {*core_alone(cwd=tmp_path).splitlines()}
    assert {"help: score", "help: distill", "help: evaluate persons", "help: report"} <= lines


def test_the_core_alone_scores_classifies_and_indexes(video: Path, tmp_path: Path) -> None:
    commands = [
        "demo",
        f"score {video} --html page.html --csv clips.csv",
        f"classify {video}",
        f"index {video} -o scores.parquet",
    ]
    for command, code, err in outcomes(commands, tmp_path):
        assert code == 0, (command, err)


def test_a_missing_extra_is_one_sentence_with_the_command(video: Path, tmp_path: Path) -> None:
    for label in ("one", "two"):
        folder = tmp_path / "videos" / "train" / label
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"{number}.mp4").symlink_to(video)
    data_set(tmp_path / "images")
    extras = {command.format(video=video): extra for extra, commands in OPTIONAL.items() for command in commands}
    for command, code, err in outcomes([*extras], tmp_path):
        assert code == 2, (command, err)
        assert len(err.strip().splitlines()) == 1, (command, err)
        assert f"pip install 'clipselect[{extras[command]}]'" in err


SAMPLER = """
import helpers.core_only
import sys, torch
from pytorchvideo.data import LabeledVideoDataset
from clipselect import DDLClipSampler
data = LabeledVideoDataset([(sys.argv[1], {"label": 0})], DDLClipSampler(1, k=2), decode_audio=False)
print(len(list(data)))
"""


def test_the_sampler_needs_the_core_alone(video: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAMPLER, str(video)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.stdout.strip() == "2", done.stderr
