"""Which K, and does it pay? Measures all methods on labelled videos and prints the verdict.

    pip install 'clipselect[report]'
    python examples/which_k.py

It makes its own videos and networks. With yours it is `evaluate("videos", "results", base="torchvision:r3d_18:FILE",
model="ddnet.safetensors", k=[1, 3, 5, 9])`, on videos that the DDNet was not distilled from. Writes report/report.html.
"""

from pathlib import Path

from clipselect import evaluate, write_report
from clipselect.evaluation.synthetic import make_synthetic

if __name__ == "__main__":
    made = make_synthetic(Path("made_evaluation"), videos=60)
    results = evaluate(made.data, "results", base=str(made.base), model=str(made.model), k=[1, 2, 3, 5], timed=0)
    for row in results.rows:
        if row.method not in ("ddl", "uniform_equal_cost", "uniform", "motion", "packets", "dense"):
            continue
        top1 = row.metrics["top1"]
        print(f"{row.method:20} K = {row.k or 'all':>3}  top-1 {top1.value:5.1f} %  {row.gflops or 0:.3f} GFLOPs")
    report = write_report(results, "report")
    (passage,) = report.sections[0].passages  # of one data set, and one results file
    print(*report.summary, passage.details[0], sep="\n")
