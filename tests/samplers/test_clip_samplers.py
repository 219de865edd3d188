"""The samplers in PyTorchVideo's own datasets: which clips come, with which frames and notes, in which order."""

import functools
import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from av.video.frame import PictureType
from helpers.sampling import NOTES, Row, ends, loader, rows, tiny_ddnet
from helpers.videos import expected_levels, make_video, picture
from pytorchvideo.data import Hmdb51, Kinetics, LabeledVideoDataset, Ucf101, labeled_video_dataset
from pytorchvideo.data.encoded_video_pyav import EncodedVideoPyAV
from torch.utils.data import DataLoader, DistributedSampler, SequentialSampler

from clipselect import DDLClipSampler, DenseClips, RandomClips, UniformClips, VideoAggregator
from clipselect.media.candidate_clips import candidate_clips
from clipselect.media.sources import open_source
from clipselect.method.aggregation import weights
from clipselect.method.selection import select
from clipselect.scoring.scorer import load_scorer
from clipselect.scoring.video_scores import score_video

FRAMES = {"a/one.mp4": 100, "a/two.mp4": 150, "b/four.mp4": 110, "b/three.mp4": 200}
UNEVEN = list(itertools.accumulate(itertools.islice(itertools.cycle([7, 90, 33, 40, 61, 12]), 99), initial=0))
DDL = Callable[..., DDLClipSampler]


def dataset(data: Path, sampler: Any, **options: Any) -> LabeledVideoDataset:
    return Kinetics(str(data), sampler, **{"transform": ends, "decode_audio": False, **options})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name, frames in FRAMES.items():
        (root / name).parent.mkdir(exist_ok=True)
        make_video(root / name, frames)
    return root


@pytest.fixture(scope="session")
def ddl(tmp_path_factory: pytest.TempPathFactory) -> DDL:
    return functools.partial(DDLClipSampler, scorer=tiny_ddnet(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture(scope="session")
def expected(data: Path, ddl: DDL) -> list[Row]:
    """What `ddl(1, k=3)` yields without workers, sorted."""
    return sorted(rows(loader(dataset(data, ddl(1, k=3)))))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("files")
    made = {
        "plain": make_video(root / "plain.mp4", 110),
        "b-frames": make_video(root / "b.mp4", 110, options={"preset": "veryslow", "g": "30"}),
        "uneven mp4": make_video(root / "uneven.mp4", UNEVEN, time_base=Fraction(1, 1000)),
        "uneven mkv": make_video(root / "uneven.mkv", UNEVEN, time_base=Fraction(1, 1000)),
        "mkv": make_video(root / "plain.mkv", 110),
        "late mp4": make_video(root / "late.mp4", range(70, 180)),
        "late mkv": make_video(root / "late.mkv", range(70, 180)),
        "avi": make_video(root / "plain.avi", 110, codec="mpeg4", options={"qmin": "1", "qmax": "1", "bf": "2"}),
        "long audio": make_video(root / "audio.mp4", 110, audio_seconds=7),
        "short": make_video(root / "short.mp4", 11),
        "folder": root / "frames",
    }
    made["folder"].mkdir()
    for i in range(100):
        av.VideoFrame.from_ndarray(picture(i), format="rgb24").to_image().save(made["folder"] / f"frame{i}.png")
    return made


def sample_clips(path: Path, sampler: Any, **options: Any) -> list[dict[str, Any]]:
    return list(LabeledVideoDataset([(str(path), {"label": 3})], sampler, SequentialSampler, **options))


def check_frames(ddl: DDL, path: Path, **options: Any) -> None:
    timeline = open_source(path).timeline
    shown = [*zip(expected_levels(len(timeline.pts)), (int(p) * timeline.time_base for p in timeline.pts), strict=True)]
    candidates = candidate_clips(timeline, 1, 0.3)
    levels = {float(c.start): [grey for grey, at in shown if c.start <= at < c.end] for c in candidates}
    for sampler in (DenseClips(1, stride=0.3), ddl(1, k=2, stride=0.3)):
        samples = sample_clips(path, sampler, **options)
        assert len(samples) == (len(candidates) if isinstance(sampler, DenseClips) else min(2, len(candidates)))
        for sample in samples:
            assert sample["video"][0, :, 2, -2].tolist() == pytest.approx(levels[sample["clip_start"]], abs=5)


KINDS = ["plain", "b-frames", "uneven mp4", "late mp4", "long audio", "short"]


@pytest.mark.parametrize("kind", [*KINDS, "avi", "mkv", "uneven mkv", "late mkv", "folder"])
def test_the_frames_are_exactly_those_of_the_clip(files: dict[str, Path], kind: str, ddl: DDL) -> None:
    for sound in {False, "audio" in kind}:
        check_frames(ddl, files[kind], decode_audio=sound)


@pytest.mark.parametrize("kind", KINDS)
def test_with_decord_too(files: dict[str, Path], kind: str, ddl: DDL) -> None:
    pytest.importorskip("decord")
    check_frames(ddl, files[kind], decode_audio=False, decoder="decord")


def test_the_files_are_as_hard_as_they_should_be(files: dict[str, Path]) -> None:
    with av.open(str(files["b-frames"])) as container:
        assert PictureType.B in {frame.pict_type for frame in container.decode(video=0)}
    assert open_source(files["late mkv"]).start_time > 2
    assert open_source(files["avi"]).start_time > 0  # though the stream declares 0
    assert len({b - a for a, b in itertools.pairwise(open_source(files["uneven mp4"]).timeline.pts.tolist())}) > 3
    assert EncodedVideoPyAV(files["long audio"].open("rb"), decode_audio=True).duration > 6


@pytest.mark.parametrize(
    ("options", "stride"),
    [
        ({"k": 3}, None),
        ({"k": 100}, 0.4),
        ({"k": 100, "min_gap": None}, 0.4),
        ({"k": 4, "min_gap": 0.5}, 0.25),
        ({"k": None, "threshold": True}, 0.3),
        ({"k": 2, "threshold": True, "min_gap": 0.0}, 0.3),
        ({"k": 2, "threshold": 1.0}, None),
    ],
)
def test_picks_and_weights_are_those_of_the_pure_functions(
    data: Path, options: dict[str, Any], stride: float | None, ddl: DDL
) -> None:
    scorer = load_scorer(ddl.keywords["scorer"], "cpu")  # type: ignore[attr-defined]
    video = score_video(open_source(data / "b/three.mp4"), scorer, clip_duration=1, stride=stride)
    if options.get("threshold") is True:
        options = {**options, "threshold": float(sorted(video.scores)[len(video.scores) // 2])}
    kept = select(video.scores, video.spans, **options).ordered
    samples = sample_clips(data / "b/three.mp4", ddl(1, stride=stride, **options))
    assert [s["clip_start"] for s in samples] == [float(video.clips[i].start) for i in kept]
    assert [s["clip_end"] for s in samples] == [float(video.clips[i].end) for i in kept]
    assert [s["clip_score"] for s in samples] == video.scores[kept].tolist()
    assert [s["clip_weight"] for s in samples] == weights(video.scores, kept).tolist()
    assert [s["clip_index"] for s in samples] == list(range(len(kept)))
    assert {s["clip_views"] for s in samples} == {len(kept)}


def test_notes_reach_the_batch_and_the_label_stays(data: Path, ddl: DDL) -> None:
    batch = next(iter(loader(dataset(data, ddl(1, k=3), video_sampler=SequentialSampler), batch=3)))
    assert all(len(batch[key]) == 3 for key in NOTES)
    assert batch["video_name"] == ["one.mp4"] * 3 and batch["label"].tolist() == [0] * 3
    assert batch["clip_start"].tolist() == sorted(batch["clip_start"].tolist())
    assert (batch["clip_end"] - batch["clip_start"]).tolist() == pytest.approx([1] * 3)


def test_every_dataset_of_pytorchvideo_gives_the_same_rows(
    data: Path, expected: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ddl: DDL
) -> None:
    options = {"transform": ends, "decode_audio": False}
    listed = tmp_path / "videos.csv"
    listed.write_text("".join(f"{name} {i}\n" for i, name in enumerate(FRAMES)))
    for action in "ab":
        names = [path.name for path in (data / action).iterdir()]
        (tmp_path / f"{action}_test_split1.txt").write_text("".join(f"{name} 1\n" for name in names))
    for found in (
        Ucf101(str(data), ddl(1, k=3), **options),
        labeled_video_dataset(str(listed), ddl(1, k=3), video_path_prefix=str(data), **options),
        Hmdb51(tmp_path, ddl(1, k=3), video_path_prefix=str(data), **options),
    ):
        assert sorted(rows(loader(found, batch=1))) == expected
    monkeypatch.chdir(data)
    assert sorted(rows(loader(labeled_video_dataset(str(listed), ddl(1, k=3), **options)))) == expected


@pytest.mark.processes
@pytest.mark.parametrize("context", [None, "fork", "spawn"])
def test_persistent_workers_or_none_give_the_same_rows_in_every_epoch(
    data: Path, expected: list[Row], context: str | None, ddl: DDL
) -> None:
    found = dataset(data, ddl(1, k=3), video_sampler=SequentialSampler)  # RandomSampler's generator does not spawn
    batches = loader(found, 2 if context else 0, context, batch=5)
    assert [sorted(rows(batches)), sorted(rows(batches))] == [expected] * 2


@pytest.mark.parametrize("shared", [False, True])
def test_two_datasets_in_turns_do_not_disturb_each_other(
    data: Path, expected: list[Row], shared: bool, ddl: DDL
) -> None:
    first = ddl(1, k=3)
    second = first if shared else ddl(1, k=3)
    pairs = [*zip(loader(dataset(data, first), batch=1), loader(dataset(data, second), batch=1), strict=True)]
    assert [sorted(rows(side)) for side in zip(*pairs, strict=True)] == [expected] * 2


def test_datasets_may_share_a_sampler_and_their_annotations(data: Path, expected: list[Row], ddl: DDL) -> None:
    videos = [(str(data / name), {"label": 0}) for name in FRAMES]
    sampler = ddl(1, k=3)
    sides = [LabeledVideoDataset(videos, sampler, SequentialSampler, ends, decode_audio=False) for _ in range(2)]
    pairs = [*zip(*(loader(side, batch=1) for side in sides), strict=True)]
    assert [sorted(rows(side)) for side in zip(*pairs, strict=True)] == [expected] * 2


def test_an_epoch_broken_off_in_mid_video_is_followed_by_a_whole_one(data: Path, expected: list[Row], ddl: DDL) -> None:
    found = dataset(data, ddl(1, k=3), video_sampler=SequentialSampler)
    first = rows(itertools.islice(loader(found, batch=1), 4))
    after = rows(loader(found, batch=1))
    in_order = rows(loader(dataset(data, ddl(1, k=3), video_sampler=SequentialSampler), batch=1))
    assert first == in_order[:4]
    assert after == in_order[4:6] + in_order  # PyTorchVideo's own: the rest of the video, then the new epoch
    assert sorted(set(after)) == expected


def test_ranks_share_the_videos_and_exact_gives_each_as_many_clips(data: Path, ddl: DDL) -> None:
    sampler = functools.partial(ddl, 1, k=6, pad_to_k=True)
    shares = [functools.partial(DistributedSampler, num_replicas=2, rank=rank) for rank in range(2)]
    ranks = [rows(loader(dataset(data, sampler(), video_sampler=share))) for share in shares]
    assert [len(rank) for rank in ranks] == [12, 12]
    assert sorted(ranks[0] + ranks[1]) == sorted(rows(loader(dataset(data, sampler()))))


def test_exact_repeats_weigh_nothing_and_leave_the_answer_as_it_is(data: Path, ddl: DDL) -> None:
    path = data / "a/one.mp4"
    plain, exact = (sample_clips(path, ddl(1, k=11, pad_to_k=e), transform=ends) for e in (False, True))
    assert (len(plain), len(exact)) == (4, 11)
    assert {s["clip_views"] for s in exact} == {11}
    counted = [[(s["clip_start"], s["clip_weight"]) for s in clips if s["clip_weight"]] for clips in (plain, exact)]
    assert counted[0] == counted[1]
    assert [s["clip_start"] for s in exact] == sorted(s["clip_start"] for s in exact)
    aggregators = VideoAggregator(), VideoAggregator()
    for samples, aggregator in zip((plain, exact), aggregators, strict=True):
        for batch in DataLoader(samples, batch_size=3):
            aggregator.update(batch["video"], batch)
    assert torch.equal(*(aggregator.compute().values for aggregator in aggregators))


def test_three_augmentations_cost_one_decode_per_clip(data: Path, monkeypatch: pytest.MonkeyPatch, ddl: DDL) -> None:
    decoded = []
    original = EncodedVideoPyAV.get_clip
    monkeypatch.setattr(EncodedVideoPyAV, "get_clip", lambda *a: decoded.append(a[1:]) or original(*a))
    samples = sample_clips(data / "a/two.mp4", ddl(1, k=2, augs_per_clip=3))
    assert [(s["clip_index"], s["aug_index"]) for s in samples] == list(itertools.product(range(2), range(3)))
    assert {s["clip_views"] for s in samples} == {6}
    assert len(decoded) == 2


def test_baselines_choose_among_the_same_candidates(data: Path, expected: list[Row]) -> None:
    def windows(sampler: Any) -> set[Row]:
        return {(row[0], *row[3:5]) for row in rows(loader(dataset(data, sampler)))}

    dense = windows(DenseClips(1))
    assert len(dense) == 4 + 6 + 5 + 8
    assert {(row[0], *row[3:5]) for row in expected} <= dense
    assert windows(UniformClips(1, 100)) == dense
    every = sorted(windows(RandomClips(1, 100)))
    assert {*every} < dense
    assert all(one[0] != other[0] or one[2] <= other[1] for one, other in itertools.pairwise(every))  # none overlap
    for baseline in (UniformClips(1, 3), RandomClips(1, 3), RandomClips(1, 3, seed=1)):
        assert windows(baseline) < dense and len(windows(baseline)) == 12
    uniform = sample_clips(data / "b/three.mp4", UniformClips(1, 4))
    assert [s["clip_start"] for s in uniform] == [1, 3, 5, 7]
    assert {(s["clip_weight"], s["clip_views"]) for s in uniform} == {(1.0, 4)} and "clip_score" not in uniform[0]


@pytest.mark.processes
def test_random_clips_depend_on_the_seed_only(data: Path) -> None:
    def drawn(seed: int, workers: int = 0) -> list[Row]:
        return sorted(rows(loader(dataset(data, RandomClips(1, 2, seed=seed)), workers, "fork" if workers else None)))

    assert drawn(0) == drawn(0) == drawn(0, workers=2)
    assert len({tuple(drawn(seed)) for seed in range(5)}) == 5
