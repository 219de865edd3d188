"""Labelled videos as groups over a table of clips."""

from fractions import Fraction
from pathlib import Path

from clipselect.data.composition import ACTION_CLIPS
from clipselect.data.datasets import read_background, read_dataset
from clipselect.evaluation.clip_data import composed, untrimmed
from clipselect.evaluation.clip_tables import ClipGrid, Networks
from clipselect.evaluation.synthetic import SyntheticData
from clipselect.evaluation.table_cache import TableCache


def test_a_piece_in_which_no_clip_lies_is_left_out(made: SyntheticData, networks: Networks, tmp_path: Path) -> None:
    dataset = read_dataset(made.data, "val", classes=networks.base.classes)
    cache = TableCache(tmp_path / "cache", networks, ClipGrid(Fraction(1, 2)), 30)
    found = untrimmed(dataset, cache, tmp_path, pieces=Fraction(2, 5))
    assert len(found.groups) < len(found.table.scores) and all(len(group.rows) for group in found.groups)


def test_groups_of_compositions_point_at_the_clips_they_hold(
    made: SyntheticData, networks: Networks, tmp_path: Path
) -> None:
    dataset = read_dataset(made.data, "val", classes=networks.base.classes)
    background = read_background(made.background, "val")
    cache = TableCache(tmp_path / "cache", networks, ClipGrid(Fraction(1, 2), exactly=ACTION_CLIPS), 30)
    (mixed,) = composed(dataset, background, ["mixed"], cache, tmp_path, own_domain={}, per_video=1, seeds=[0])
    for group in mixed.groups:
        assert group.action is not None
        own = cache.table(group.name)
        assert mixed.table.scores[group.rows[group.action]].tolist() == own.scores.tolist()
        assert mixed.table.probabilities[group.rows[group.action]].tolist() == own.probabilities.tolist()
    assert {row for group in mixed.groups for row in group.rows} <= {*range(len(mixed.table.scores))}
