"""Errors keep their type and words in pickles and out of the workers of a DataLoader."""

import pickle

import pytest
from torch.utils.data import DataLoader, Dataset

from clipselect.errors import ArgumentError, ClipselectError, VideoError

ERRORS = [
    ArgumentError("clip_duration", "must be positive: 1 s, got -1"),
    ClipselectError("two: colons"),
    VideoError("a b.mp4: cannot be read"),
]


class Failing(Dataset[int]):
    def __init__(self, error: ClipselectError) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: int) -> int:
        raise self.error from ValueError("the cause")


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_pickles_keep_type_and_words(error: ClipselectError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_errors_of_workers_keep_type_and_words(error: ClipselectError) -> None:
    with pytest.raises(ClipselectError) as caught:
        next(iter(DataLoader(Failing(error), num_workers=1)))
    assert type(caught.value) is type(error) and str(caught.value) == str(error) and vars(caught.value) == vars(error)
