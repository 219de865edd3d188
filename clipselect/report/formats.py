"""How figures and names are written."""

from clipselect.evaluation.fields import Estimate
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.result_entries import Row

UNITS = {"gflops": "GFLOPs", "seconds": "seconds"}
METRICS = {
    "top1": ("top-1", "of 100 videos, those whose class the base names first"),
    "top5": ("top-5", "of 100 videos, those whose class is among the first five that the base names"),
    "mean": ("mean of top-1 and top-5", "where the class of the video is first, and where it is among the first five"),
    "map": ("mAP", "mean average precision: 100 where all images of the sought person are nearer than all others"),
    **{
        f"rank{n}": (f"rank-{n}", f"of 100 searches, those with the sought person among the nearest {n}")
        for n in (1, 5, 20)
    },
    **{
        f"tar_at_far_1e-{n}": (
            f"TAR at FAR 1e-{n}",
            f"of 100 genuine pairs, those accepted at the threshold that accepts 1 of {10**n:,} impostor pairs",
        )
        for n in range(1, 7)
    },
    "tpir_at_fpir_1e-2": (
        "TPIR at FPIR 1e-2",
        "of 100 searches for known people, those that find them where 1 of 100 for unknown people finds anyone",
    ),
}
"""What people call a metric, and what it is."""


def metric_name(metric: str) -> str:
    """What people call a metric.

    >>> metric_name("top1"), metric_name("tar_at_far_1e-3"), metric_name("mine")
    ('top-1', 'TAR at FAR 1e-3', 'mine')
    """
    return METRICS[metric][0] if metric in METRICS else metric


def amount(value: float) -> str:
    """Three significant digits; large numbers whole, without an exponent.

    >>> amount(0.1114), amount(7.87), amount(1982.05)
    ('0.111', '7.87', '1982')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def interval(estimate: Estimate) -> str:
    return f"{estimate.low:.1f} to {estimate.high:.1f}"


def percent(estimate: Estimate) -> str:
    """
    >>> percent(Estimate(81.52, 78.2, 84.5))
    '81.5 % (78.2 to 84.5)'
    """
    return f"{estimate.value:.1f} % ({interval(estimate)})"


def gain_interval(gain: Estimate) -> str:
    return f"{gain.low:+.1f} to {gain.high:+.1f}"


def gain(estimate: Estimate) -> str:
    """A difference in points.

    >>> gain(Estimate(3, 1.25, 5))
    '+3.0 (+1.2 to +5.0)'
    """
    return f"{estimate.value:+.1f} ({gain_interval(estimate)})"


def method_and_k(method: str, k: int | None) -> str:
    """As "ddl at K = 5"."""
    return method if k is None else f"{method} at K = {k}"


def row_name(row: Row) -> str:
    """A way of choosing by what the base sees: "uniform with 5 clips", "dense", "ddl at K = 3"."""
    method = METHODS.get(row.method)
    if method is not None and method.elements == ("clip",) and method.role in ("uniform", "equal_cost") and row.clips:
        average = "" if row.clips == round(row.clips) else " on average"
        return f"uniform with {amount(row.clips)} clip{'' if row.clips == 1 else 's'}{average}"
    return row.method if method is not None and not method.has_k else method_and_k(row.method, row.k)
