"""Groups of frames as pictures, pages and tables, and their records for machines."""

import io
import json

import numpy as np
import pytest
from helpers.frame_fixtures import textured
from PIL import Image as Pillow
from rich.console import Console

from clipselect.commands.output.pages import GREEN, GREY, TILE, best_frames, frames_page, frames_png
from clipselect.commands.output.records import GROUPS, Scored, as_csv, as_json, failed_group, scored_group
from clipselect.commands.output.terminal import print_group
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
    pictures = [textured(1, i) for i in places]
    return scored_group("a.mp4", name, "tiny", origins, selection, warnings=["a warning"], pictures=pictures)


def test_frames_come_best_first_and_evenly_from_best_to_worst_where_there_are_too_many() -> None:
    assert [record["score"] for record, _ in best_frames(group(), 12)] == [0.9, 0.6, 0.4, 0.2]
    many = group(scores=[i / 21 for i in range(21)], kept=(20,))
    assert [record["rank"] for record, _ in best_frames(many, 3)] == [1, 2, 21]
    few = group(scores=[i / 21 for i in range(21)], kept=(0, 1, 11, 19, 20))
    shown = best_frames(few, 6)
    assert sum(record["picked"] for record, _ in shown) == 5 and len(shown) == 6


def test_the_strip_frames_picked_tiles_green_and_shows_the_best_first() -> None:
    result = group()
    picture = np.asarray(Pillow.open(io.BytesIO(frames_png([result, failed_group("b.mp4", "", "tiny", "no")]))))
    assert picture.shape[0] == TILE + 56 + 8
    line = picture[8 + 19]  # the upper edge of the tiles' frames
    tile = round(result.pictures[1].shape[1] * TILE / result.pictures[1].shape[0] / 2) * 2
    edges = [tuple(int(v) for v in line[8 + place * (tile + 8)]) for place in range(4)]
    assert edges == [GREEN, GREEN, GREY, GREY]


def test_the_page_holds_every_frame_and_every_failure_and_escapes_names() -> None:
    page = frames_page([group("<b>x</b>"), failed_group("c<i>.mp4", "", "tiny", "c<i>.mp4: broken")], {})
    assert page.count("<figure") == 4
    assert "<b>x" not in page and "c<i>" not in page
    assert "c&lt;i&gt;.mp4: broken" in page
    assert page.index("0.9000") < page.index("0.6000") < page.index("0.4000") < page.index("0.2000")
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page


def test_the_table_shows_the_best_and_says_how_many_more() -> None:
    out = io.StringIO()
    print_group(Console(file=out, width=100), group(scores=[i / 20 for i in range(11)], kept=(10,)))
    assert "11 frames, 1 picked" in out.getvalue()
    assert "3 more" in out.getvalue()


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
