"""Pixels in, scores out: the DDNet over the candidate clips of a video, in one forward pass and constant memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipselect import zoo
from clipselect.checkpoint import Metadata, load_weights
from clipselect.clips import Pass, ahead, decoded
from clipselect.cores import BesideDecoder
from clipselect.ddnet import DDNet, DDNetConfig
from clipselect.errors import ClipselectError, NetworkError
from clipselect.grid import Clip, Seconds, exact_seconds
from clipselect.video import Frame, Source

SMALLEST_BATCH = 2
"""Convolutions of a single clip round differently (6e-8), and a score must not depend on what else is in its batch."""

NO_DDNET = "its metadata and its tensors do not describe one DDNet; distil it again"


@dataclass(frozen=True)
class Geometry:
    """How pixels reach a network.

    Attributes:
        size: frames are squashed to size x size.
        frames: T, frames per clip.
        mean, std: per RGB channel, for values in [0, 1].
    """

    size: int
    frames: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def of(cls, metadata: Metadata) -> "Geometry":
        """Read from the header of a weights file; a ValueError if it makes no sense."""
        size, frames, mean, std = (metadata[key] for key in ("size", "frames", "mean", "std"))
        channels = [*mean, *std]
        if not (isinstance(size, int) and isinstance(frames, int) and 16 <= size <= 1024 and 1 <= frames <= 256):
            raise ValueError("size must lie in [16, 1024], frames in [1, 256]")
        if len(mean) != 3 or len(std) != 3 or not np.isfinite(channels).all() or min(std) <= 0:
            raise ValueError("mean and std must be three numbers each, std above 0")
        return cls(size, frames, tuple(mean), tuple(std))

    def normalise(self, clips: NDArray[np.uint8] | torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
        """[n, T, H, W, 3] uint8 RGB -> [n, 3, T, H, W] float32, channels last in memory, on `device`."""
        x = torch.as_tensor(clips).to(device).to(torch.float32, copy=True)  # bytes travel, not floats
        mean, std = ((torch.tensor(v, device=x.device) * 255).repeat(x.shape[-2]) for v in (self.mean, self.std))
        rows = x.flatten(-2).mul_(1 / std).sub_(mean / std)  # in place and by whole rows: several times faster on a CPU
        return rows.view(x.shape).permute(0, 4, 1, 2, 3)


@dataclass(frozen=True)
class ClipScorer:
    """A DDNet for clips with what it was distilled with.

    Attributes:
        name: as shown in results.
        metadata: the weights file's header: geometry, clip_duration, mu, sigma, classes, data, command and more.
    """

    name: str
    net: DDNet
    geometry: Geometry
    metadata: Metadata
    device: torch.device

    @property
    def clip_duration(self) -> float:
        """Seconds per clip the DDNet was distilled with."""
        return float(self.metadata["clip_duration"])

    @torch.inference_mode()
    def score(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores [n] in (0, 1) of clips [n, T, size, size, 3] uint8 RGB."""
        filler = np.zeros((max(SMALLEST_BATCH - len(clips), 0), *clips.shape[1:]), np.uint8)
        batch = self.geometry.normalise(np.concatenate([clips, filler]) if len(filler) else clips, self.device)
        with torch.autocast(self.device.type, enabled=False):  # whatever the caller is in: scores are one thing
            scores: NDArray[np.float32] = self.net(batch)[: len(clips)].cpu().numpy()
        if not np.isfinite(scores).all():
            raise NetworkError(f"model {self.name!r} gives scores that are not numbers; distil it again")
        return scores


def load_scorer(model: str | Path | None = None, device: str = "auto") -> ClipScorer:
    """A ready `ClipScorer`.

    Args:
        model: a name of `clipselect.zoo.DDNETS`, or a path to weights that clipselect wrote; the default of the zoo.
        device: "auto" (CUDA if there is one), "cpu", "cuda", "cuda:1", ...

    Raises:
        ClipselectError: unknown model, unusable weights, absent device.
    """
    net, metadata, where = load_ddnet(model or zoo.DEFAULT_DDNET, device, dims=3)
    try:
        geometry = Geometry.of(metadata)
        exact_seconds(float(metadata["clip_duration"]), "clip_duration")
    except (KeyError, TypeError, ValueError, ClipselectError) as e:
        raise ClipselectError(f"{model}: {NO_DDNET}") from e
    net = net.to(memory_format=torch.channels_last_3d)
    return ClipScorer(str(metadata["name"]), net, geometry, metadata, where)


def load_ddnet(model: str | Path, device: str, dims: int) -> tuple[DDNet, Metadata, torch.device]:
    """A DDNet in evaluation mode on its device, what its weights file says, and the device.

    Args:
        model: a name of `clipselect.zoo.DDNETS`, or a path.
        dims: 2 for frames, 3 for clips; what the weights must be for.

    Raises:
        ClipselectError: unknown model, unusable weights, weights of the other kind, absent device.
    """
    path = zoo.weights_path(model, zoo.DDNETS)
    where = pick_device(device)
    tensors, metadata = load_weights(path, kind="ddnet")
    try:
        shape: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in metadata["config"].items()}
        config = DDNetConfig(**shape)
        net = DDNet(config)
        net.load_state_dict(tensors)
        str(metadata["name"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as e:
        raise ClipselectError(f"{path}: {NO_DDNET}") from e
    if config.dims != dims:
        has, needs = (
            ("3D DDNet for clips", "frames need a 2D one")
            if dims == 2
            else ("2D DDNet for images", "clips need a 3D one")
        )
        raise ClipselectError(f"{path}: a {has}; {needs}")
    return net.eval().to(where), metadata, where


def pick_device(name: str) -> torch.device:
    """The torch device of that name, "auto" meaning CUDA if present; a ClipselectError if it is absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as e:
        raise ClipselectError(f"device {name!r} is not available here; use cpu, or auto") from e
    if device.type == "meta":
        raise ClipselectError("device 'meta' holds no data; use cpu, or auto")
    return device


@dataclass(frozen=True)
class VideoScores:
    """Scores of the candidate clips of one video, in time order.

    Attributes:
        source: the video, with the times of the frames that really decode.
        clips: the candidates; their times count in seconds from the first frame.
        scores: [n] float32 in (0, 1).
        model: name of the DDNet.
        seconds: wall time from the opened file on, under "total", "network" and "decode" (waiting for frames).
        thumbnails: a picture of every clip, if asked for.
    """

    source: Source
    clips: list[Clip]
    scores: NDArray[np.float32]
    model: str
    seconds: dict[str, float]
    thumbnails: list[bytes] = field(default_factory=list)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last."""
        return self.source.timeline.duration

    @property
    def spans(self) -> NDArray[np.float64]:
        """[n, 2] start and end of every clip in seconds."""
        return np.array([(c.start, c.end) for c in self.clips], dtype=np.float64)


def score_video(
    source: Source,
    scorer: ClipScorer,
    *,
    clip_duration: Seconds | None = None,
    stride: Seconds | None = None,
    fast: bool = False,
    progress: Callable[[float], Any] | None = None,
    thumbnail: Callable[[Frame], bytes] | None = None,
) -> VideoScores:
    """Score every candidate clip of a video.

    Args:
        source: from `open_source`.
        clip_duration: seconds; what the DDNet was distilled with by default.
        stride: seconds between the starts of candidates; the clip duration by default.
        fast: estimate the scores from the frames that decode quickest, see `clipselect.fast`.
        progress: called with the share of the video done, in [0, 1].
        thumbnail: makes the picture of a clip out of its middle frame [size, size, 3] uint8.

    Raises:
        VideoError: not one frame decodes.
        ClipselectError: bad clip duration or stride.
    """
    begin, done = time.perf_counter(), 0
    clips: list[Clip] = []
    scores, thumbnails = np.empty(0, np.float32), list[bytes]()
    length = scorer.clip_duration if clip_duration is None else clip_duration
    with BesideDecoder() as network:
        for step in ahead(decoded(source, length, stride, scorer.geometry.size, scorer.geometry.frames, fast)):
            if isinstance(step, Pass):
                source, clips, done, thumbnails = step.source, step.clips, 0, []
                scores = np.empty(len(clips), np.float32)
                continue
            next_done = done + len(step)
            scores[done:next_done] = network.run(partial(scorer.score, step), decoder_done=next_done == len(clips))
            done = next_done
            if thumbnail:
                thumbnails += [thumbnail(clip[len(clip) // 2]) for clip in step]
            if progress:
                progress(done / len(clips))
    if thumbnail:
        _ = source.aspect  # pictures need it; known now, it needs no second look at the file
    total = time.perf_counter() - begin
    seconds = {"total": total, "network": network.seconds, "decode": total - network.seconds}
    return VideoScores(source, clips, scores, scorer.name, seconds, thumbnails)
