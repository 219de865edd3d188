"""Groups of frames as pictures, pages and tables, and their records for machines."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.frame_fixtures import textured
from PIL import Image as Pillow
from rich.console import Console

from clipselect.commands.frame_outputs import FrameOutputs
from clipselect.commands.output.pages import frames_page
from clipselect.commands.output.plots import MAX_STRIPS, frames_plot
from clipselect.commands.output.records import GROUPS, Scored, as_csv, as_json, failed_group, scored_group
from clipselect.commands.output.shown import MAX_TILES, PICTURED_GROUPS, TILE, TILES_OF_PAGE, best_frames, with_pictures
from clipselect.commands.output.terminal import MAX_GROUP_ROWS, percentile_text, print_group, print_groups
from clipselect.media.images import FrameOrigin
from clipselect.samplers.frame_sampler import FrameSelection

SCORES = [0.2, 0.9, 0.4, 0.6]


def group(name: str = "track 1", scores: list[float] = SCORES, kept: tuple[int, ...] = (1, 3)) -> Scored:
    """Frames 0 to n of a video, of which number 7 could not be read."""
    places = [i for i in range(len(scores) + 1) if i != 7][: len(scores)]
    selection = FrameSelection(
        np.array(kept), np.linspace(1, 0.5, len(kept)), np.array(places), np.array(scores, np.float32)
    )
    origins = [FrameOrigin(frame=10 * i, time=i / 3, box=(1.0, 2.0, 3.0, 4.5)) for i in range(len(scores) + 1)]
    made = scored_group("a.mp4", name, "tiny", origins, selection, warnings=["a warning"])
    return with_pictures(made, lambda i: textured(1, places[i]))


def ranks(result: Scored, most: int) -> list[int]:
    return [result.elements[i]["rank"] for i in best_frames(result, most)]


def test_frames_come_best_first_and_evenly_from_best_to_worst_where_there_are_too_many() -> None:
    assert ranks(group(), 12) == [1, 2, 3, 4]
    many = group(scores=[i / 21 for i in range(21)], kept=(20,))
    assert ranks(many, 3) == [1, 2, 21]
    few = group(scores=[i / 21 for i in range(21)], kept=(0, 1, 11, 19, 20))
    shown = best_frames(few, 6)
    assert sum(few.elements[i]["picked"] for i in shown) == 5 and len(shown) == 6


def test_a_group_of_any_size_keeps_few_and_small_pictures() -> None:
    large = group(scores=[i / 500 for i in range(500)], kept=tuple(range(8, 300)))
    assert len(large.pictures) == 2 * MAX_TILES
    assert {picture.shape[0] for picture in large.pictures.values()} == {TILE}


def test_many_groups_keep_no_further_pictures(tmp_path: Path) -> None:
    outputs = FrameOutputs(html=tmp_path / "page.html")
    bare = [scored_group("a", f"{n}", "tiny", [FrameOrigin(frame=0)], one_frame()) for n in range(PICTURED_GROUPS + 5)]
    groups = [outputs.with_pictures(group, lambda i: textured(1, i)) for group in bare]
    assert [len(group.pictures) for group in groups] == [1] * PICTURED_GROUPS + [0] * 5
    page = frames_page(groups, {}, tmp_path)
    assert page.count("<section") == PICTURED_GROUPS
    assert f"The best {PICTURED_GROUPS} groups are shown with pictures, 5 are not" in page
    assert page.count("<tr>") == 1 + len(groups)


def many_groups(tmp_path: Path) -> list[Scored]:
    """As a command makes them, the best ones last."""
    outputs = FrameOutputs(html=tmp_path / "page.html")
    made = [
        scored_group(
            "/a/long/folder", f"track {n}", "tiny", [FrameOrigin(frame=i) for i in range(40)],
            FrameSelection(np.arange(20), np.ones(20), np.arange(40), np.linspace(n / 1000, 0.1, 40, dtype=np.float32)),
        )
        for n in range(100, 103 + PICTURED_GROUPS)
    ]  # fmt: skip
    return [outputs.with_pictures(group, lambda i: textured(1, i)) for group in made]


def test_the_best_of_many_groups_come_first_with_few_pictures_on_page_and_plot(tmp_path: Path) -> None:
    groups = many_groups(tmp_path)
    assert [bool(group.pictures) for group in groups] == [False] * 3 + [True] * PICTURED_GROUPS
    page = frames_page(groups, {}, tmp_path)
    shown = re.findall(r"<h2>track (\d+)</h2>", page)
    assert shown == [str(n) for n in range(102 + PICTURED_GROUPS, 102, -1)][: TILES_OF_PAGE // MAX_TILES]
    assert page.count("<figure") <= TILES_OF_PAGE
    overview = page[: page.index("<section")]
    assert "<details><summary>All in a table</summary>" in overview and "<h1>folder: 43 groups</h1>" in overview, (
        "a long table is folded"
    )
    assert overview.count("<tr>") == 1 + len(groups)
    drawing = frames_plot(groups, ".svg").decode()
    drawn = re.findall(r"<!-- track (\d+): ", drawing)
    assert drawn == [str(n) for n in range(102 + PICTURED_GROUPS, 102, -1)][:MAX_STRIPS]


def test_a_page_of_many_groups_shows_every_pick_of_those_that_it_shows(tmp_path: Path) -> None:
    outputs = FrameOutputs(html=tmp_path / "page.html")
    made = [
        scored_group(
            "a", f"{n}", "tiny", [FrameOrigin(frame=i) for i in range(10)],
            FrameSelection(np.arange(8), np.ones(8), np.arange(10), np.linspace(0.9, 0.1, 10, dtype=np.float32)),
        )
        for n in range(PICTURED_GROUPS)
    ]  # fmt: skip
    page = frames_page([outputs.with_pictures(group, lambda i: textured(1, i)) for group in made], {}, tmp_path)
    sections = page.split("<section")[1:]
    assert [section.count('class="picked"') for section in sections] == [8] * (TILES_OF_PAGE // 8)
    assert f"{PICTURED_GROUPS - TILES_OF_PAGE // 8} are not" in page and "picked frames" not in page


def test_a_plot_of_many_groups_is_bounded_and_leaves_out_single_frames_first() -> None:
    few = [group(f"track {n}") for n in range(MAX_STRIPS + 3)]
    single = [group(f"single {n}", [0.99], (0,)) for n in range(5)]
    height = Pillow.open(io.BytesIO(frames_plot([*few, *single], ".png"))).size[1]
    assert height < 200 * MAX_STRIPS
    drawing = frames_plot([*few, *single], ".svg").decode()
    assert f"<!-- the best {MAX_STRIPS} groups of several frames; 8 more are in the other outputs -->" in drawing
    assert "single" not in drawing and "single 1" in frames_plot([*few[:3], *single], ".svg").decode()


def test_a_short_table_is_not_folded_and_names_what_failed(tmp_path: Path) -> None:
    page = frames_page([group(), failed_group("b.mp4", "", "tiny", "b.mp4: broken")], {}, tmp_path)
    overview = page[: page.index("<section")]
    assert "<details>" not in overview and "<h1>2 groups</h1>" in overview and "1 not scored" in overview
    assert overview.index("track 1") < overview.index(">b.mp4<")


def test_a_long_name_is_cut_with_an_ellipsis(tmp_path: Path) -> None:
    drawing = frames_plot([group("n" * 200)], ".svg").decode()
    assert re.search(r"<!-- …n{79}: ", drawing)


def one_frame() -> FrameSelection:
    return FrameSelection(np.array([0]), np.array([1.0]), np.array([0]), np.array([0.5], np.float32))


def colours(picture: bytes) -> set[tuple[int, int, int]]:
    """Which of green and grey frames and edges a plot has."""
    pixels = np.asarray(Pillow.open(io.BytesIO(picture)).convert("RGB")).reshape(-1, 3)
    known = {(26, 127, 55), (175, 184, 193)}
    return known & {tuple(int(v) for v in pixel) for pixel in np.unique(pixels, axis=0)}  # type: ignore[misc]


def test_the_strip_frames_picked_tiles_green_and_others_grey() -> None:
    plot = frames_plot([group(), failed_group("b.mp4", "", "tiny", "no")], ".png")
    assert len(colours(plot)) == 2
    assert colours(frames_plot([group(kept=(0, 1, 2, 3))], ".png")) == {(26, 127, 55)}


def test_the_strip_says_what_it_left_out() -> None:
    bare = scored_group("a.mp4", "track 2", "tiny", [FrameOrigin(frame=0)], one_frame())
    drawing = frames_plot([group(), bare, bare], ".svg").decode()
    assert "the best 1 group; 2 more are in the other outputs" in drawing
    large = group(scores=[i / 50 for i in range(50)], kept=(49,))
    assert "50 frames, 1 picked, 12 shown" in frames_plot([large], ".svg").decode()


def test_the_page_holds_every_frame_and_every_failure_and_escapes_names(tmp_path: Path) -> None:
    page = frames_page([group("<b>x</b>"), failed_group("c<i>.mp4", "", "tiny", "c<i>.mp4: broken")], {}, tmp_path)
    assert page.count("<figure") == 4
    assert "<b>x" not in page and "c<i>" not in page
    assert "c&lt;i&gt;.mp4: broken" in page[page.index('class="failures"') :], "failures come last"
    places = [page.index(f"<span>{score}</span>") for score in ("0.9000", "0.6000", "0.2000")]
    assert places == sorted(places)
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page


def test_the_page_and_the_terminal_round_a_percentile_alike(tmp_path: Path) -> None:
    made = group()
    for element in made.elements:
        element["percentile"] = 60.9
    assert "above 60 % of the frames it was trained on" in frames_page([made], {}, tmp_path)
    assert percentile_text(made.elements[0]) == "p60"


def test_the_page_folds_away_what_was_not_picked_and_says_what_it_does_not_show(tmp_path: Path) -> None:
    page = frames_page([group(scores=[i / 99 for i in range(99)], kept=tuple(range(60, 99)))], {}, tmp_path)
    shown, folded = page.split("<details>")
    assert shown.count('<figure class="picked"') == MAX_TILES == folded.count("<figure>")
    assert f"{MAX_TILES} of the picked ones are shown" in shown
    assert f"60 other frames, {MAX_TILES} of them shown" in folded
    assert f"Of groups with more than {MAX_TILES} picked frames, {MAX_TILES} are shown" in shown
    assert f"At most {MAX_TILES} other frames of a group are shown" in shown
    assert "are shown" not in frames_page([group()], {}, tmp_path)


def printed(groups: list[Scored], width: int = 100) -> str:
    out = io.StringIO()
    print_groups(Console(file=out, width=width), groups)
    return out.getvalue()


def test_the_table_of_one_group_shows_the_best_and_says_how_many_more() -> None:
    out = printed([group(scores=[i / 20 for i in range(11)], kept=(10,))])
    assert "11 frames, 1 picked" in out
    assert "3 more" in out and "--all" in out


def test_all_prints_every_frame() -> None:
    out = io.StringIO()
    print_group(Console(file=out, width=100), group(scores=[i / 20 for i in range(11)], kept=(10,)))
    assert len(re.findall(r"0\.\d{4}", out.getvalue())) == 11 and "more" not in out.getvalue()


def test_many_groups_are_summed_up_best_first() -> None:
    groups = [group(f"track {n}", [0.1, 0.01 * n], (0, 1)) for n in range(11, 32)]
    out = printed(groups)
    assert "21 groups, 42 frames, 42 picked" in out
    scores = re.findall(r"^ *(0\.\d{4})", out, re.MULTILINE)
    assert scores == [f"{0.01 * n:.4f}" for n in range(31, 31 - MAX_GROUP_ROWS, -1)]
    assert out.startswith("a.mp4: ") and out.count("a.mp4") == 1, "the source is not repeated in every row"
    assert "track 31" in out and "track 11" not in out and "11 more groups; --all" in out


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_are_printed_as_they_are_on_any_terminal(encoding: str) -> None:
    named = scored_group("a", "one", "tiny", [FrameOrigin(Path("[red].jpg"))], one_frame())
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    print_groups(Console(file=out, width=30), [named, named])
    print_group(Console(file=out, width=30), named)
    out.flush()
    assert raw.getvalue().decode().count("[red]") == 3 and raw.getvalue().decode().count("one") >= 3


def test_records_name_frames_by_their_place_among_all_that_were_given() -> None:
    result = group(scores=[i / 20 for i in range(11)], kept=(8, 10))  # place 7 is missing: the last place is 11
    frames = json.loads(as_json(GROUPS, [result], {}))["groups"][0]["frames"]
    assert [frame["frame"] for frame in frames] == [0, 10, 20, 30, 40, 50, 60, 80, 90, 100, 110]
    assert [frame["frame"] for frame in frames if frame["picked"]] == [80, 100]
    assert frames[7]["weight"] == pytest.approx(1) and frames[0]["weight"] is None


def test_a_failed_group_is_one_row_with_its_error() -> None:
    rows = as_csv(GROUPS, [group(), failed_group("b.mp4", "", "tiny", "b.mp4: broken")]).splitlines()
    assert len(rows) == 6
    assert rows[1].startswith("a.mp4,track 1,,,0,0.0,1.0,2.0,3.0,4.5,0.2,4,False,,")
    assert rows[5] == "b.mp4,,b.mp4: broken" + 12 * ","
