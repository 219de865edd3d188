"""Clips of a video in batches."""

from fractions import Fraction
from pathlib import Path

import pytest
from helpers.videos import grey_levels, make_damaged_video, make_uneven_video, make_video, settle

from clipselect.errors import VideoError
from clipselect.media.candidate_clips import candidate_clips, frames_to_score
from clipselect.media.clip_decoding import ClipBatch, clip_batches, clip_grid, clips_of, known_clips, map_clips
from clipselect.media.sources import open_source
from clipselect.scoring.scorer import load_scorer


def test_results_of_a_void_pass_are_dropped(tmp_path: Path) -> None:
    path = make_damaged_video(tmp_path / "hole.mp4")
    source = settle(open_source(path))
    clips = candidate_clips(source.timeline, 0.4)
    seen: list[int] = []

    def look(batch: ClipBatch) -> list[int]:
        seen.append(batch.first)
        return [int(clip[0, 2, -2, 0]) for clip in batch.frames]

    promised = open_source(path)
    assert len(promised.timeline.pts) > len(source.timeline.pts)
    found = map_clips(look, promised, clip_grid(0.4), 16, 1, batch_size=2)
    assert seen[:4] == [0, 0, 2, 4] and seen.count(0) == 3  # the second pass, void as well, is of several batches
    assert found.clips == clips and found.source.warnings == source.warnings != ()
    middles = [int(frames_to_score(source.timeline, clip, 1)[0]) for clip in clips]
    assert [level for batch in found.results for level in batch] == [grey_levels(source)[i] for i in middles]


def test_clips_of_a_file_that_has_changed_since_are_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 100)
    source = open_source(path)
    clips = candidate_clips(source.timeline, 1)
    make_video(path, 60)
    for now in (source, open_source(path)):
        with pytest.raises(VideoError, match=r"a\.mp4: changed while it was read; try again"):
            map_clips(lambda batch: batch.first, now, known_clips(source, clips), 16, 2)


def test_too_many_candidates_are_an_error_of_the_video(tmp_path: Path) -> None:
    path = make_video(tmp_path / "long.mkv", [0, 400_000], time_base=Fraction(1, 1))
    with pytest.raises(
        VideoError, match=r"long\.mkv: lasts .* clip_duration of 1 s gives over 250000 .* repair the file"
    ):
        clips_of(open_source(path), 1, None)


def test_batches_are_bounded_and_complete(tmp_path: Path) -> None:
    source, input_spec = open_source(make_uneven_video(tmp_path / "uneven.mkv")), load_scorer(device="cpu").input_spec
    sizes = []
    for batch in clip_batches(source, clip_grid(0.5, 0.05), input_spec.size, input_spec.clip_frames, batch_size=4):
        assert batch.first == sum(sizes)
        sizes.append(len(batch.frames))
        assert batch.frames.shape[1:] == (input_spec.frames, input_spec.size, input_spec.size, 3)
    assert max(sizes) == 4 and sum(sizes) == batch.done == len(candidate_clips(source.timeline, 0.5, 0.05))
