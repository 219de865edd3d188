"""Progress is reported as items are done."""

import pytest

from clipselect.media.progress import Progress, tracked


def test_an_item_is_done_when_the_next_one_is_asked_for() -> None:
    reports: list[Progress] = []
    items = tracked("ab", "reading", 2, reports.append)
    assert next(items) == "a" and [report.done for report in reports] == [0]
    assert next(items) == "b" and [report.done for report in reports] == [0, 1]
    assert [*items] == [] and reports[-1] == Progress("reading", 2, 2)


def test_an_item_that_fails_is_not_done() -> None:
    reports: list[Progress] = []
    with pytest.raises(ZeroDivisionError):
        for _ in tracked("ab", "reading", 2, reports.append):
            raise ZeroDivisionError
    assert [report.done for report in reports] == [0]
