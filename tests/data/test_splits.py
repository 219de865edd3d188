"""Which videos are held out where the data does not say."""

import pytest
from helpers.data_folders import SPLITS, labelled, make, write_list
from hypothesis import given
from hypothesis import strategies as st

from clipselect.data.datasets import read_dataset
from clipselect.data.splits import held_out


def test_a_fifth_of_every_class_is_held_out_and_at_least_one_of_two() -> None:
    for n in (0, 1, 2, 9, 10, 24):
        assert len(held_out(f"{i}.mp4" for i in range(n))) == {0: 0, 1: 0, 2: 1, 9: 1, 10: 2, 24: 4}[n]


def test_which_videos_are_held_out_is_settled_for_good() -> None:
    assert held_out(f"run/{i}.mp4" for i in range(20)) == {"run/18.mp4", "run/19.mp4", "run/4.mp4", "run/6.mp4"}


def test_names_are_held_out_alike_however_their_accents_are_composed() -> None:
    composed = [f"\xe9{i}.mp4" for i in range(10)]
    decomposed = [f"e\u0301{i}.mp4" for i in range(10)]
    assert {name[-5:] for name in held_out(composed)} == {name[-5:] for name in held_out(decomposed)}


@given(names=st.sets(st.text(min_size=1), min_size=2, max_size=40))
def test_a_class_is_split_whatever_the_order_of_its_names(names: set[str]) -> None:
    val = held_out(sorted(names))
    assert val == held_out(sorted(names, reverse=True))
    assert val < names and len(val) == max(len(names) // 5, 1)


CLASSES = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.sets(st.integers(0, 99), min_size=2, max_size=9), min_size=2, max_size=4
)


@given(classes=CLASSES)
def test_train_and_val_share_nothing_and_are_all_of_the_data_wherever_it_lies(
    tmp_path_factory: pytest.TempPathFactory, classes: dict[str, set[int]]
) -> None:
    names = [f"{c}/{i}.mp4" for c, numbers in classes.items() for i in numbers]
    places = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    make(places[0], *names)
    make(places[1], *names, "new/1.mp4", "new/2.mp4", "new/3.mp4")
    train, val = ({*labelled(read_dataset(places[0], split), places[0])} for split in SPLITS)
    assert not train & val and train | val == {*names}
    for split, expected in zip(SPLITS, (train, val), strict=True):
        moved = {*labelled(read_dataset(places[1], split), places[1])}
        assert {name for name in moved if not name.startswith("new/")} == expected
    as_list = write_list(places[0], "path,label", *(f"{name},{name.split('/')[0]}" for name in names))
    assert {*labelled(read_dataset(as_list, "val"), places[0])} == val  # a list of a folder is split like the folder
