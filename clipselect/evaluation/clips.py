"""Accuracy and cost of clip selection on labelled videos, trimmed, untrimmed or composed: DDL beside all its baselines.

1. Both networks on every candidate clip, kept per video under OUT/cache: an evaluation that was stopped continues when
   it is called again, and another K opens no video. A video that cannot be read is reported, counted, left out.
2. What every method of clipselect/evaluation/methods.py would answer, with intervals and multiply-adds.
3. Seconds and memory of some methods on a few videos, from opening the file to the answer.
"""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

from clipselect.data.composition import ACTION_CLIPS, BACKGROUND_CLIPS, Kind
from clipselect.data.datasets import Dataset, read_background
from clipselect.errors import ClipselectWarning, check_argument
from clipselect.evaluation.arguments import check_libraries, check_numbers
from clipselect.evaluation.clip_data import ClipDataSet, composed, read_domains, untrimmed
from clipselect.evaluation.clip_entries import Record, clip_entries
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.destination import check_replaceable, make_destination
from clipselect.evaluation.labelled_videos import labelled_videos
from clipselect.evaluation.outcomes import Cost, outcomes_of
from clipselect.evaluation.provenance import environment, network_record, other_base
from clipselect.evaluation.results import RESULTS_NAME, Results, write_results
from clipselect.evaluation.table_cache import TableCache
from clipselect.evaluation.timing import time_methods, timed_methods
from clipselect.media.candidate_clips import Seconds, exact_seconds, frame_rate
from clipselect.media.progress import ProgressCallback, no_progress
from clipselect.media.text import printable
from clipselect.media.unreadable import OnError, ignore_error
from clipselect.method.selection import check_limits, evenly
from clipselect.scoring.scorer import Scorer, load_ddnet
from clipselect.zoo.base import Base
from clipselect.zoo.loading import load_base

DEFAULT_KS = (1, 3, 5, 9)
MAX_LENGTH_DIFFERENCE = 0.01
"""Seconds by which the clips of base and DDNet may differ without a warning."""


@dataclass(frozen=True)
class ClipEvaluation:
    """What to evaluate, and how; `run` does it.

    Attributes:
        data: a folder SPLIT/CLASS/VIDEO, a list of videos with labels (.csv), or ActivityNet's annotations (.json,
            which adds mean average precision).
        prefix: folder that the videos of a list or JSON lie in.
        classes: a file with the names of the base's outputs, see `labelled_videos`.
        base: what `clipselect.zoo.loading.load_base` loads, or a `Base`; None for the zoo's.
        model: the DDNet, a name, a file or a `Scorer`; None for the zoo's.
        k: how many clips reach the base; None for 1, 3, 5 and 9 as far as the candidates go.
        dense: at most this many candidates per video: evenly spread, unless `stride` gives fewer.
        clip_duration: seconds; None for the DDNet's.
        pieces: seconds; every video, whose actions must be annotated in time, is cut into pieces of this length, and a
            piece is a group with the actions that its clips show. Intervals stay over videos. A last piece shorter than
            half is joined to the one before. Clips that lie in two pieces are candidates of neither.
        stride: seconds between the starts of candidates; None for the clip duration.
        min_gap: seconds that lie between the clips that a method keeps, as for `clipselect.select`; None lets them
            overlap. Evenly spread clips do so only where they fill the video, and dense is all clips in any case.
        base_geometry: what the base sees of a frame, see `clipselect.media.geometry.Geometry`; by default what it was
            trained on. The DDNet always sees the whole frame squashed to a square.
        base_precision: in which the base computes, see `Base.with_precision`.
        shots: measure also clips that are evenly spread within shots; PySceneDetect finds them in every frame.
        all_videos: evaluate all videos of the data; by default only the held-out ones, those of val or, where the data
            names no splits, a fifth of every class.
        limit: evaluate this many videos only, evenly drawn.
        seeds: of random K and of compositions.
        compose: evaluate on videos composed of those of `data`, see clipselect/data/composition.py: "mixed",
            "hard" or both.
        background: for `compose`, a folder SPLIT/DOMAIN/VIDEO of videos that show no class.
        domains: for "hard", a list with the columns class and domain.
        per_video: compositions of a video and seed.
        timed: how many videos to time; 0 for none.
        fps: of folders of frames.
        device: of both networks, such as "cpu", "cuda" or "auto".
        benchmark: what the results file calls the evaluation.

    Raises:
        ArgumentError: values that make no sense.
    """

    data: Path
    prefix: Path | None = None
    classes: Path | None = None
    base: str | Path | Base | None = None
    model: str | Path | Scorer | None = None
    k: Sequence[int] | None = None
    dense: int | None = None
    clip_duration: Seconds | None = None
    pieces: Seconds | None = None
    stride: Seconds | None = None
    min_gap: float | None = 0
    base_geometry: str | None = None
    base_precision: str | None = None
    shots: bool = False
    all_videos: bool = False
    limit: int | None = None
    seeds: Sequence[int] = (0, 1, 2)
    compose: Sequence[Kind] = ()
    background: Path | None = None
    domains: Path | None = None
    per_video: int = 2
    timed: int = 8
    fps: float = 30.0
    device: str = "auto"
    benchmark: str = "kinetics"

    def __post_init__(self) -> None:
        check_libraries(*(["scenedetect"] if self.shots else []))
        self._check_sources()
        self._check_numbers()

    @property
    def annotated(self) -> bool:
        """Whether the data are annotations of untrimmed videos, several of a video."""
        return Path(self.data).suffix.lower() == ".json"

    def run(self, out: Path, *, progress: ProgressCallback = no_progress, on_error: OnError = ignore_error) -> Results:
        """Evaluate, and write OUT/results.json.

        Args:
            out: folder for results.json and the cache; the same one again continues.

        Warns:
            ClipselectWarning: networks that do not fit together, a default K above the candidates.

        Raises:
            ClipselectError: data or networks that cannot be used; not one video can be read.
        """
        make_destination(out, [Path(self.data)])
        given, device = self.model, self.device
        scorer = given if isinstance(given, Scorer) else load_ddnet(given, device, elements="clips")
        base = self.base if isinstance(self.base, Base) else load_base(self.base, self.device)
        base = base.with_geometry(self.base_geometry).with_precision(self.base_precision)
        dataset, base, named_by = labelled_videos(
            Path(self.data), base, prefix=self.prefix, classes=self.classes, all_videos=self.all_videos
        )
        if self.limit is not None:
            dataset = replace(dataset, videos=evenly(dataset.videos, self.limit))
        length = exact_seconds(self.clip_duration or scorer.clip_duration, "clip_duration")
        if self.pieces is not None:
            problem = f"must be at least as long as a clip, {float(length):g} s, got {float(self.pieces):g}"
            check_argument(self.pieces >= length, "pieces", problem)
            has_segments = any(video.segments for video in dataset.videos)
            check_argument(has_segments, "pieces", f"is for videos with segments, and {self.data} names none")
        networks = Networks(scorer, base)
        about = {"base": network_record(base), "model": network_record(scorer)}
        settings = self._record(length)
        document: Record = {"benchmark": self.benchmark, "settings": settings}
        document |= {"group": "piece"} if self.pieces is not None else {}
        check_replaceable(out, document | about)
        cost = Cost(about["base"].get("gflops"), about["model"]["gflops"])
        self.warn(networks, cost)

        parts: dict[str, list[Record]] = defaultdict(list)
        used: set[int] = set()
        for data_set in self._data_sets(dataset, networks, length, out, progress, on_error):
            ks = self._ks(data_set)
            used |= {*ks}
            for key, entries in self._measured(data_set, ks, networks, cost, progress, on_error).items():
                parts[key] += entries
        settings |= {"k": sorted(used), "classes": named_by}
        document["environment"] = environment(scorer.device)
        results = Results.model_validate(document | about | parts)
        write_results(out / RESULTS_NAME, results)
        return results

    def warn(self, networks: Networks, cost: Cost) -> None:
        """Warn of what does not fit together."""
        scorer, base = networks.scorer, networks.base
        if other := other_base(scorer.metadata, base.name, base.sha256):
            _warn(f"{scorer.name} was distilled for {other}: its ranking is a guess")
        elif (seen := scorer.metadata.get("base_geometry")) not in (None, now := str(base.input_spec.geometry)):
            _warn(f"{scorer.name} was distilled for {base.name} with geometry {seen}, not {now}: its order is a guess")
        if self.clip_duration is None and abs(base.clip_duration - scorer.clip_duration) > MAX_LENGTH_DIFFERENCE:
            _warn(
                f"{scorer.name} was distilled on clips of {scorer.clip_duration:g} s, {base.name} trained on clips of "
                f"{base.clip_duration:g} s; the first length is taken, unless the clip duration is given"
            )
        if cost.base is None:
            consequence = "there are no GFLOPs, and no uniform at equal cost"
            _warn(f"the multiply-adds of {base.name} cannot be counted: {consequence}")

    def _data_sets(
        self,
        dataset: Dataset,
        networks: Networks,
        length: Fraction,
        out: Path,
        progress: ProgressCallback,
        on_error: OnError,
    ) -> list[ClipDataSet]:
        if not self.compose:
            stride = None if self.stride is None else exact_seconds(self.stride, "stride")
            cache = TableCache(out / "cache", networks, ClipGrid(length, stride, self.dense), self.fps)
            pieces = None if self.pieces is None else exact_seconds(self.pieces, "pieces")
            folder = out / "pieces"
            how: dict[str, Any] = {"pieces": pieces, "shots": self.shots, "progress": progress, "on_error": on_error}
            return [untrimmed(dataset, cache, folder, **how)]
        assert self.background is not None
        cache = TableCache(out / "cache", networks, ClipGrid(length, exactly=ACTION_CLIPS), self.fps)
        return composed(
            dataset,
            read_background(self.background, "val"),
            [*dict.fromkeys(self.compose)],
            cache,
            out / "composed",
            own_domain=read_domains(self.domains, dataset.classes) if self.domains else {},
            per_video=self.per_video,
            seeds=self.seeds,
            progress=progress,
            on_error=on_error,
        )

    def _ks(self, data_set: ClipDataSet) -> Sequence[int]:
        """The K that were asked for; by default those that the candidates allow."""
        if self.k is not None:
            return self.k
        most = data_set.max_candidates
        left_out = ", ".join(str(k) for k in DEFAULT_KS if k > most)
        if left_out:
            _warn(f"{data_set.name}: no video has more than {most} candidates; K = {left_out} is left out")
        return [k for k in DEFAULT_KS if k <= most]

    def _measured(
        self,
        data_set: ClipDataSet,
        ks: Sequence[int],
        networks: Networks,
        cost: Cost,
        progress: ProgressCallback,
        on_error: OnError,
    ) -> dict[str, list[Record]]:
        """The entries of a results file about one data set, some methods of it timed."""
        outcomes = outcomes_of(
            data_set.groups, data_set.table, ks, cost,
            seeds=self.seeds, with_map=self.annotated or None, min_gap=self.min_gap,
        )  # fmt: skip
        seconds = None
        if self.timed:
            methods = timed_methods(ks, data_set.grid, networks, cost, self.fps, self.min_gap)
            files, stage = data_set.files(self.timed), f"timing {data_set.name}"
            device = networks.base.device
            seconds = time_methods(files, methods, device, stage=stage, progress=progress, on_error=on_error)
        return clip_entries(data_set, outcomes, cost, networks.base.classes, seconds)

    def _record(self, length: Fraction) -> Record:
        """What decides the figures, for the results file."""
        elsewhere = {"classes", "base", "model", "k", "device", "benchmark", *([] if self.shots else ["shots"])}
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in elsewhere}
        return {name: _plain(value) for name, value in (values | {"clip_duration": length}).items()}

    def _check_numbers(self) -> None:
        for name, minimum in (("dense", 1), ("limit", 1), ("per_video", 1), ("timed", 0)):
            value = getattr(self, name)
            check_argument(value is None or value >= minimum, name, f"must be at least {minimum}, got {value}")
        check_numbers("seeds", self.seeds, 0)
        if self.k is not None:
            check_numbers("k", self.k, 1)
            most = ACTION_CLIPS + BACKGROUND_CLIPS if self.compose else self.dense
            fits = most is None or max(self.k) <= most
            check_argument(fits, "k", f"must lie between 1 and {most}, the most candidates of any video")
        frame_rate(self.fps)
        check_limits(min_gap=self.min_gap)
        for name in ("clip_duration", "stride", "pieces"):
            if getattr(self, name) is not None:
                exact_seconds(getattr(self, name), name)

    def _check_sources(self) -> None:
        unknown = ", ".join(kind for kind in self.compose if kind not in get_args(Kind))
        check_argument(not unknown, "compose", f"must be mixed, hard or both, got {unknown}")
        if self.pieces is not None:
            problem = "must not be given with pieces, which differ in length; give a stride"
            check_argument(self.dense is None, "dense", problem)
        if not self.compose:
            for name in ("background", "domains"):
                problem = "is for compositions only; compose them, or leave it out"
                check_argument(getattr(self, name) is None, name, problem)
            return
        for name in ("dense", "stride", "pieces"):
            problem = "must not be given for compositions, whose clips are given"
            check_argument(getattr(self, name) is None, name, problem)
        problem = "must not be given for compositions, in which every clip of the background is a shot of its own"
        check_argument(not self.shots, "shots", problem)
        check_argument(not self.min_gap, "min_gap", "must be 0 for compositions, whose clips are given")
        problem = "must not be given for .json data, whose videos are untrimmed already"
        check_argument(not self.annotated, "compose", problem)
        problem = "must be given for compositions: a folder of videos without action, one folder per domain"
        check_argument(self.background is not None, "background", problem)
        problem = "must be given for hard compositions: a CSV with the columns class and domain"
        check_argument("hard" not in self.compose or self.domains is not None, "domains", problem)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, ClipselectWarning, stacklevel=3)


def _plain(value: Any) -> Any:
    """For JSON."""
    if isinstance(value, Path):
        return printable(value)
    if isinstance(value, tuple):
        return [*value]
    return float(value) if isinstance(value, Fraction) else value
