"""An hour of video on a page and in a plot: small, readable, everything reachable, few pictures in memory."""

import io
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.videos import make_video
from rich.console import Console

from clipselect.commands.output.pages import clips_page
from clipselect.commands.output.plots import MAX_VIDEOS, clips_plot
from clipselect.commands.output.records import Scored, failed_video, scored_video
from clipselect.commands.output.shown import MAX_OTHERS, MAX_PICKS, thumbnails
from clipselect.commands.output.terminal import print_video
from clipselect.media.candidate_clips import candidate_clips
from clipselect.media.sources import open_source
from clipselect.method.selection import top_k
from clipselect.pages.timeline import MAX_BARS
from clipselect.samplers.picks import Picks
from clipselect.scoring.video_scores import VideoScores

MAX_BYTES_OF_A_PICTURE = 25_000
"""Of 480 x 270 pixels of film; those of the tests are far smaller."""


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hour") / "hour.mp4"
    return make_video(path, range(3600), time_base=Fraction(1), size=(32, 32), codec="mpeg4")


def scored(path: Path, k: int, videos: int = 1) -> Scored:
    source = open_source(path)
    clips = candidate_clips(source.timeline, 1)
    scores = np.random.default_rng(0).random(len(clips), dtype=np.float32)
    found = VideoScores(source, clips, scores, "tiny", {"total": 1.0})
    picks = Picks(found, top_k(scores, k), path)
    return scored_video(picks, thumbnails=thumbnails(picks, videos))


@pytest.mark.parametrize("k", [5, 300])
def test_an_hour_is_a_small_page_on_which_every_clip_is_found(hour: Path, k: int) -> None:
    video = scored(hour, k)
    assert len(video.elements) == 3600
    assert len(video.thumbnails) == min(k, MAX_PICKS) + MAX_OTHERS
    page = clips_page([video], {}, hour.parent)
    pictures = sum(len(picture) for picture in video.thumbnails.values())
    assert len(page) - pictures * 4 / 3 + (MAX_PICKS + MAX_OTHERS / 4) * MAX_BYTES_OF_A_PICTURE * 4 / 3 < 2_000_000
    anchors = re.findall(r'id="(v1c\d+)"', page)
    assert len(anchors) == len(set(anchors)) == 3600
    bars = re.findall(r'<a href="#(v1c\d+)"', page)
    assert len(bars) <= MAX_BARS and set(bars) <= set(anchors)
    assert "Each bar: the best clip of 15 s" in page
    plays = re.findall(r'<a href="hour\.mp4#t=[\d.]+,[\d.]+">', page)
    assert len(plays) == 3600 - min(k, MAX_PICKS) and page.count("<video") == min(k, MAX_PICKS)
    assert page.count('<a class="back" href="#v1t">') == 3600 - len(video.thumbnails)
    shown, folded = page.split("<details>")
    assert shown.count('class="picked"') >= k and 'class="picked"' not in folded.split("<footer>")[0]
    assert shown.count("<video") == min(k, MAX_PICKS)


def test_a_page_of_many_videos_keeps_fewer_pictures_of_each(hour: Path) -> None:
    assert len(scored(hour, 30, videos=100).thumbnails) < 10


def test_failures_come_last(hour: Path) -> None:
    page = clips_page([failed_video(Path("bad.mp4"), "tiny", "bad.mp4: not a video"), scored(hour, 3)], {}, hour.parent)
    assert page.index("hour.mp4") < page.index("bad.mp4: not a video")
    overview = page[: page.index("<section")]
    assert "<h1>2 videos</h1>" in overview and "1 not scored" in overview and "bad.mp4" in overview, (
        "they are named at the top, too"
    )


def test_the_overview_marks_videos_whose_order_is_a_guess(hour: Path) -> None:
    video = scored(hour, 3)
    doubtful = replace(video, facts=video.facts | {"doubts": ["so its order is a guess"]})
    overview = clips_page([video, doubtful], {}, hour.parent).split("<section")[0]
    assert "1 whose order is a guess" in overview and overview.count(">a guess<") == 1


def test_one_candidate_has_a_score_and_no_range(hour: Path) -> None:
    video = scored(hour, 3)
    page = clips_page([replace(video, elements=video.elements[:1], scores=video.scores[:1])], {}, hour.parent)
    assert f"<span>score {video.elements[0]['score']:.4f}</span>" in page


def test_a_plot_says_which_videos_it_left_out(hour: Path) -> None:
    video = scored(hour, 3)
    few = Scored(video.title, video.facts, video.elements[:4], video.scores[:4])
    assert "2 more are in the other outputs" in clips_plot([few] * (MAX_VIDEOS + 2), ".svg").decode()
    drawn = clips_plot([video], ".svg").decode()
    assert drawn.count("#1a7f37") >= 3 and drawn.count("<path") < 2 * MAX_BARS, "a bar per part of the time"


@pytest.mark.parametrize("of_several", [False, True])
def test_terminal_page_and_plot_have_one_scale(hour: Path, of_several: bool) -> None:
    made = replace(scored(hour, 5), of_several=of_several)
    high = replace(made, scores=made.scores * 0.1 + 0.85, elements=[e | {"score": 0.9} for e in made.elements])
    low = replace(made, scores=made.scores * 0.1 + 0.05, elements=[e | {"score": 0.1} for e in made.elements])
    scales = []
    for video in (high, low):
        console = Console(file=io.StringIO(), width=80)
        print_video(console, video)
        printed = re.search(r"height: ([\d.]+) to ([\d.]+)", console.file.getvalue())  # type: ignore[attr-defined]
        assert printed is not None
        ticks = re.findall(r'<text class="scale"[^>]*>([^<]*)<', clips_page([video], {}, hour.parent))
        assert printed.groups() == (ticks[0], ticks[-1])
        assert f"<!-- {ticks[-1]} -->" in clips_plot([video], ".svg").decode()
        scales.append(printed.groups())
    assert (scales[0] == scales[1] == ("0.00", "1.00")) == of_several, "bars of several videos can be compared"


def test_picks_come_before_the_timeline_and_other_candidates_play_and_lead_back(hour: Path) -> None:
    page = clips_page([scored(hour, 3)], {}, hour.parent)
    assert page.index("<video") < page.index('<div id="v1t">') < page.index("<details>")
    others = page[page.index("<details>") : page.index("<h3>Further candidates")]
    assert others.count("<figure") == MAX_OTHERS
    assert len(re.findall(r'<a href="hour\.mp4#t=[\d.]+,[\d.]+">', others)) == MAX_OTHERS
    assert others.count('<a href="#v1t">') == MAX_OTHERS


def test_long_names_are_broken_at_their_separators_or_shortened(hour: Path) -> None:
    video, long = scored(hour, 3), "the_name_of_a_video_" + "x" * 200 + ".mp4"
    page = clips_page([replace(video, facts=video.facts | {"path": long}), video], {}, hour.parent)
    overview = page[: page.index("<section")]
    assert f'title="{long}"' in overview and "the_<wbr>name_<wbr>of_" in overview and "x…x" in overview
    assert ">hour.mp4<" in overview


def test_notes_of_a_page_begin_with_a_capital_and_defaults_are_not_listed(hour: Path) -> None:
    video = scored(hour, 5)
    video.facts["doubts"] = ["unlike everything"]
    page = clips_page([video], {"model": "tiny", "min_gap": 0.0, "fast": False, "clip_duration": 1.0}, hour.parent)
    assert ">Unlike everything<" in page
    assert "min_gap" not in page and "<dt>clip duration</dt><dd>1</dd>" in page and "<dt>fast</dt>" not in page
