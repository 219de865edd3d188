"""The picked clips of a video, and how to get their pixels, their files, their table."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from clipselect.errors import ClipselectError, VideoError
from clipselect.index.index_file import signature
from clipselect.media.clip_decoding import read_clips
from clipselect.media.clip_tensors import check_shape, clip_arrays
from clipselect.media.extract import clip_file_name, extract_clip
from clipselect.media.files import make_folder
from clipselect.media.frame_array import FrameArray
from clipselect.media.images import Size
from clipselect.media.optional import require
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.text import printable
from clipselect.method.aggregation import weights
from clipselect.method.selection import Selection, ranks
from clipselect.samplers.arguments import one_of
from clipselect.samplers.explanation import Explanation, caveats, explain_clips, explaining_base
from clipselect.samplers.pick import Candidate, Pick
from clipselect.scoring.video_scores import VideoScores

if TYPE_CHECKING:
    import pandas
    import torch

    from clipselect.zoo.base import Base

Layout = Literal["TCHW", "CTHW", "THWC"]
"""Order of the axes of a clip: time, channels, height, width."""
AXES: dict[Layout, tuple[int, ...]] = {"TCHW": (0, 3, 1, 2), "CTHW": (3, 0, 1, 2), "THWC": (0, 1, 2, 3)}


@dataclass(frozen=True, eq=False, repr=False)
class Picks(Sequence[Pick]):
    """The picked clips of a video in time order, from `clipselect.select`: a sequence of `Pick`.

    >>> from clipselect import select
    >>> picks = select("video.mp4", k=2)
    >>> [(pick.start, pick.end, pick.first_frame, pick.last_frame, pick.rank) for pick in picks]
    [(0.0, 1.0, 0, 24, 1), (1.0, 2.0, 25, 49, 2)]
    >>> picks.duration, len(picks.candidates), picks.weights.shape
    (2.52, 3, (2,))
    >>> [clip.shape for clip in picks.decode(num_frames=16, size=112)]
    [torch.Size([16, 3, 112, 112]), torch.Size([16, 3, 112, 112])]

    Attributes:
        scores: of all candidates, with the video as it really decodes.
        picked: indices of the picked ones among them.
        path: of the video; None for frames in memory.
        read: signature of the file when it was read, by which `decode` and `save` notice that it has changed.
        explanations: of the picks in time order, from `explain`; else empty.
        caveats: of the explanations: which classes the base knows, and what it says of anything else; else empty.
        shortfall: why the gap leaves fewer picks than were asked for, one sentence; else empty.
    """

    scores: VideoScores
    picked: Selection
    path: Path | None = None
    read: tuple[int, int] | tuple[None, None] = (None, None)
    explanations: tuple[Explanation, ...] = ()
    caveats: tuple[str, ...] = ()
    shortfall: tuple[str, ...] = ()

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """[n] rank of every candidate, 1 for the best."""
        return ranks(self.scores.scores)

    @property
    def weights(self) -> NDArray[np.float64]:
        """[k] weights of the picks for `clipselect.aggregate` (eq. 8)."""
        scores = self.scores
        return weights(scores.scores, self.picked.ordered, in_unit_interval=scores.in_unit_interval)

    @property
    def duration(self) -> float:
        """Seconds from the first frame of the video to the end of the last."""
        return float(self.scores.duration)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the video and how many clips were picked, one sentence each."""
        return (*self.scores.warnings, *self.shortfall)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the order of the clips is a guess, one sentence each; see `clipselect.scoring.doubts`."""
        return self.scores.doubts

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates in time order."""
        found = zip(self.scores.clips, self.scores.scores.tolist(), self.ranks.tolist(), self.percentiles, strict=True)
        return tuple(Candidate(float(c.start), float(c.end), c.first, c.last, *scored) for c, *scored in found)

    @property
    def percentiles(self) -> list[float | None]:
        """[n] of every candidate's score, see `clipselect.scoring.percentiles`; None where they are not known."""
        known = self.scores.percentiles
        return [None] * len(self.scores.clips) if known is None else known.tolist()

    @cached_property
    def _picks(self) -> tuple[Pick, ...]:
        explanations = self.explanations or [None] * len(self)
        found = zip(self.picked.ordered.tolist(), self.weights.tolist(), explanations, strict=True)
        return tuple(Pick(**asdict(self.candidates[i]), weight=weight, explanation=why) for i, weight, why in found)

    def __len__(self) -> int:
        return len(self.picked.ranked)

    @overload
    def __getitem__(self, i: int) -> Pick: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Pick, ...]: ...
    def __getitem__(self, i: int | slice) -> Pick | tuple[Pick, ...]:
        return self._picks[i]

    def __repr__(self) -> str:
        picks = ", ".join(f"{pick.start:.2f}-{pick.end:.2f} s ({pick.score:.4f})" for pick in self)
        return f"<{len(self)} of {len(self.candidates)} clips of {printable(self.scores.source.path)}: {picks}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the timeline of the video and a picture of every pick."""
        from clipselect.samplers.picks_view import picks_html

        return picks_html(self)

    def explain(self, base: "Base | Path | str", *, progress: ProgressCallback = no_progress) -> "Picks":
        """The same picks, each with its `explanation`: what a base sees in it; `caveats` say which classes it knows.

        >>> from clipselect import select
        >>> [pick] = select("video.mp4", k=1).explain("r3d-actions")
        >>> pick.explanation.nearest, pick.explanation.hardest_negative
        ('flying_kite', 'background')

        Args:
            base: from `load_base` or `Base.from_module`, or what `load_base` loads. It sees the picks alone, which are
                decoded once more. Its head's rows stand for the centroids of its classes.
            progress: gets the clips explained, as stage "explaining".

        Raises:
            ArgumentError: of `explain`: a base without a linear head that its features enter.
            NetworkError: the base fails.
            VideoError, ClipselectError: as for `decode`; a base that cannot be loaded.
        """
        base = explaining_base(base)
        self.check_readable()
        found = explain_clips(self.scores.source, self._clips, base, progress)
        return replace(self, explanations=found, caveats=caveats(base))

    def without_frames(self) -> "Picks":
        """The same without the pixels of frames in memory, which can be freed then."""
        source = self.scores.source
        if not isinstance(source, FrameArray):
            return self
        return replace(self, scores=replace(self.scores, source=replace(source, pixels=source.pixels[:0].copy())))

    def decode(
        self,
        num_frames: int | None = None,
        *,
        size: int | Size | None = None,
        short_side: int | None = None,
        layout: Layout = "TCHW",
    ) -> "Iterator[torch.Tensor]":
        """The pixels of the picks in time order: one uint8 RGB tensor for each, upright.

        >>> from clipselect import select
        >>> [clip] = select("video.mp4", k=1).decode(num_frames=8, short_side=64, layout="CTHW")
        >>> clip.shape, clip.dtype
        (torch.Size([3, 8, 64, 85]), torch.uint8)

        Args:
            num_frames: T, the frames on screen in the middle of T equal parts of the clip, whatever its length; None
                for all of its frames.
            size: frames are squashed to size x size, or to (height, width).
            short_side: pixels of the shorter side; the aspect stays as shown. Without `size` and `short_side`, frames
                have the size at which they are stored.
            layout: order of the axes, "TCHW", "CTHW" or "THWC".

        Raises:
            ArgumentError: an argument that makes no sense.
            VideoError: the video was changed since its clips were picked, or breaks off while it is read.
            ClipselectError: frames in memory that were not kept.
        """
        import torch

        check_shape(num_frames, size, short_side)
        axes = AXES[one_of(layout, "layout", get_args(Layout))]
        self.check_readable()
        arrays = clip_arrays(self.scores.source, self._clips, num_frames, size=size, short_side=short_side)
        return (torch.from_numpy(array).permute(axes).contiguous() for array in arrays)

    def decode_for(self, base: "Base") -> NDArray[np.uint8]:
        """The picks as a base sees them: [k, *base.input_spec.shape] uint8 RGB for `base.outputs` and its like.

        >>> from clipselect import load_base, select
        >>> base = load_base(device="cpu")
        >>> base.probabilities(select("video.mp4", k=2).decode_for(base)).shape
        torch.Size([2, 22])

        Raises:
            VideoError, ClipselectError: as for `decode`.
        """
        self.check_readable()
        source, spec = self.scores.source, base.input_spec
        return np.concatenate([*read_clips(source, self._clips, spec.view_of(source), spec.clip_frames)])

    def save(self, folder: Path | str, stem: str | None = None) -> list[Path]:
        """Write the picks as .mp4 files, exact to the frame, without sound; as `clipselect score --extract` does.

        >>> from clipselect import select
        >>> [path.name for path in select("video.mp4", k=1).save("best")]
        ['video_rank01_0.00s-1.00s.mp4']

        Args:
            folder: is made if it is not there.
            stem: how their names begin; as the video's by default.

        Returns:
            The files in time order.

        Raises:
            VideoError, ClipselectError: as for `decode`; a file that cannot be written.
        """
        return [*self.saved(folder, stem)]

    def saved(self, folder: Path | str, stem: str | None = None) -> Iterator[Path]:
        """As `save`, but gives every file once it is written: those before an error are known."""
        self.check_readable()
        make_folder(Path(folder))
        for clip, path in zip(self._clips, self.clip_paths(Path(folder), stem), strict=True):
            extract_clip(self.scores.source, clip, path)
            yield path

    def clip_paths(self, folder: Path, stem: str | None = None) -> list[Path]:
        """Where `save` writes the picks."""
        stem = self.scores.source.path.stem if stem is None else stem
        order = self.picked.ordered.tolist()
        return [folder / clip_file_name(stem, int(self.ranks[i]), self.scores.clips[i]) for i in order]

    def to_dict(self) -> dict[str, Any]:
        """The record of the video as `clipselect score --json` writes it, all candidates in its "clips".

        >>> from clipselect import select
        >>> record = select("video.mp4", k=1).to_dict()
        >>> [clip["start"] for clip in record["clips"] if clip["picked"]]
        [0.0]
        """
        from clipselect.samplers.picks_record import picks_record

        return picks_record(self)

    def to_pandas(self) -> "pandas.DataFrame":
        """A table with one row per candidate, in time order: the columns of `clipselect score --csv` and last_frame,
        without the path.

        Raises:
            MissingLibraryError: pandas is not installed.
        """
        pandas = require("pandas", "to_pandas()")
        clips = [clip | (clip["explanation"] or {}) for clip in self.to_dict()["clips"]]
        unknown = ["percentile"] if self.scores.percentiles is None else []
        table = pandas.DataFrame(clips).drop(columns=["file", "explanation", *unknown])
        table.insert(table.columns.get_loc("first_frame") + 1, "last_frame", [clip.last for clip in self.scores.clips])
        return table

    @property
    def _clips(self) -> list[Any]:
        return [self.scores.clips[i] for i in self.picked.ordered.tolist()]

    def check_unchanged(self) -> None:
        """Raise a VideoError if the file is no longer the one that was scored."""
        if self.path is not None and signature(self.path) != self.read:
            raise VideoError(f"{self.path}: was changed or removed after its clips were picked; select them again")

    def check_readable(self) -> None:
        """Raise a ClipselectError if the pixels that were scored are no longer there."""
        self.check_unchanged()
        if isinstance(self.scores.source, FrameArray) and not len(self.scores.source.pixels):
            raise ClipselectError(
                "the frames were not kept; select with keep_frames=True, or take your own frames from first_frame to "
                "last_frame of every pick"
            )
