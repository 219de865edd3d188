"""Pictures of clips: the right frames, upright, found by seeking, and none where the file no longer decodes."""

import io
from pathlib import Path

import numpy as np
from helpers.videos import make_damaged_video, make_video, picture, settle, write_display_matrix
from PIL import Image as Pillow

from clipselect.media.candidate_clips import candidate_clips
from clipselect.media.images import Image
from clipselect.media.sources import open_source
from clipselect.pages.axis import ScoreAxis
from clipselect.pages.document import card
from clipselect.pages.thumbnails import clip_thumbnails, thumbnail_uri


def pixels(jpeg: bytes) -> Image:
    return np.asarray(Pillow.open(io.BytesIO(jpeg)))


def test_a_thumbnail_is_the_middle_frame_of_its_clip(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "a.mp4", 1000, options={"g": "50", "bf": "2"}))
    clips = candidate_clips(source.timeline, 1)
    chosen = [clips[i] for i in (0, 1, 20, 39)]  # near ones are read in one go, far ones are sought
    made = clip_thumbnails(source, chosen, [64] * 4)
    assert [*made] == [0, 1, 2, 3]
    for place, clip in enumerate(chosen):
        expected = picture(clip.first + 12)
        assert pixels(made[place]).shape == (48, 64, 3)
        assert abs(int(pixels(made[place])[4, -4, 0]) - int(expected[4, -4, 0])) < 10


def test_thumbnails_stand_upright_and_keep_the_aspect(tmp_path: Path) -> None:
    path = make_video(tmp_path / "phone.mp4", 30)
    write_display_matrix(path, 0, 1, -1, 0)
    source = open_source(path)
    [found] = clip_thumbnails(source, candidate_clips(source.timeline, 2), [64]).values()
    shown = pixels(found).astype(int)
    assert shown.shape == (64, 48, 3)
    assert shown[8, 36, 0] > 160 > shown[8, 8, 0]  # red top right


def test_what_no_longer_decodes_has_no_thumbnail_and_costs_nothing_else(tmp_path: Path) -> None:
    source = settle(open_source(make_damaged_video(tmp_path / "a.mp4")))
    clips = candidate_clips(source.timeline, 1)
    assert len(clip_thumbnails(source, clips, [64] * len(clips))) == len(clips)
    whole = open_source(make_video(tmp_path / "b.mp4", 60))
    clips = candidate_clips(whole.timeline, 1)
    (tmp_path / "b.mp4").unlink()
    assert clip_thumbnails(whole, clips, [64] * len(clips)) == {}


def test_two_clips_may_have_the_same_middle_frame(tmp_path: Path) -> None:
    source = open_source(make_video(tmp_path / "a.mp4", [0], still=True))
    clips = candidate_clips(source.timeline, 1) * 2
    assert len(clip_thumbnails(source, clips, [64, 32])) == 2


def test_a_card_escapes_what_it_is_given() -> None:
    made = card(
        thumbnail_uri(picture(1)), "<b>\x1b[2J", 0.5, ScoreAxis(0.25, 0.75), rank=1, picked=True, aspect=1.5,
        video='"><script>#t=1,2', anchor="a1",
    )  # fmt: skip
    assert made.count("<b>") == 1 and "<script" not in made and "\x1b" not in made
    assert 'id="a1"' in made and 'style="width:50.0%"' in made and "data:image/jpeg;base64,/9j/" in made
