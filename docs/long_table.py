"""The table of long videos on a budget, out of benchmarks/results/long.json."""

from marked_blocks import ROOT, table

from clipselect.evaluation.results import read_results

FILE = ROOT / "benchmarks" / "results" / "long.json"


def long_videos() -> str:
    """Top-1 minus the whole video's at every K, and the share of its five best clips, by key frames and budget."""
    if not FILE.exists():
        return ""
    results = read_results(FILE)
    budgets = [f"budget {budget:g}" for budget in results.settings["budget"]]
    lost = {(one.data, one.method, one.k): one.difference for one in results.differences}
    kept = {(row.data, row.method): (row.model_extra or {}).get("kept") for row in results.rows}
    rows = [
        (
            data.name,
            *(
                " / ".join(f"{lost[data.name, budget, k]:+.1f}" for k in results.settings["k"])
                + f"; {kept[data.name, budget]:.0f} %"
                for budget in budgets
            ),
        )
        for data in results.data
    ]
    return table(("", *budgets), rows)


def top1(method: str) -> str:
    """Top-1 of the whole video or of uniform clips, at every K."""
    results = read_results(FILE)
    first = results.data[0].name
    return " / ".join(
        f"{row.metrics['top1'].value:.1f}" for row in results.rows if (row.data, row.method) == (first, method)
    )
