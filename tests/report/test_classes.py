"""Where ddl gains and where it loses, by class."""

from helpers.report_files import document, finding_of, only, row

from clipselect.report.classes import class_gains


def test_classes_are_sorted_by_their_gain_over_uniform() -> None:
    gains = class_gains(finding_of(document()))
    assert gains is not None and gains.k == 5
    assert [(c.name, c.gain) for c in gains.classes] == [("falls", 10.0), ("swims", 0.0), ("fights", -5.0)]
    assert [c.over_dense for c in gains.classes] == [20.0, -12.0, 4.0]


def test_the_worst_are_those_that_lose_most_first() -> None:
    gains = class_gains(finding_of(document()))
    assert gains is not None
    assert [(c.name, loss) for c, loss in gains.worst(lambda c: c.gain, 2)] == [("fights", -5.0)]
    assert [(c.name, loss) for c, loss in gains.worst(lambda c: c.over_dense, 2)] == [("swims", -12.0)]
    assert [c.name for c, _ in gains.worst(lambda c: c.gain - 20, 2)] == ["fights", "swims"]


def test_the_nearest_k_that_the_file_has_of_both_is_taken() -> None:
    classes = [
        {"data": "val", "class": "falls", "videos": 9, "sources": 3, "method": method, "k": k, "top1": 50.0}
        for method, k in (("ddl", 1), ("ddl", 4), ("ddl", 5), ("uniform", 1), ("uniform", 4))
    ]
    gains = class_gains(finding_of(only(row("ddl", 5, 80), classes=classes)))
    assert gains is not None and gains.k == 4 and gains.classes[0].sources == 3


def test_without_classes_of_both_there_are_no_gains() -> None:
    assert class_gains(finding_of(only(row("ddl", 5, 80)))) is None
    assert class_gains(finding_of(only(row("dense", None, 80)))) is None
