"""Clips evaluated end to end, on videos and networks that the test makes itself."""

import json
import shutil
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.evaluation_fixtures import Bench
from helpers.optional import import_or_skip

from clipselect.errors import ArgumentError, ClipselectError, ClipselectWarning, MissingFileError
from clipselect.evaluation.clip_tables import Networks, VideoTable
from clipselect.evaluation.clips import ClipEvaluation
from clipselect.evaluation.kept_arrays import load_arrays
from clipselect.evaluation.outcomes import Cost
from clipselect.evaluation.results import read_results
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.media.candidate_clips import candidate_clips
from clipselect.media.progress import Progress
from clipselect.media.sources import open_source

pytestmark = pytest.mark.slow

Document = dict[str, Any]
COLUMNS = [field.name for field in fields(VideoTable)]


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
    baselines = {"uniform", "uniform_equal_cost", "random", "motion", "packets", "dense", "dense_weighted", "ddl"}
    assert {d["than"] for d in document["differences"]} == baselines
    assert {c["class"] for c in document["classes"]} == {"blinking", "moving"}
    assert document["base"]["gflops"] > 0 and len(document["model"]["sha256"]) == 64
    for method in ("ddl", "ddl_average", "uniform", "uniform_equal_cost", "motion", "packets"):
        assert rows[method, 3]["timed_videos"] == 1
        assert rows[method, 3]["seconds"] == pytest.approx(
            sum(rows[method, 3][f"seconds_{part}"] for part in ("decode", "ddnet", "base"))
        )
    assert (
        rows["ddl", 3]["seconds_ddnet"] > 0 == rows["uniform", 3]["seconds_ddnet"] == rows["motion", 3]["seconds_ddnet"]
    )
    assert rows["dense", 12]["seconds"] > 0 and "seconds" not in rows["random", 3]


def test_another_k_opens_no_video_and_one_more_video_opens_that_one(
    bench: Bench, made: SyntheticData, opened: list[str], tmp_path: Path
) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[:-1]))
    first = bench(data=data)
    assert len(opened) == 5
    again = bench(k=[1, 2, 3], data=data)
    assert len(opened) == 5
    assert [row for row in again["rows"] if row["k"] != 2] == first["rows"]
    data.write_text("\n".join(lines))
    assert bench(data=data)["data"][0]["videos"] == 6
    assert opened[5:] == ["05.mp4"]


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "pickle", "shape", "number"])
def test_a_damaged_file_of_the_cache_is_made_again(
    bench: Bench, opened: list[str], tmp_path: Path, damage: str
) -> None:
    whole = bench(limit=2)
    file = min((tmp_path / "out/cache").iterdir())
    content = bytearray(file.read_bytes())
    if damage == "noise":
        content[len(content) // 2] ^= 255
    elif damage == "pickle":
        with file.open("wb") as out:
            np.savez(out, **dict.fromkeys(COLUMNS, np.array([{}])))
        content = bytearray(file.read_bytes())
    elif damage == "shape":
        with file.open("wb") as out:
            np.savez(
                out,
                **dict.fromkeys(COLUMNS, np.zeros(2)) | {"spans": np.zeros((2, 2)), "probabilities": np.zeros((2, 9))},
            )
        content = bytearray(file.read_bytes())
    elif damage == "number":
        np.savez(file, **dict.fromkeys(COLUMNS, np.array(0.0)))
        content = bytearray(file.read_bytes())
    file.write_bytes({"cut": content[:200], "empty": b""}.get(damage, content))
    del opened[:]
    assert without_time(bench(limit=2)) == without_time(whole)
    assert len(opened) == 1


def test_networks_may_be_given_loaded(bench: Bench, networks: Networks) -> None:
    loaded = bench(base=networks.base, model=networks.scorer, limit=2)
    assert without_time(loaded) == without_time(bench(limit=2))


def test_a_geometry_that_makes_no_sense_is_refused_before_a_video_is_opened(bench: Bench, opened: list[str]) -> None:
    for wrong in ("crop", "short_side:8"):
        with pytest.raises(ArgumentError) as refused:
            bench(base_geometry=wrong)
        assert refused.value.argument == "base_geometry" and wrong in str(refused.value)
    assert not opened


def test_the_results_name_the_precision_of_the_base(bench: Bench, opened: list[str]) -> None:
    exact, fast = (bench(limit=1, base_precision=p)["base"] for p in (None, "bf16"))
    assert "precision" not in exact and fast["precision"] == "bf16"
    assert len(opened) == 2, "one precision's table was taken for the other's"
    with pytest.raises(ArgumentError) as refused:
        bench(base_precision="16")
    assert refused.value.argument == "base_precision"


def test_results_of_another_precision_are_not_replaced(
    bench: Bench, networks: Networks, made: SyntheticData, tmp_path: Path
) -> None:
    bench(base=networks.base, limit=1)
    fast = networks.base.with_precision("bf16")
    again = ClipEvaluation(made.data, base=fast, model=made.model, device="cpu", timed=0, k=[1, 3], limit=1)
    with pytest.raises(ArgumentError, match=r"of another evaluation \(base differ\)"):
        again.run(tmp_path / "out")


def test_the_results_name_the_geometry(bench: Bench) -> None:
    squashed, cropped = (bench(limit=1, base_geometry=g)["base"] for g in (None, "three_crops:48"))
    assert "geometry" not in squashed and cropped["geometry"] == "three_crops:48"
    assert cropped["gflops"] == pytest.approx(3 * squashed["gflops"])


def test_clips_within_shots_are_measured_where_they_are_asked_for(
    bench: Bench, opened: list[str], tmp_path: Path
) -> None:
    import_or_skip("scenedetect")
    without, document = bench(), bench(shots=True)
    rows = {(row["method"], row["k"]): row for row in document["rows"]}
    others = [row for row in document["rows"] if row["method"] != "shots"]
    assert others == without["rows"] and "shots" not in without["settings"] and document["settings"]["shots"] is True
    assert rows["shots", 3]["gflops"] == rows["uniform", 3]["gflops"]
    assert ("ddl", 3, "shots", 3) in {(d["method"], d["k"], d["than"], d["than_k"]) for d in document["differences"]}
    del opened[:]
    file = next(file for file in (tmp_path / "out/cache").iterdir() if load_arrays(file, ["starts"]))
    file.write_bytes(b"damaged")
    assert without_time(bench(shots=True)) == without_time(document) and len(opened) == 1
    np.savez(file, starts=np.array([1.0, 0.5]))
    assert without_time(bench(shots=True)) == without_time(document) and len(opened) == 2
    with pytest.raises(ArgumentError, match="shots must not be given for compositions"):
        bench(shots=True, compose=["mixed"], background=tmp_path)


def test_limit_draws_evenly(bench: Bench) -> None:
    assert bench(limit=3)["data"][0]["videos"] == 3
    assert bench(limit=100)["data"][0]["videos"] == 6


@pytest.mark.parametrize(
    "option",
    [{"stride": Fraction(1, 4)}, {"dense": 4}, {"base_geometry": "short_side"}, {"clip_duration": 0.75}],
    ids=str,
)
def test_other_clips_geometries_or_networks_are_computed_again(
    bench: Bench, opened: list[str], option: dict[str, Any]
) -> None:
    bench(limit=2)
    del opened[:]
    bench(limit=2, **option)
    assert len(opened) == 2


def test_a_video_that_cannot_be_read_is_reported_and_left_out(
    bench: Bench, made: SyntheticData, tmp_path: Path
) -> None:
    data = shutil.copytree(made.data.parent, tmp_path / "data") / made.data.name
    (data.parent / "03.mp4").write_bytes(b"not a video")
    data.write_text(data.read_text() + "gone.mp4,moving,0,1,val\n")
    failed: dict[str, ClipselectError] = {}
    (found,) = bench(data=data, on_error=failed.__setitem__)["data"]
    assert found["videos"] == 5 and found["missing"] == 1
    assert [Path(u["path"]).name for u in found["unreadable"]] == ["03.mp4"]
    assert {Path(path).name: isinstance(error, MissingFileError) for path, error in failed.items()} == {
        "gone.mp4": True,
        "03.mp4": False,
    }
    for file in data.parent.glob("*.mp4"):
        file.write_bytes(b"not a video")
    with pytest.raises(ClipselectError, match="not one of the 6 videos"):
        bench(data=data)


def test_compositions_stand_for_untrimmed_videos(bench: Bench, made: SyntheticData, tmp_path: Path) -> None:
    options = {"background": made.background, "domains": made.domains, "per_video": 1, "seeds": [0, 1], "k": [3]}
    stages: list[Progress] = []
    document = bench(compose=["mixed", "hard"], timed=1, progress=stages.append, **options)
    for found in document["data"]:
        assert (found["videos"], found["sources"], found["candidates"]) == (12, 6, 20.0)
    assert {row["data"] for row in document["rows"]} == {"mixed", "hard"}
    assert {r["data"] for r in document["ranking"]} == {"mixed", "hard", "hard, dark", "hard, light"}
    assert all("seconds" in row for row in document["rows"] if row["method"] in ("ddl", "uniform", "dense"))
    source = open_source(tmp_path / "out/composed/hard/000.mp4")
    assert len(candidate_clips(source.timeline, Fraction(1, 2))) == 20
    ended = [p.stage for p in stages if p.done == p.total]
    assert ended == [
        "both networks on every clip",
        *["composing files", "timing mixed"],
        "composing files",
        "timing hard",
    ]


def test_activitynet_adds_mean_average_precision(bench: Bench, made: SyntheticData, tmp_path: Path) -> None:
    def entry(*labels: str) -> dict[str, Any]:
        annotations = [{"segment": [1.0, 2.0 + i], "label": label} for i, label in enumerate(labels)]
        return {"subset": "validation", "duration": 4.0, "annotations": annotations}

    database = {f"{i:02d}": entry("moving") for i in range(3)} | {
        "03": entry("blinking", "moving"),
        "gone": entry("moving"),
    }
    file = tmp_path / "activity_net.json"
    file.write_text(json.dumps({"database": database}))
    document = bench(prefix=made.data.parent, data=file)
    assert (document["data"][0]["videos"], document["data"][0]["missing"]) == (4, 1)
    assert all(0 <= row["map_low"] <= row["map"] <= row["map_high"] <= 100 for row in document["rows"])
    assert document["ranking"]  # the segments say which clips show the action
    assert next(iter(read_results(tmp_path / "out").rows[0].metrics)) == "map"
    assert any(d["metric"] == "map" for d in document["differences"])


def test_pieces_are_groups_with_the_actions_of_their_clips(
    bench: Bench, made: SyntheticData, opened: list[str]
) -> None:
    whole = bench(limit=3, k=[1])
    del opened[:]
    document = bench(limit=3, k=[1], pieces=2, timed=1)
    assert opened == []  # the tables are those of the whole videos
    (data,) = document["data"]
    assert data["sources"] == 3 and data["videos"] + data["unlabelled"] == 8  # of 4, 5 and 6 s
    assert data["candidates"] <= 5
    assert document["group"] == "piece" and document["settings"]["pieces"] == 2
    assert all(row["sources"] == 3 for row in document["rows"])
    assert {entry["method"] for entry in document["best_clips"]} == {
        "ddl", "uniform", "motion", "packets", "confidence"
    }  # fmt: skip
    assert all(entry["sources"] <= 3 for entry in document["best_clips"] + whole["best_clips"])
    assert whole["best_clips"][0]["videos"] == 3
    timed = next(row for row in document["rows"] if row["method"] == "dense")
    assert timed["timed_videos"] == 1 and timed["seconds"] > 0


def test_networks_that_do_not_fit_together_are_warned_of(
    made: SyntheticData, networks: Networks, recwarn: pytest.WarningsRecorder
) -> None:
    evaluation = ClipEvaluation(made.data)
    evaluation.warn(networks, Cost(1.0, 0.1))
    assert not recwarn.list
    other = replace(networks.scorer, metadata=networks.scorer.metadata | {"base_sha256": "12"})
    evaluation.warn(Networks(other, replace(networks.base, clip_duration=2.0)), Cost(None, 0.1))
    sentences = " ".join(str(warned.message) for warned in recwarn.list)
    assert (
        "distilled for other weights of the same name, synthetic (sha256 12, not " in sentences
        and "cannot be counted" in sentences
    )
    cropping = replace(networks.scorer, metadata=networks.scorer.metadata | {"base_geometry": "short_side:48"})
    with pytest.warns(ClipselectWarning, match="with geometry short_side:48, not squash: its order is a guess"):
        evaluation.warn(Networks(cropping, networks.base), Cost(1.0, 0.1))
    assert "clips of 0.5 s" in sentences and "clips of 2 s" in sentences


def test_a_default_k_above_the_candidates_is_left_out(bench: Bench) -> None:
    with pytest.warns(ClipselectWarning, match="K = 5, 9 is left out"):
        document = bench(k=None, limit=2, dense=4)
    assert {row["k"] for row in document["rows"] if row["method"] == "ddl"} == {1, 3} == {*document["settings"]["k"]}
