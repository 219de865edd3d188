"""Picks through the readers and processors of the installed transformers."""

import os
import pickle
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.hugging_face import KINDS, tiny_processor, transformers
from helpers.videos import make_uneven_video, make_video
from transformers.video_utils import load_video

from clipselect import ClipselectError, select
from clipselect.errors import ArgumentError, VideoError
from clipselect.samplers.picks import Picks
from clipselect.samplers.transformers import frame_indices, frame_times, sample_indices_fn, video_metadata


def test_the_frames_are_those_of_the_picks(picks: Picks) -> None:
    everything = frame_indices(picks)
    assert [(int(i[0]), int(i[-1])) for i in everything] == [(pick.first_frame, pick.last_frame) for pick in picks]
    for chosen, pick in zip(frame_indices(picks, 4), picks, strict=True):
        assert chosen.tolist() == [pick.first_frame + i for i in (3, 9, 15, 21)]
    assert frame_times(picks, 4) == [[i / 25 for i in of_pick] for of_pick in frame_indices(picks, 4)]


@pytest.mark.parametrize("backend", ["pyav", "opencv", "decord", "torchcodec"])
def test_load_video_reads_the_frames_that_decode_gives(backend: str, picks: Picks, long: Path) -> None:
    if backend == "decord":  # PyTorchVideo has decord give tensors, for the whole process
        pytest.importorskip("decord").bridge.set_bridge("native")
    try:
        frames, metadata = load_video(str(long), backend=backend, sample_indices_fn=sample_indices_fn(picks, 4))
    except (ImportError, RuntimeError) as e:
        pytest.skip(f"{backend} does not run here ({e})")
    frames = torch.as_tensor(np.asarray(frames))
    frames = frames.movedim(1, -1) if frames.shape[1] == 3 else frames
    expected = torch.cat([*picks.decode(4, layout="THWC")])
    assert frames.shape == expected.shape and float((frames.float() - expected.float()).abs().mean()) < 3
    indices = np.concatenate(frame_indices(picks, 4))
    assert metadata.frames_indices.tolist() == indices.tolist() and (np.diff(indices) > 0).all()
    assert metadata.timestamps == pytest.approx([*chain(*frame_times(picks, 4))])


def test_a_container_that_gives_no_number_of_frames(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", 80)
    picks = select(path, k=2, device="cpu")
    frames, metadata = load_video(str(path), sample_indices_fn=sample_indices_fn(picks, 3))
    expected = torch.cat([*picks.decode(3, layout="THWC")])
    assert metadata.total_num_frames == 0
    assert float((torch.from_numpy(frames).float() - expected.float()).abs().mean()) < 3


def test_a_variable_frame_rate_that_the_header_does_not_show(tmp_path: Path) -> None:
    path = make_uneven_video(tmp_path / "uneven.mkv")
    picks = select(path, k=2, device="cpu")
    exact = [picks.scores.source.timeline.pts[indices] / 1000 for indices in frame_indices(picks, 3)]
    assert np.allclose(frame_times(picks, 3), exact)
    with pytest.raises(ClipselectError, match=r"uneven\.mkv: has 21\.5\d* fps, and transformers reads 25; .* decode"):
        load_video(str(path), sample_indices_fn=sample_indices_fn(picks, 3))


def test_the_function_goes_to_workers(picks: Picks, long: Path) -> None:
    function = pickle.loads(pickle.dumps(sample_indices_fn(picks, 2)))
    assert load_video(str(long), sample_indices_fn=function)[0].shape == (6, 96, 128, 3)


def test_another_file_is_refused(picks: Picks, tmp_path: Path) -> None:
    other = make_video(tmp_path / "other.mp4", 80)
    with pytest.raises(
        ClipselectError, match=r"long\.mp4: has 200 frames, and transformers reads 80; give it the same"
    ):
        load_video(str(other), sample_indices_fn=sample_indices_fn(picks, 4))
    slow = make_video(tmp_path / "slow.mp4", range(0, 400, 2))
    with pytest.raises(ClipselectError, match=r"has 25 fps, and transformers reads 12\.5"):
        load_video(str(slow), sample_indices_fn=sample_indices_fn(picks, 4))


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 80)
    function = sample_indices_fn(select(path, k=1, device="cpu"))
    os.utime(path, (0, 0))
    with pytest.raises(VideoError, match="select them again"):
        load_video(str(path), sample_indices_fn=function)


def test_frames_that_would_have_to_be_loaded_twice(picks: Picks, long: Path) -> None:
    with pytest.raises(ArgumentError, match="num_frames must be at most 25"):
        sample_indices_fn(picks, 26)
    with pytest.raises(ArgumentError, match="num_frames"):
        sample_indices_fn(picks, 0)
    overlapping = select(long, k=36, stride=0.2, min_gap=None, device="cpu")
    with pytest.raises(ArgumentError, match="must not overlap"):
        sample_indices_fn(overlapping, 25)


@pytest.mark.parametrize("kind", KINDS)
def test_processors_take_the_clips_with_their_indices(kind: str, picks: Picks) -> None:
    processor, clips = tiny_processor(kind), [*picks.decode(4)]
    made = processor(
        clips,
        do_sample_frames=False,
        video_metadata=video_metadata(picks, 4),
        return_metadata=True,
        return_tensors="pt",
    )
    indices = [metadata.frames_indices for metadata in made.pop("video_metadata")]
    assert indices == [i.tolist() for i in frame_indices(picks, 4)]
    [(name, pixels)] = made.items()
    assert pixels.shape == (3, 4, 3, 32, 32)
    assert torch.equal(pixels, processor(clips, do_sample_frames=False, return_tensors="pt")[name])


def test_a_processor_of_a_language_model_knows_the_times(picks: Picks) -> None:
    processor = transformers.Qwen3VLVideoProcessor(cap_pixels_per_frame=True)
    made = processor(
        [*picks.decode(4, short_side=64)], do_sample_frames=False, video_metadata=video_metadata(picks, 4),
        return_metadata=True, return_tensors="pt",
    )  # fmt: skip
    assert np.allclose([metadata.timestamps for metadata in made["video_metadata"]], frame_times(picks, 4))
    assert made["video_grid_thw"][:, 0].tolist() == [2, 2, 2]
