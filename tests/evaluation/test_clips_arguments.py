"""Arguments of an evaluation of clips that make no sense, or that its data do not suit."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.evaluation_fixtures import Bench

from clipselect.errors import ArgumentError, ClipselectError
from clipselect.evaluation.clips import ClipEvaluation
from clipselect.evaluation.evaluate import evaluate
from clipselect.evaluation.synthetic import SyntheticData

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"k": [0]}, "k"),
        ({"k": []}, "k"),
        ({"dense": 2, "k": [3]}, "k"),
        ({"compose": ["mixed"], "background": Path("x"), "k": [21]}, "k"),
        ({"seeds": [1, 0, 1]}, "seeds"),
        ({"dense": 0}, "dense"),
        ({"limit": 0}, "limit"),
        ({"timed": -1}, "timed"),
        ({"fps": 0.0}, "fps"),
        ({"stride": 0}, "stride"),
        ({"clip_duration": float("nan")}, "clip_duration"),
        ({"pieces": -1}, "pieces"),
        ({"pieces": 30, "dense": 9}, "dense"),
        ({"compose": ["mixed"], "background": Path("x"), "pieces": 30}, "pieces"),
        ({"compose": ["easy"]}, "compose"),
        ({"compose": ["mixed"]}, "background"),
        ({"compose": ["hard"], "background": Path("x")}, "domains"),
        ({"compose": ["mixed"], "background": Path("x"), "dense": 3}, "dense"),
        ({"compose": ["mixed"], "background": Path("x"), "data": Path("x.json")}, "compose"),
        ({"domains": Path("x.csv")}, "domains"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_before_the_work(options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        ClipEvaluation(**{"data": Path("none")} | options)
    assert refused.value.argument == argument


def test_unknown_elements_and_a_k_that_no_video_can_give_are_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="elements must be one of clips"):
        evaluate("videos", tmp_path, elements="words")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="k must lie between 1 and 12"):
        bench(k=[13])


def test_a_class_that_the_base_does_not_know_is_named(bench: Bench, made: SyntheticData, tmp_path: Path) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    data.write_text(data.read_text().replace("moving", "sleeping"))
    with pytest.raises(ClipselectError, match="sleeping"):
        bench(data=data)
    domains = tmp_path / "domains.csv"
    domains.write_text("class,domain\nsleeping,dark\n")
    with pytest.raises(ClipselectError, match=r"line 2 .*'sleeping'"):
        bench(compose=["hard"], background=made.background, domains=domains)


def test_pieces_need_segments_and_the_length_of_a_clip(bench: Bench, made: SyntheticData, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"0\.5 s, got 0\.4") as refused:
        bench(pieces=0.4)
    assert refused.value.argument == "pieces"
    plain = tmp_path / "plain.csv"
    plain.write_text(f"path,label,split\n{made.data.parent}/00.mp4,moving,val\n{made.data.parent}/01.mp4,moving,val\n")
    with pytest.raises(ArgumentError, match="segments") as refused:
        bench(data=plain, pieces=2)
    assert refused.value.argument == "pieces"
