"""What `clipselect.evaluate` does with its arguments before any work."""

from pathlib import Path
from typing import Any

import pytest

from clipselect import evaluate
from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.clips import ClipEvaluation


@pytest.mark.parametrize(
    ("options", "argument", "says"),
    [
        ({"k": 0}, "k", "at least 1"),
        ({"k": []}, "k", "at least one number"),
        ({"k": "3"}, "k", "whole numbers"),
        ({"k": [1.5]}, "k", "whole numbers"),
        ({"seeds": -1}, "seeds", "at least 0"),
        ({"elements": "faces"}, "base", "must be given for faces"),
        ({"elements": "persons"}, "base", "must be given for persons"),
        ({"elements": "faces", "base": "x.onnx", "far": 2}, "far", "must lie in"),
        ({"elements": "faces", "base": "x.onnx", "set_size": 0}, "set_size", "at least 1"),
        ({"elements": "faces", "base": "x.onnx", "domains": "actor", "blur": 1}, "blur", "must lie in"),
        ({"compose": "mixes"}, "compose", "must be mixed, hard or both, got mixes"),
    ],
)
def test_options_that_make_no_sense_name_the_argument(
    tmp_path: Path, options: dict[str, Any], argument: str, says: str
) -> None:
    with pytest.raises(ArgumentError, match=says) as refused:
        evaluate(tmp_path / "none", tmp_path / "out", **options)
    assert refused.value.argument == argument


def test_several_folders_are_for_persons(tmp_path: Path) -> None:
    for elements in ("clips", "faces"):
        with pytest.raises(ArgumentError, match="data must be one folder or file for"):
            evaluate([tmp_path, tmp_path], tmp_path / "out", elements=elements, base="x.onnx")  # type: ignore[arg-type]


def test_a_single_number_is_a_list_of_one(tmp_path: Path) -> None:
    with pytest.raises(ClipselectError, match="nothing"):  # the base, which is looked for after the numbers
        evaluate(tmp_path / "none", tmp_path / "out", k=1, seeds=0, base="nothing")
    with pytest.raises(ArgumentError, match="k must be a list of whole numbers, got 1"):
        ClipEvaluation(tmp_path, k=1)  # type: ignore[arg-type]


def test_an_unknown_option_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"evaluate\(\) has no option 'foo' for elements='faces'.*set_size"):
        evaluate(tmp_path, tmp_path / "out", elements="faces", base="x.onnx", foo=1)
