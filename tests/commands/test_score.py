"""`clipselect score` as users run it."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import av
import numpy as np
import pytest
from helpers.command_line import Run, assert_refused, only_video
from helpers.videos import make_video, picture, write_display_matrix
from PIL import Image as Pillow

from clipselect.scoring.shipped import DEFAULT_DDNET

CSV_KEYS = {"start", "end", "frames", "first_frame", "score", "rank", "picked", "weight", "file"}
CLIP_KEYS = CSV_KEYS | {"percentile", "explanation"}


def test_table_and_timeline(run: Run, video: Path) -> None:
    run("score", video, "--k", 2)
    assert run.code == 0 and run.err == ""
    assert re.search(r"rank\s+start\s+end\s+frames\s+score\s+(percentile\s+)?picked", run.out)
    assert run.out.count("✔") == 2 and "▲" in run.out


def test_json_is_as_documented(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 2, "--min-gap", "none", "--json", tmp_path / "out.json", "--quiet")
    assert run.code == 0 and run.out == "" and run.problems == []
    record = only_video(json.loads((tmp_path / "out.json").read_text()))
    assert record["path"] == str(video) and record["error"] is None and record["model"] == DEFAULT_DDNET
    assert record["duration"] == pytest.approx(63 / 25)
    clips = record["clips"]
    assert [set(c) for c in clips] == [CLIP_KEYS] * 3
    assert [(c["start"], c["end"], c["frames"]) for c in clips] == [(0, 1, 25), (1, 2, 25), (1.52, 2.52, 25)]
    assert sorted(c["rank"] for c in clips) == [1, 2, 3]
    assert [c["picked"] for c in clips] == [c["rank"] <= 2 for c in clips]
    by_rank = sorted(clips, key=lambda c: c["rank"])
    assert [c["score"] for c in by_rank] == sorted((c["score"] for c in clips), reverse=True)


def test_machine_output_on_stdout_stands_alone(run: Run, video: Path) -> None:
    assert only_video(json.loads(run("score", video, "--json", "-").out))["clips"]
    assert only_video(json.loads(run("score", "--json", "-", "--k", 1, video).out))["clips"]
    rows = list(csv.DictReader(io.StringIO(run("score", video, "--csv", "-", "--quiet").out)))
    assert len(rows) == 3 and set(rows[0]) - {"percentile"} == CSV_KEYS | {"path", "error"}


def test_scores_are_the_same_in_every_run_and_batch(run: Run, video: Path) -> None:
    one = only_video(json.loads(run("score", video, "--stride", 0.1, "--json", "-").out))["clips"]
    again = only_video(json.loads(run("score", video, "--stride", 0.1, "--json", "-").out))["clips"]
    assert one == again and len(one) == 16
    few = {c["start"]: c["score"] for c in only_video(json.loads(run("score", video, "--json", "-").out))["clips"]}
    assert all(c["score"] == pytest.approx(few[c["start"]], abs=1e-5) for c in one if c["start"] in few)


def test_the_same_command_means_the_same_when_its_outputs_exist(run: Run, video: Path, here: Path) -> None:
    for _ in range(2):
        assert run("score", "--json", "res", "--csv", "out", video, "--quiet").code == 0
        assert only_video(json.loads(Path("res").read_text()))["clips"] and Path("out").read_text().startswith("path,")


def test_folders_lists_and_globs_are_searched_as_index_does(run: Run, video: Path, here: Path) -> None:
    (here / "videos" / "deep").mkdir(parents=True)
    (here / "empty").mkdir()
    (here / "frames").mkdir()
    for name in ("videos/a.mp4", "videos/deep/b.mp4", "c.mp4"):
        shutil.copy(video, name)
    for name in ("videos/cover.png", "frames/1.png"):
        Pillow.new("RGB", (64, 48), "green").save(name)
    Path("list.csv").write_text("path\nc.mp4\n")

    def scored(*inputs: object) -> list[str]:
        document = json.loads(run("score", *inputs, "--json", "-", "--quiet").out)
        return [v["path"] for v in document["videos"] if v["error"] is None]

    assert scored("videos") == ["videos/a.mp4", "videos/deep/b.mp4"] and run.code == 0
    assert scored("*") == ["c.mp4", "frames", "videos/a.mp4", "videos/deep/b.mp4"] and run.code == 1
    assert run.err.count("Error: ") == 1 and "Error: list.csv: is text, not a video" in run.err
    assert scored("list.csv", "frames") == ["c.mp4", "frames"] and run.code == 0
    assert scored("empty", "*.mov", "c.mp4") == ["c.mp4"] and run.code == 1
    assert "empty: a folder without videos" in run.err and "*.mov: nothing matches" in run.err


def test_text_and_images_are_refused_by_what_they_are(run: Run, video: Path, here: Path) -> None:
    shutil.copy(video, "a.mp4")
    Path("notes.txt").write_text("one line\nand another\n" * 30)
    Path("terminal.nfo").write_text("text that FFmpeg would draw\n" * 30)
    Pillow.new("RGB", (64, 48), "green").save("photo.jpg")
    Pillow.new("RGB", (64, 48), "green").save("photo.gif")
    Pillow.new("RGB", (64, 48), "green").save("icon.ico", sizes=[(16, 16), (32, 32)])
    moving = [Pillow.new("RGB", (64, 48), colour) for colour in ("red", "green")]
    moving[0].save("moving.webp", save_all=True, append_images=moving[1:])
    run("score", "*", "--json", "out.json", "--quiet")
    assert run.code == 1 and len(run.problems) == 7
    kinds = {"notes.txt": "list", "terminal.nfo": "text", "moving.webp": "animated WebP"}
    for name, kind in (kinds | dict.fromkeys(("photo.jpg", "photo.gif", "icon.ico"), "image")).items():
        assert re.search(f"{name}: (is|was) .*{kind}", run.err)
    assert_refused(run("score", "photo.jpg"), "photo.jpg", "image")


def test_threshold_gap_duration_and_stride(run: Run, video: Path) -> None:
    def clips(*options: object) -> list[dict[str, Any]]:
        return only_video(json.loads(run("score", video, "--json", "-", *options).out))["clips"]

    assert sum(c["picked"] for c in clips("--threshold", 1)) == 1
    assert all(c["picked"] for c in clips("--threshold", 0, "--min-gap", "none"))
    assert [c["picked"] for c in clips("--threshold", 0)].count(True) == 2  # the last two of three overlap
    assert [c["start"] for c in clips("--clip-duration", 0.5, "--stride", 0.9)] == [0, 0.9, 1.8, 2.02]
    assert clips("--clip-duration", 10)[0]["end"] == pytest.approx(2.52) and len(clips("--clip-duration", 10)) == 1
    short = ("--clip-duration", 0.5, "--stride", 0.1, "--k", 2)
    gaps = []
    for gap in (0, 0.6):
        one, other = sorted((c["start"], c["end"]) for c in clips(*short, "--min-gap", gap) if c["picked"])
        gaps.append(other[0] - one[1])
    assert -1e-9 <= gaps[0] < 0.6 - 1e-9 <= gaps[1]


def test_candidates_of_the_users_own(run: Run, video: Path, tmp_path: Path) -> None:
    windows = tmp_path / "windows.csv"
    windows.write_text("start,end\n0.5,2\n0,0.5\n2,2.6\n")
    document = json.loads(run("score", video, "--candidates", windows, "--json", "-").out)
    assert [(c["start"], c["end"]) for c in only_video(document)["clips"]] == [(0, 0.5), (0.5, 2), (2, 2.52)]
    assert document["settings"]["candidates"] == str(windows) and document["settings"]["clip_duration"] is None
    assert_refused(run("score", video, "--candidates", windows, "--stride", 1), "--stride cannot be given")
    assert_refused(run("score", video, tmp_path / "b.mp4", "--candidates", windows), "one video", "one by one")
    windows.write_text("start,end\n0,1\n30,31\n")
    assert_refused(run("score", video, "--candidates", windows), "plain.mp4", "--candidates", "30 to 31 s")
    windows.write_text("from,to\n0,1\n")
    assert_refused(run("score", video, "--candidates", windows), "windows.csv", "no columns start and end")
    assert run("score", video, "--min-gap", "no").code == 2 and "none to allow overlap" in " ".join(run.err.split())


def test_several_videos_globs_and_one_bad_file(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"not a video at all")
    shutil.copy(video, tmp_path / "c.mp4")
    run("score", tmp_path / "*.mp4", tmp_path / "missing.mp4", "--json", tmp_path / "out.json")
    assert run.code == 1
    assert "2 of 4 videos scored, 2 failed" in run.err and "b.mp4: is text, not a video" in run.err
    document = json.loads((tmp_path / "out.json").read_text())
    assert [v["error"] is None for v in document["videos"]] == [True, False, True, False]
    assert document["videos"][1]["clips"] == [] and document["videos"][1]["duration"] is None


def test_html_shows_the_picks_first_and_folds_the_others_away(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 1, "--html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert page.count("data:image/jpeg;base64,/9j/") == 3
    shown, folded = page.split("<details>")
    assert shown.count("<figure") == shown.count(' class="picked">\n<span class="frame plays"') == 1
    assert folded.count("<figure") == 2


def test_html_needs_nothing_but_the_video_beside_it(run: Run, video: Path, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    shutil.copy(video, tmp_path / "a#?%&é.mp4")
    run("score", tmp_path / "a#?%&é.mp4", "--k", 1, "--html", tmp_path / "pages" / "out.html")
    page = (tmp_path / "pages" / "out.html").read_text()
    links = set(re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', page))
    assert len(links) == 3, "a clip each, picked or not"
    for source in links:
        path, times = source.split("#t=")
        assert (tmp_path / "pages" / unquote(path)).resolve() == tmp_path / "a#?%&é.mp4"
        start, end = map(float, times.split(","))
        assert end - start == pytest.approx(1, abs=0.04)
    assert 'preload="none"' in page and "://" not in page.replace("http://www.w3.org", "")


def test_html_of_a_folder_of_frames_plays_nothing_and_says_its_rate(run: Run, video: Path, tmp_path: Path) -> None:
    for i in range(40):
        Pillow.fromarray(picture(i)).save(tmp_path / f"{i:03d}.png")
    run("score", tmp_path, "--html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert "<video" not in page and page.count("<img") == 2 and "<dt>fps</dt>" in page
    run("score", video, "--html", tmp_path / "out.html")
    assert "<dt>fps</dt>" not in (tmp_path / "out.html").read_text(), "a file has its own rate"


def test_bars_lead_to_clips(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 1, "--html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    links, places = re.findall(r'<a href="#(v1c\d+)"', page), re.findall(r'<figure id="(v1c\d+)"', page)
    assert len(links) == 3 and sorted(links) == sorted(places)
    assert page.count('tabindex="-1"') == 2, "the picked one is a stop of the Tab key"


def test_html_escapes_file_names(run: Run, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "<b>&[red].mp4")
    run("score", tmp_path / "<b>&[red].mp4", "--html", tmp_path / "out.html")
    assert run.code == 0 and "&[red].mp4" in run.out.replace("\n", "")  # the table may break a long path
    assert "<b>&" not in (tmp_path / "out.html").read_text()


def test_plot_is_of_the_kind_that_its_name_says(run: Run, video: Path, tmp_path: Path) -> None:
    for suffix, begin in ((".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")):
        assert run("score", video, "--plot", tmp_path / f"out{suffix}").code == 0, run.err
        assert (tmp_path / f"out{suffix}").read_bytes().startswith(begin)
    with av.open(str(tmp_path / "out.png")) as image:
        assert next(image.decode(video=0)).width > 400
    for name in ("out.jpg", "out", "out.png.txt"):
        assert_refused(run("score", video, "--plot", tmp_path / name), name, ".png, .svg or .pdf")
        assert not (tmp_path / name).exists()


def test_extracted_clips_hold_exactly_the_clips_frames(run: Run, tmp_path: Path) -> None:
    video = make_video(tmp_path / "numbers.mp4", 63, size=(64, 48), options={"g": "20", "bf": "2"})
    run("score", video, "--k", 2, "--extract", tmp_path / "out", "--json", tmp_path / "out.json")
    picked = [c for c in only_video(json.loads((tmp_path / "out.json").read_text()))["clips"] if c["picked"]]
    assert len(picked) == len(list((tmp_path / "out").iterdir())) == 2
    for clip in picked:
        with av.open(clip["file"]) as file:
            levels = [int(f.to_ndarray(format="rgb24")[4, -4, 0]) for f in file.decode(video=0)]
        numbers = range(clip["first_frame"], clip["first_frame"] + clip["frames"])
        assert len(levels) == clip["frames"]
        assert np.abs(np.subtract(levels, [int(picture(i)[4, -4, 0]) for i in numbers])).max() <= 8


def test_clips_of_an_earlier_run_are_named_and_kept(run: Run, video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    run("score", video, "--k", 2, "--min-gap", "none", "--extract", folder, "--quiet")
    before = sorted(folder.iterdir())
    assert run("score", video, "--k", 2, "--min-gap", "none", "--extract", folder, "--quiet").problems == []
    (folder / "holiday.mp4").touch()
    run("score", video, "--k", 1, "--extract", folder, "--quiet")
    stale = next(path for path in before if "rank01" not in path.name)
    assert run.code == 0 and len(run.problems) == 1
    assert f"{folder}: holds 1 file of another run" in run.err and stale.name in run.err
    assert sorted(folder.iterdir()) == sorted([*before, folder / "holiday.mp4"])


def test_frame_folder_and_other_decoder(run: Run, video: Path, tmp_path: Path) -> None:
    pytest.importorskip("decord")
    by_pyav = only_video(json.loads(run("score", video, "--json", "-").out))["clips"]
    by_decord = only_video(json.loads(run("score", video, "--json", "-", "--decoder", "decord").out))["clips"]
    assert [c["start"] for c in by_pyav] == [c["start"] for c in by_decord]
    assert [c["score"] for c in by_decord] == pytest.approx([c["score"] for c in by_pyav], abs=0.05)


@pytest.mark.processes
def test_as_a_process(video: Path, tmp_path: Path) -> None:
    """The entry point itself: exit codes, streams, and a narrow, colourless, ASCII terminal."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "40", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "clipselect", "score", video, tmp_path / "none.mp4"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "none.mp4: no such file" in done.stderr and "rank" in done.stdout


def test_extracted_clips_stand_upright(run: Run, tmp_path: Path) -> None:
    path = make_video(tmp_path / "phone.mp4", 30)
    write_display_matrix(path, 0, 1, -1, 0)
    run("score", path, "--k", 1, "--extract", tmp_path / "out")
    with av.open(str(next((tmp_path / "out").iterdir()))) as file:
        frame = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert frame.shape == (64, 48, 3)
    assert frame[8, 36, 0] > 180 > frame[8, 8, 0] and frame[8, 8, 2] > 150  # red top right, blue on the left


def test_extracted_files_of_videos_with_the_same_name_stay_apart(run: Run, video: Path, tmp_path: Path) -> None:
    for name in ("one/a.mp4", "a.mp4", "two/a-2.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(video, tmp_path / name)
    run(
        "score", *(tmp_path / n for n in ("one/a.mp4", "a.mp4", "two/a-2.mp4")), "--k", 1, "--extract", tmp_path / "out"
    )
    assert run.code == 0 and len(list((tmp_path / "out").iterdir())) == 3


def test_help_states_the_defaults(run: Run) -> None:
    text = " ".join(run("score", "--help").out.split())
    assert "default: 5" in text and "clip duration" in text


def test_doubts_about_the_order_are_notes_and_stand_in_the_json(run: Run, video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    run("score", video, "--json", out)
    doubts = json.loads(out.read_text())["videos"][0]["doubts"]
    shown = " ".join(run.out.split())
    assert doubts and all(f"note: {doubt}" in shown for doubt in doubts)
    quiet = run("score", video, "--quiet").err.splitlines()
    assert quiet == [f"warning: {video}: {doubt}" for doubt in doubts]


def test_fewer_picks_than_asked_for_are_explained(run: Run, video: Path, tmp_path: Path) -> None:
    run("score", video, "--k", 50, "--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    [warning] = json.loads((tmp_path / "out.json").read_text())["videos"][0]["warnings"]
    assert warning.startswith("2 of 50 picks") and "overlap" in warning
    assert warning in " ".join(run.out.split()) and warning in (tmp_path / "out.html").read_text()
    run("score", video, "--k", 50, "--min-gap", "none", "--json", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["videos"][0]["warnings"] == []


def test_settings_name_a_rate_only_if_it_was_given(run: Run, video: Path) -> None:
    assert json.loads(run("score", video, "--json", "-", "-q").out)["settings"]["fps"] is None


def test_a_file_given_twice_is_scored_once(run: Run, video: Path) -> None:
    document = json.loads(run("score", video, video, "--json", "-", "-q").out)
    assert len(document["videos"]) == 1 and "given more than once, scored once" in run.err


def test_a_page_is_named_as_one(run: Run, video: Path, tmp_path: Path) -> None:
    assert_refused(run("score", video, "--html", tmp_path / "x.png"), "x.png", ".html")
