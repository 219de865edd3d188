"""Every way from a video to its best clips gives the same clips."""

from pathlib import Path

import pytest
import torch
from helpers.optional import import_or_skip
from helpers.sampling import tiny_ddnet
from helpers.videos import make_uneven_video, make_video
from pytorchvideo.data import LabeledVideoDataset
from torch.utils.data import SequentialSampler

from clipselect import ClipDataset, DDLClipSampler, load_scorer, select
from clipselect.samplers.torchcodec import clips_by_score
from clipselect.samplers.transformers import frame_times, sample_indices_fn

SECONDS, K, FRAMES = 0.8, 3, 4


@pytest.fixture(scope="module", params=["even", "uneven", "later"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds; frames at uneven times; a clock that starts late."""
    folder = tmp_path_factory.mktemp("videos")
    if request.param == "uneven":
        return make_uneven_video(folder / "uneven.mp4")
    return make_video(folder / "video.mp4", range(100, 350) if request.param == "later" else 250)


def test_the_four_doors_give_the_same_picks(path: Path, tmp_path: Path) -> None:
    """PyTorchVideo, plain PyTorch (twice), torchcodec and transformers; compared in seconds from the first frame."""
    decoder = import_or_skip("torchcodec").decoders.VideoDecoder(path)
    import_or_skip("transformers")
    from transformers.video_utils import load_video

    model = tiny_ddnet(tmp_path / "tiny.safetensors")
    picks = select(path, K, clip_duration=SECONDS, scorer=load_scorer(model, "cpu"))
    assert len(picks) == K < len(picks.candidates) and picks[0].start > 0  # not just the first clips
    starts, ends, scores = ([getattr(pick, name) for pick in picks] for name in ("start", "end", "score"))
    frames = [(pick.first_frame, pick.last_frame) for pick in picks]

    sampler = DDLClipSampler(SECONDS, k=K, scorer=model)
    samples = [*LabeledVideoDataset([(str(path), {})], sampler, SequentialSampler, decode_audio=False)]
    for name, values in {"clip_start": starts, "clip_end": ends, "clip_score": scores}.items():
        assert [sample[name] for sample in samples] == pytest.approx(values)
    assert [sample["video"].shape[1] for sample in samples] == [last - first + 1 for first, last in frames]

    item = ClipDataset([path], k=K, clip_duration=SECONDS, scorer=model, num_frames=FRAMES)[0]
    for name, values in {"start": starts, "end": ends, "score": scores}.items():
        assert item[name].tolist() == pytest.approx(values)

    clips = clips_by_score(decoder, path, k=K, clip_duration=SECONDS, scorer=model, device="cpu")
    shown = [times[0] for times in frame_times(picks)]  # when the first frame of every pick is on screen
    assert (clips.pts_seconds[:, 0] - decoder.metadata.begin_stream_seconds).tolist() == pytest.approx(shown, abs=1e-4)

    loaded, metadata = load_video(str(path), sample_indices_fn=sample_indices_fn(picks, FRAMES), backend="pyav")
    indices = metadata.frames_indices.reshape(K, FRAMES)
    assert all(
        (first <= of_clip).all() and (of_clip <= last).all()
        for of_clip, (first, last) in zip(indices, frames, strict=True)
    )
    pixels = torch.as_tensor(loaded).unflatten(0, (K, FRAMES)).permute(0, 4, 1, 2, 3)
    assert (pixels.float() - item["video"].float()).abs().max() <= 3
