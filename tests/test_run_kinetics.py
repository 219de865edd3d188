"""The accuracy benchmark end to end, on videos and networks that it makes itself."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from conftest import make_video, write_display_matrix
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import clip_tables
import data_sets
import run_falls
import run_kinetics
import shared
import synthetic
from clip_tables import BATCH, Cache, Cut, Networks, Watch, base_by_seeking, base_pass, crops, video_table
from composed_files import write_composition
from timed import methods

from clipselect.aggregation import aggregate, weights
from clipselect.composition import ACTION_CLIPS
from clipselect.datasets import read_background, read_dataset
from clipselect.errors import ClipselectError
from clipselect.grid import Timeline, candidate_clips
from clipselect.orientation import orientation
from clipselect.report import read_runs
from clipselect.scorer import load_scorer
from clipselect.selection import top_k
from clipselect.sources import open_source
from clipselect.zoo.loading import load_base

Document = dict[str, Any]
Bench = Callable[..., Document]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from threads, and wait for them when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> synthetic.Synthetic:
    """Six videos of two classes, four of background, and networks that have hardly been trained."""
    return synthetic.make(tmp_path_factory.mktemp("synthetic"), videos=6, steps=2)


@pytest.fixture(scope="module")
def networks(made: synthetic.Synthetic) -> Networks:
    return Networks(load_scorer(made.model, "cpu"), load_base(made.base, "cpu"))


@pytest.fixture
def bench(made: synthetic.Synthetic, tmp_path: Path) -> Bench:
    """The benchmark with these networks; returns its checked results file."""

    def call(*arguments: object, data: Path = made.data, kind: str = "--data", timed: int = 0) -> Document:
        out = tmp_path / "out"
        options = [kind, data, "--base", made.base, "--model", made.model, "--device", "cpu", "--out", out]
        run_kinetics.main([str(a) for a in (*options, "--timed", timed, "--k", 1, 3, *arguments)])
        assert (out / "results.md").read_text().startswith("#")
        return read_runs([out])[0].document

    return call


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the videos that are opened for the tables from here on."""
    names: list[str] = []

    def noted(path: str, **how: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **how)

    monkeypatch.setattr(clip_tables, "open_source", noted)
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
    assert {d["than"] for d in document["differences"]} == {"uniform", "uniform_equal_cost", "random", "dense"}
    assert {c["class"] for c in document["classes"]} == {"blinking", "moving"}
    assert document["base"]["gflops"] > 0 and len(document["model"]["sha256"]) == 64
    for method in ("ddl", "ddl_average", "uniform"):
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


def test_a_base_without_names_takes_those_of_the_data(made: synthetic.Synthetic, networks: Networks) -> None:
    args = argparse.Namespace(data=made.data, activitynet=None, prefix=None)
    nameless = replace(networks.base, classes=("0", "1"))
    dataset, base = run_kinetics.labelled(args, nameless)
    assert base.classes == dataset.classes == ("blinking", "moving")
    with pytest.raises(ClipselectError, match="has 2 classes, and the 3 outputs"):
        run_kinetics.labelled(args, replace(networks.base, classes=("0", "1", "2")))


def test_limit_draws_evenly(bench: Bench) -> None:
    assert bench("--limit", 3)["data"][0]["videos"] == 3
    assert bench("--limit", 100)["data"][0]["videos"] == 6


@pytest.mark.parametrize("views", [1, 3])
def test_what_is_timed_answers_as_the_tables_do(made: synthetic.Synthetic, networks: Networks, views: int) -> None:
    path, cut = str(made.data.parent / "00.mp4"), Cut(Fraction(1, 2))
    networks = Networks(networks.scorer, networks.base, views)
    table = video_table(open_source(path), cut, networks)
    answers = {key: method(path)[0] for key, method in methods([3], cut, networks, 30).items()}
    kept = top_k(table.scores, 3).ordered
    assert answers["dense", None] == pytest.approx(table.probabilities.mean(axis=0), abs=1e-6)
    expected = aggregate(torch.from_numpy(table.probabilities[kept]), weights(table.scores, kept)).numpy()
    assert answers["ddl", 3] == pytest.approx(expected, abs=1e-6)


def test_both_networks_see_the_same_windows_whatever_their_geometry(
    made: synthetic.Synthetic, networks: Networks
) -> None:
    path, cut = made.data.parent / "01.mp4", Cut(Fraction(1, 2))
    shared_pass = video_table(open_source(path), cut, networks)
    default = Networks(load_scorer(device="cpu"), networks.base)
    two_passes = video_table(open_source(path), cut, default)
    assert two_passes.spans.tolist() == shared_pass.spans.tolist()
    assert np.allclose(two_passes.probabilities, shared_pass.probabilities, atol=1e-6)
    assert not np.allclose(two_passes.scores, shared_pass.scores)


@pytest.mark.parametrize("views", [1, 3])
def test_clips_found_by_seeking_are_those_of_one_pass(
    made: synthetic.Synthetic, networks: Networks, views: int
) -> None:
    source = open_source(made.data.parent / "02.mp4")
    clips = candidate_clips(source.timeline, Fraction(1, 2), Fraction(1, 3))
    assert len(clips) > BATCH
    networks = Networks(networks.scorer, networks.base, views)
    passed, sought = (of(source, clips, networks, Watch()) for of in (base_pass, base_by_seeking))
    assert np.allclose(passed, sought, atol=1e-6)


def test_three_views_of_a_square_video_say_what_one_says(networks: Networks, tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "square.mp4", 50, size=(64, 64)))
    clips = candidate_clips(source.timeline, Fraction(1, 2))
    one, three = (
        base_pass(source, clips, Networks(networks.scorer, networks.base, views), Watch()) for views in (1, 3)
    )
    assert np.ptp(one) > 1e-3
    assert np.allclose(one, three, atol=1e-6)


def test_groups_of_compositions_point_at_the_clips_they_hold(
    made: synthetic.Synthetic, networks: Networks, tmp_path: Path
) -> None:
    dataset = read_dataset(made.data, "val", classes=networks.base.classes)
    background = read_background(made.background, "val")
    cache = Cache(tmp_path / "cache", networks, Cut(Fraction(1, 2), exactly=ACTION_CLIPS), 30)
    (mixed,) = data_sets.composed(dataset, background, ["mixed"], {}, 1, [0], cache, tmp_path)
    for group in mixed.groups:
        assert group.action is not None
        own = cache.table(group.name)
        assert mixed.table.scores[group.rows[group.action]].tolist() == own.scores.tolist()
        assert mixed.table.probabilities[group.rows[group.action]].tolist() == own.probabilities.tolist()
    assert {row for group in mixed.groups for row in group.rows} <= {*range(len(mixed.table.scores))}


def still(pixels: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


def test_three_views_are_squares_along_the_longer_side_as_shown(tmp_path: Path) -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, :40], wide[:, 40:80], wide[:, 80:] = 50, 150, 250
    for pixels in (wide, wide.swapaxes(0, 1).copy()):
        found = crops(still(pixels), pixels.shape[1] / pixels.shape[0], 20)
        assert found.shape == (3, 20, 20, 3)
        assert [round(float(crop[5:15, 5:15].mean())) for crop in found] == pytest.approx([50, 150, 250], abs=3)
    turned = make_video(tmp_path / "turned.mp4", 1, size=(96, 32))
    write_display_matrix(turned, 0, 1, -1, 0)
    source = open_source(turned)
    (picture,) = source.pictures(0, 0)
    upright = orientation(picture).apply(picture.to_ndarray(format="rgb24")).copy()
    assert upright.shape[0] > upright.shape[1]
    assert np.allclose(crops(picture, source.aspect, 32), crops(still(upright), 1 / 3, 32), atol=12)
    square = crops(still(wide[:, 20:60].copy()), 1.0, 20)
    assert (square[0] == square[1]).all() and (square[1] == square[2]).all()


def timeline(frames: int) -> Timeline:
    return Timeline(np.arange(frames), frames, Fraction(1, 25))


def test_dense_candidates_are_at_most_as_many_and_reach_both_ends() -> None:
    second = Fraction(1)
    for frames in (10, 26, 60, 250, 2500):
        clips = Cut(second, dense=9).clips(timeline(frames))
        assert 1 <= len(clips) <= 9
        assert clips[0].start == 0 and clips[-1].last == frames - 1
        assert len({(c.first, c.last) for c in clips}) == len(clips)
    assert len(Cut(second, dense=9).clips(timeline(250))) == 9
    few = Cut(second, stride=Fraction(5), dense=9).clips(timeline(250))
    assert few == candidate_clips(timeline(250), second, Fraction(5))  # a stride that makes do with fewer
    assert len(Cut(second, stride=Fraction(1, 10), dense=9).clips(timeline(250))) == 9


def test_a_composed_file_holds_its_clips_in_order(tmp_path: Path) -> None:
    long = open_source(make_video(tmp_path / "long.mp4", 50))
    short = open_source(make_video(tmp_path / "short.mp4", 10))
    clips = [(long, candidate_clips(long.timeline, 1)[0]), (short, candidate_clips(short.timeline, 1)[0])]
    write_composition(clips, Fraction(64, 60), tmp_path / "out.mp4")
    out = open_source(tmp_path / "out.mp4")
    assert len(out.timeline.pts) == round(2 * 25 * 64 / 60)
    grey = [int(f[2, -2, 0]) for _, f in out.frames(np.arange(len(out.timeline.pts)), 16)]
    expected = [40 + (min(i, 24) * 13) % 160 for i in range(27)]
    assert np.allclose(grey[:27], expected, atol=12)
    assert np.allclose(grey[37:], 40 + (9 * 13) % 160, atol=12)  # the last frame stays


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--k", "0"], "--k"),
        (["--k", "13"], "--k must lie between 1 and 12"),
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


def test_falls_that_the_best_clips_meet_are_counted(made: synthetic.Synthetic, tmp_path: Path) -> None:
    data = tmp_path / "falls"
    data.mkdir()
    for name in ("a", "b"):
        make_video(data / f"{name}.mp4", 60)
    (data / "falls.csv").write_text(
        "video,fall_first_frame,fall_last_frame\na.mp4,0,59\nb.mp4,100,110\nbroken.mp4,1,2\n"
    )
    run_falls.main(["--data", str(data), "--model", str(made.model), "--device", "cpu", "--out", str(tmp_path / "out")])
    document = read_runs([tmp_path / "out"])[0].document
    assert {row["hit"] for row in document["rows"]} == {50.0}  # all of a fall, none of b
    assert [Path(u["path"]).name for u in document["data"][0]["unreadable"]] == ["broken.mp4"]
    (data / "falls.csv").write_text("video\na.mp4\n")
    with pytest.raises(ClipselectError, match="fall_first_frame"):
        run_falls.main(["--data", str(data), "--model", str(made.model), "--out", str(tmp_path / "out")])
