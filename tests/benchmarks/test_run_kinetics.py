"""The accuracy benchmark end to end, on videos and networks that it makes itself."""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_kinetics
import shared
import synthetic
import table_cache
from clip_tables import Networks
from helpers.benchmark_fixtures import made, networks, one_thread

from clipselect.errors import ClipselectError
from clipselect.evaluation.outcomes import Cost
from clipselect.evaluation.results import read_results
from clipselect.media.candidates import candidate_clips
from clipselect.media.sources import open_source

__all__ = ["made", "networks", "one_thread"]

Document = dict[str, Any]
Bench = Callable[..., Document]


@pytest.fixture
def bench(made: synthetic.Synthetic, tmp_path: Path) -> Bench:
    """The benchmark with these networks; returns its checked results file."""

    def call(*arguments: object, data: Path = made.data, kind: str = "--data", timed: int = 0) -> Document:
        out = tmp_path / "out"
        options = [kind, data, "--base", made.base, "--model", made.model, "--device", "cpu", "--out", out]
        run_kinetics.main([str(a) for a in (*options, "--timed", timed, "--k", 1, 3, *arguments)])
        assert (out / "results.md").read_text().startswith("#")
        return read_results(out).record()

    return call


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that are opened for the tables from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(table_cache, "open_source", noted)
    return names


def without_time(document: Document) -> Document:
    return {key: document[key] for key in ("rows", "differences", "classes", "ranking", "data")}


def test_the_whole_runs_and_fills_every_part_of_the_results(bench: Bench) -> None:
    document = bench(timed=1)
    rows = {(row["method"], row["k"]): row for row in document["rows"]}
    assert {("ddl", 1), ("ddl", 3), ("uniform_equal_cost", 3), ("top1", 1), ("action_clips_only", 3)} <= rows.keys()
    assert all(row["videos"] == 6 and row["data"] == "videos" for row in rows.values())
    (data,) = document["data"]
    assert (data["videos"], data["classes"], data["candidates"], data["unreadable"]) == (6, 2, 10.0, [])
    assert document["ranking"][0]["data"] == "videos" and 0 <= document["ranking"][0]["auc_ddnet"] <= 1
    rivals = {"uniform", "uniform_equal_cost", "random", "dense", "dense_weighted", "ddl"}
    assert {d["than"] for d in document["differences"]} == rivals
    assert {c["class"] for c in document["classes"]} == {"blinking", "moving"}
    assert document["base"]["gflops"] > 0 and len(document["model"]["sha256"]) == 64
    for method in ("ddl", "ddl_average", "uniform", "uniform_equal_cost"):
        assert rows[method, 3]["timed_videos"] == 1
        assert rows[method, 3]["seconds"] == pytest.approx(
            sum(rows[method, 3][f"seconds_{part}"] for part in ("decode", "ddnet", "base"))
        )
    assert rows["ddl", 3]["seconds_ddnet"] > 0 == rows["uniform", 3]["seconds_ddnet"]
    assert rows["dense", 12]["seconds"] > 0 and "seconds" not in rows["random", 3]


def test_another_k_opens_no_video_and_one_more_video_opens_that_one(
    bench: Bench, made: synthetic.Synthetic, opens: list[str], tmp_path: Path
) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[:-1]))
    first = bench(data=data)
    assert len(opens) == 5
    again = bench("--k", 1, 2, 3, data=data)
    assert len(opens) == 5
    assert [row for row in again["rows"] if row["k"] != 2] == first["rows"]
    data.write_text("\n".join(lines))
    assert bench(data=data)["data"][0]["videos"] == 6
    assert opens[5:] == ["05.mp4"]


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "pickle", "shape"])
def test_a_damaged_file_of_the_cache_is_made_again(bench: Bench, opens: list[str], tmp_path: Path, damage: str) -> None:
    whole = bench("--limit", 2)
    file = min((tmp_path / "out/cache").iterdir())
    content = bytearray(file.read_bytes())
    if damage == "noise":
        content[len(content) // 2] ^= 255
    elif damage == "pickle":
        with file.open("wb") as out:
            np.savez(out, spans=np.array([{}]), scores=np.array([{}]), probabilities=np.array([{}]))
        content = bytearray(file.read_bytes())
    elif damage == "shape":
        with file.open("wb") as out:
            np.savez(out, spans=np.zeros((2, 2)), scores=np.zeros(2), probabilities=np.zeros((2, 9)))
        content = bytearray(file.read_bytes())
    file.write_bytes({"cut": content[:200], "empty": b""}.get(damage, content))
    del opens[:]
    assert without_time(bench("--limit", 2)) == without_time(whole)
    assert len(opens) == 1


def test_other_clips_views_or_networks_are_computed_anew(bench: Bench, opens: list[str]) -> None:
    bench("--limit", 2)
    for option in (["--stride", "1/4"], ["--dense", 4], ["--views", 3], ["--clip-duration", 0.75]):
        del opens[:]
        bench(*option, "--limit", 2)
        assert len(opens) == 2, option


def test_a_video_that_cannot_be_read_is_named_and_left_out(
    bench: Bench, made: synthetic.Synthetic, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    (data.parent / "03.mp4").write_bytes(b"not a video")
    data.write_text(data.read_text() + "gone.mp4,moving,0,1,val\n")
    (found,) = bench(data=data)["data"]
    assert found["videos"] == 5 and found["missing"] == 1
    assert [Path(u["path"]).name for u in found["unreadable"]] == ["03.mp4"]
    assert "03.mp4" in (errors := capfd.readouterr().err) and "gone.mp4" in errors
    for file in data.parent.glob("*.mp4"):
        file.write_bytes(b"not a video")
    with pytest.raises(ClipselectError, match="not one of the 6 videos"):
        bench(data=data)


def test_compositions_stand_for_untrimmed_videos(bench: Bench, made: synthetic.Synthetic, tmp_path: Path) -> None:
    options = ("--background", made.background, "--domains", made.domains, "--per-video", 1, "--seeds", 0, 1, "--k", 3)
    document = bench("--compose", "mixed", "hard", *options, timed=1)
    for found in document["data"]:
        assert (found["videos"], found["sources"], found["candidates"]) == (12, 6, 20.0)
    assert {row["data"] for row in document["rows"]} == {"mixed", "hard"}
    assert {r["data"] for r in document["ranking"]} == {"mixed", "hard", "hard, dark", "hard, light"}
    assert all("seconds" in row for row in document["rows"] if row["method"] in ("ddl", "uniform", "dense"))
    source = open_source(tmp_path / "out/composed/hard/000.mp4")
    assert len(candidate_clips(source.timeline, Fraction(1, 2))) == 20


def test_activitynet_adds_mean_average_precision(bench: Bench, made: synthetic.Synthetic, tmp_path: Path) -> None:
    def entry(*labels: str) -> dict[str, Any]:
        said = [{"segment": [1.0, 2.0 + i], "label": label} for i, label in enumerate(labels)]
        return {"subset": "validation", "duration": 4.0, "annotations": said}

    database = {f"{i:02d}": entry("moving") for i in range(3)} | {
        "03": entry("blinking", "moving"),
        "gone": entry("moving"),
    }
    file = tmp_path / "activity_net.json"
    file.write_text(json.dumps({"database": database}))
    document = bench("--prefix", made.data.parent, data=file, kind="--activitynet")
    assert (document["data"][0]["videos"], document["data"][0]["missing"]) == (4, 1)
    assert all(0 <= row["map_low"] <= row["map"] <= row["map_high"] <= 100 for row in document["rows"])
    assert document["ranking"]  # the segments say which clips show the action
    assert next(iter(read_results(tmp_path / "out").rows[0].metrics)) == "map"
    assert any(d["metric"] == "map" for d in document["differences"])


def test_a_base_without_names_takes_those_of_the_data(
    made: synthetic.Synthetic, networks: Networks, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = argparse.Namespace(data=made.data, activitynet=None, prefix=None, classes=None)
    nameless = replace(networks.base, classes=("0", "1"))
    dataset, base, by = run_kinetics.labelled(args, nameless)
    assert base.classes == dataset.classes == ("blinking", "moving") and "assumed" in by
    assert "no names" in capfd.readouterr().err
    with pytest.raises(ClipselectError, match="has 2 classes, and the 3 outputs"):
        run_kinetics.labelled(args, replace(networks.base, classes=("0", "1", "2")))
    args.classes = tmp_path / "names.txt"
    args.classes.write_text("\ufeffmoving\n\nblinking\n", encoding="utf-8")
    dataset, base, by = run_kinetics.labelled(args, nameless)
    assert base.classes == dataset.classes == ("moving", "blinking") and by.endswith("names.txt")
    assert capfd.readouterr().err == ""
    args.classes.write_text("moving\nblinking\nresting\n")
    with pytest.raises(ClipselectError, match=r"names.txt: names 3 classes, and the base has 2 outputs"):
        run_kinetics.labelled(args, nameless)


def test_what_does_not_fit_together_is_said(
    made: synthetic.Synthetic, networks: Networks, capfd: pytest.CaptureFixture[str]
) -> None:
    args = run_kinetics.parsed(["--data", "x", "--out", "y"])
    run_kinetics.warn(args, networks.scorer, networks.base, Cost(1.0, 0.1))
    assert capfd.readouterr().err == ""
    other = replace(networks.scorer, metadata=networks.scorer.metadata | {"base_sha256": "12"})
    run_kinetics.warn(args, other, replace(networks.base, clip_duration=2.0), Cost(None, 0.1))
    told = capfd.readouterr().err.replace("\n", " ")
    assert "distilled for the base synthetic, not for synthetic" in told and "cannot be counted" in told
    assert "clips of 0.5 s" in told and "clips of 2 s" in told


def test_a_default_k_above_the_candidates_is_left_out(
    made: synthetic.Synthetic, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--data",
        made.data,
        "--base",
        made.base,
        "--model",
        made.model,
        "--timed",
        0,
        "--limit",
        2,
        "--dense",
        4,
    ]
    run_kinetics.main([str(a) for a in (*options, "--device", "cpu", "--out", tmp_path / "out")])
    document = read_results(tmp_path / "out").record()
    assert {row["k"] for row in document["rows"] if row["method"] == "ddl"} == {1, 3} == {*document["settings"]["k"]}
    assert "K = 5, 9 is left out" in capfd.readouterr().err


def test_limit_draws_evenly(bench: Bench) -> None:
    assert bench("--limit", 3)["data"][0]["videos"] == 3
    assert bench("--limit", 100)["data"][0]["videos"] == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--k", "0"], "--k"),
        (["--k", "13"], "--k must lie between 1 and 12"),
        (["--dense", "2"], "--k must lie between 1 and 2"),
        (["--seeds", "1", "0", "1"], "--seeds names one of them twice"),
        (["--dense", "0"], "--dense"),
        (["--views", "2"], "--views must be 1 or 3"),
        (["--limit", "0"], "--limit"),
        (["--stride", "0"], "--stride"),
        (["--compose", "easy"], "--compose must be"),
        (["--compose", "mixed"], "needs --background"),
        (["--domains", "x.csv"], "--domains is for --compose"),
        (["--base", "nothing"], "nothing"),
        (["--device", "cuda:99"], "cuda:99"),
    ],
)
def test_wrong_options_are_one_sentence(bench: Bench, options: list[str], says: str) -> None:
    with pytest.raises(ClipselectError, match=says):
        bench(*options)


def test_a_k_above_the_candidates_is_refused_before_a_video_is_opened(
    bench: Bench, made: synthetic.Synthetic, opens: list[str]
) -> None:
    composed = ["--compose", "mixed", "--background", made.background, "--k", "21"]
    for options in (["--dense", 2], composed):
        with pytest.raises(ClipselectError, match="the most candidates"):
            bench(*options)
    assert opens == []
    with pytest.raises(ClipselectError, match="untrimmed already"):
        bench("--compose", "mixed", "--background", made.background, kind="--activitynet")


def test_a_class_that_the_base_does_not_know_is_named(bench: Bench, made: synthetic.Synthetic, tmp_path: Path) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    data.write_text(data.read_text().replace("moving", "sleeping"))
    with pytest.raises(ClipselectError, match="sleeping"):
        bench(data=data)
    domains = tmp_path / "domains.csv"
    domains.write_text("class,domain\nsleeping,dark\n")
    options = ("--compose", "hard", "--background", made.background, "--domains", domains)
    with pytest.raises(ClipselectError, match=r"line 2 .*'sleeping'"):
        bench(*options)


def test_an_error_is_exit_code_2_and_no_traceback(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        run_kinetics.main(["--data", str(tmp_path / "[red]none"), "--out", str(tmp_path / "out")])

    with pytest.raises(SystemExit) as exit_:
        shared.run(failing)
    lines = capfd.readouterr().err.strip().splitlines()
    assert exit_.value.code == 2 and len(lines) == 1
    assert lines[0].startswith("Error: ") and "[red]none" in lines[0]
