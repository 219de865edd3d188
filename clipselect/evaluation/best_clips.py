"""Does the clip that a method would keep first show the rarest action of its video?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clipselect.evaluation.method_entry import Method
from clipselect.evaluation.methods import METHODS
from clipselect.evaluation.metrics.intervals import bootstrap_interval, extreme_interval
from clipselect.evaluation.outcomes import ClipTable, Cost, Group, applies, candidates_of

NO_COST = Cost(None, 0.0)


def best_clips(groups: Sequence[Group], table: ClipTable) -> list[dict[str, Any]]:
    """The entries `best_clips` of a results file, without `data`, of every method that can keep a single clip.

    Chance is what `random` would reach.

    Args:
        groups: whose `action` says which clips show the rarest action; some do and some do not.
    """
    if not groups:
        return []
    action = [group.action for group in groups if group.action is not None]
    names = [group.name for group in groups]
    sources, chance = len({*names}), np.array([float(shows.mean()) for shows in action])
    out = []
    for method in METHODS.values():
        if not _keeps_one(method) or not applies(method, groups, table, NO_COST):
            continue
        kept = [method.keep(candidates_of(i, group, table, 1, NO_COST))[0] for i, group in enumerate(groups)]
        hits = np.array([float(shows[index[0]]) for shows, index in zip(action, kept, strict=True)])
        low, high = extreme_interval(hits, sources) or bootstrap_interval(hits, clusters=names)
        gain_low, gain_high = bootstrap_interval(hits - chance, clusters=names)
        values = {"hits": hits.mean(), "low": low, "high": high, "chance": chance.mean()}
        values |= {"gain": (hits - chance).mean(), "gain_low": gain_low, "gain_high": gain_high}
        entry = {"method": method.name, "videos": len(groups), "sources": sources}
        out.append(entry | {key: 100 * float(value) for key, value in values.items()})
    return out


def _keeps_one(method: Method) -> bool:
    """Whether the method chooses one clip of its own at K = 1, not as a variant of another one does."""
    ranks = "clip" in method.elements and method.has_k and method.in_plots
    return ranks and method.role not in ("equal_cost", "random")
