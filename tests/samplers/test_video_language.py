"""Picks for video language models, read by Qwen's utilities where they are installed."""

import os
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.frame_caches import images
from helpers.optional import import_or_skip
from helpers.videos import make_video

from clipselect import ClipselectError, select
from clipselect.errors import VideoError
from clipselect.samplers.picks import Picks
from clipselect.samplers.video_language import qwen_elements, vllm_videos


def test_elements_lie_around_the_picks(picks: Picks, long: Path) -> None:
    elements = qwen_elements(picks, fps=4, max_pixels=50_000)
    for element, pick in zip(elements, picks, strict=True):
        assert element["type"] == "video" and element["video"] == str(long)
        assert element["video_start"] == pytest.approx(max(pick.start - 0.02, 0))
        assert element["video_end"] == pytest.approx(pick.end - 0.02)
        assert element["fps"] == 4 and element["max_pixels"] == 50_000


@pytest.mark.parametrize("frame_time", ["1001/24000", "1001/30000", "1/50", "7/210"])
def test_qwens_utilities_read_exactly_the_frames(frame_time: str, tmp_path: Path) -> None:
    process = pytest.importorskip("qwen_vl_utils.vision_process")
    path = make_video(tmp_path / "a.mp4", range(200), time_base=Fraction(frame_time))
    picks = select(path, k=4, clip_duration=0.7, device="cpu")
    with av.open(str(path)) as container:
        fps = float(container.streams.video[0].average_rate or 0)  # as decord takes it
    for element, pick in zip(qwen_elements(picks), picks, strict=True):
        first, last, _ = process.calculate_video_frame_range(element, 200, fps)
        assert (first, last) == (pick.first_frame, pick.last_frame)


def test_messages_with_the_elements_are_read(picks: Picks, monkeypatch: pytest.MonkeyPatch) -> None:
    utilities = pytest.importorskip("qwen_vl_utils")
    reader = "decord" if find_spec("decord") else "torchcodec"  # which needs FFmpeg on the system
    module = import_or_skip(reader)
    if reader == "decord":
        module.bridge.set_bridge("native")  # PyTorchVideo has another one
    monkeypatch.setattr(utilities.vision_process, "get_video_reader_backend", lambda: reader)
    message = {"role": "user", "content": [*qwen_elements(picks, nframes=4), {"type": "text", "text": "What is it?"}]}
    _, videos, _ = utilities.process_vision_info([message], return_video_kwargs=True, return_video_metadata=True)
    for (video, metadata), pick in zip(videos, picks, strict=True):
        indices = [int(i) for i in metadata["frames_indices"]]
        assert len(video) == 4 and (indices[0], indices[-1]) == (pick.first_frame, pick.last_frame)


def test_what_qwens_utilities_could_not_read(picks: Picks, tmp_path: Path) -> None:
    folder = images(tmp_path / "frames", 60)
    with pytest.raises(ClipselectError, match="frames: is no video file"):
        qwen_elements(select(folder, k=1, fps=25, device="cpu"))
    path = make_video(tmp_path / "short.mp4", 1)
    with pytest.raises(ClipselectError, match=r"short\.mp4: .* a single frame"):
        qwen_elements(select(path, k=1, device="cpu"))
    os.utime(path, (0, 0))
    again = make_video(tmp_path / "again.mp4", 80)
    chosen = select(again, k=1, device="cpu")
    os.utime(again, (0, 0))
    with pytest.raises(VideoError, match="select them again"):
        qwen_elements(chosen)


def test_videos_for_vllm(picks: Picks) -> None:
    made = vllm_videos(picks, num_frames=4, short_side=48)
    for (frames, metadata), pick, expected in zip(made, picks, picks.decode(4, short_side=48), strict=True):
        assert frames.dtype == np.uint8 and np.array_equal(frames, expected.permute(0, 2, 3, 1).numpy())
        assert metadata == {
            "total_num_frames": 200, "fps": pytest.approx(25), "duration": 8.0, "do_sample_frames": False,
            "video_backend": "pyav", "frames_indices": [pick.first_frame + i for i in (3, 9, 15, 21)],
        }  # fmt: skip
    transformers = pytest.importorskip("transformers.video_utils")
    own = {name: value for name, value in made[0][1].items() if name != "do_sample_frames"}
    assert transformers.VideoMetadata(**own).timestamps == [i / 25 for i in own["frames_indices"]]
