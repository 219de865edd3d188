"""Parts of a list: whatever is lost, every video ends once, and nothing is given out for ever."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clipselect.index.parts import MAX_LOST, VIDEOS_PER_CORE, Parts


@given(
    videos=st.integers(0, 300),
    cores=st.integers(1, 8),
    tasks=st.integers(1, 5),
    deadly=st.sets(st.integers(0, 300), max_size=3),
)
def test_every_video_is_finished_or_to_blame(videos: int, cores: int, tasks: int, deadly: set[int]) -> None:
    paths = [Path(str(i)) for i in range(videos)]
    parts = Parts(paths, cores)
    finished, to_blame, lost_alone = Counter[Path](), [], Counter[Path]()
    while part := parts.next(tasks):
        assert len(part) <= VIDEOS_PER_CORE * cores
        ends = next((i for i, path in enumerate(part) if int(str(path)) in deadly), None)
        finished.update(part[:ends])
        if ends is not None:
            rest = part[ends:]
            lost_alone.update(rest if len(rest) == 1 else [])
            blamed = parts.give_back(rest)
            to_blame += [] if blamed is None else [blamed]
    wrong = {Path(str(i)) for i in deadly if i < videos}
    assert finished == Counter(path for path in paths if path not in wrong)
    assert sorted(to_blame) == sorted(wrong) and set(lost_alone.values()) <= {MAX_LOST}


def test_parts_shrink_to_one_video_a_core() -> None:
    parts = Parts([Path(str(i)) for i in range(1000)], cores=4)
    sizes = []
    while part := parts.next(tasks=2):
        sizes.append(len(part))
    assert sizes[0] == 250 and sizes[-1] <= 4 and sizes == sorted(sizes, reverse=True)


def test_one_lost_task_blames_nobody() -> None:
    parts = Parts([Path("a"), Path("b")], cores=2)
    assert parts.give_back(parts.next(tasks=1)) is None
    assert [parts.next(tasks=1), parts.next(tasks=1), parts.next(tasks=1)] == [[Path("a")], [Path("b")], []]
