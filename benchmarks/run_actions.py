"""Accuracy and cost of clip selection on composed untrimmed videos: the table of benchmarks/README.md.

    python benchmarks/run_actions.py --data DATA --work WORK --out OUT

DATA holds `actions/val`, `background/val` and, optionally, `untrimmed/urfall`. Nothing of `val` was seen in training.
Writes OUT/results.json (`rows`: one object per composition kind, method and K) and OUT/results.md.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from composed_files import write_composition
from measures import Tables, bootstrap_interval, method_rows, tables_of
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from clipselect.classify import compare, multiply_adds
from clipselect.scorer import load_scorer, score_video
from clipselect.selection import top_k
from clipselect.sources import open_source
from clipselect.zoo.loading import load_base
from clipselect.zoo.recipes.actions import GEOMETRY, Composition, compose, load_sources

DOMAINS = {"hockey": ("hockey_fight",), "street": ("street_fight",), "traffic": ("car_crash",), "ut": ("ut_",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for decoded frames and composed files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=None, help="DDNet: a name of the zoo or a weights file")
    parser.add_argument("--base", default=None)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5, 9])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--per-video", type=int, default=2, help="compositions of every action video, per seed")
    parser.add_argument("--files", type=int, default=24, help="compositions also written as real video files and timed")
    args = parser.parse_args()

    sources = load_sources(args.data, "val", GEOMETRY.size, args.work / "frames")
    scorer, base = load_scorer(args.model, "cpu"), load_base(args.base, "cpu")
    compositions = {
        kind: [(seed, c) for seed in args.seeds for c in compose(sources, kind, args.per_video, seed)]
        for kind in ("mixed", "hard")
    }
    everything = [c for pairs in compositions.values() for _, c in pairs]
    targets = args.work / "d_scores.npz"
    tables = tables_of(sources, everything, scorer, base, np.load(targets)["centroids"] if targets.exists() else None)
    gflops = {
        "base": multiply_adds(base.net, base.geometry.size, base.geometry.frames) / 1e9,
        "ddnet": multiply_adds(scorer.net, scorer.geometry.size, scorer.geometry.frames) / 1e9,
    }

    rows: list[dict[str, Any]] = []
    ranking: dict[str, Any] = {}
    for kind, pairs in compositions.items():
        rows += [{"data": kind, **row} for row in method_rows(pairs, tables, args.k, gflops)]
        ranking[kind] = ranking_quality([c for _, c in pairs], tables)
        for domain, prefixes in DOMAINS.items() if kind == "hard" else ():
            ranking[f"hard, {domain}"] = ranking_quality([c for _, c in pairs if c.label.startswith(prefixes)], tables)
    document = {
        "benchmark": "actions",
        "gflops_convention": "one multiply-add is one",
        "gflops_per_clip": gflops,
        "model": scorer.metadata["sha256"],
        "base": base.metadata["sha256"],
        "seeds": args.seeds,
        "videos": {kind: len(pairs) for kind, pairs in compositions.items()},
        "rows": rows,
        "ranking": ranking,
    }
    if args.files:
        chosen = [c for _, c in compositions["mixed"]]
        chosen = [chosen[i] for i in np.random.default_rng(0).permutation(len(chosen))[: args.files]]
        document["files"] = real_files(chosen, sources, args.work / "composed", scorer, base)
    if (args.data / "untrimmed/urfall/falls.csv").exists():
        document["urfall"] = falls(args.data / "untrimmed/urfall", scorer)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "results.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    (args.out / "results.md").write_text(markdown(document))
    print(markdown(document))


def ranking_quality(compositions: list[Composition], tables: Tables) -> dict[str, Any]:
    """AUC of action against background clips, by the DDNet and by the base's own confidence; rho against D-scores."""
    action = np.concatenate([c.action for c in compositions])
    scores = np.concatenate([tables.scores(c) for c in compositions])
    confidence = np.concatenate([tables.probabilities(c).max(axis=1) for c in compositions])
    out: dict[str, Any] = {
        "auc_ddnet": float(roc_auc_score(action, scores)),
        "auc_confidence": float(roc_auc_score(action, confidence)),
    }
    if tables.has_ratios:
        out["spearman"] = float(spearmanr(scores, np.concatenate([tables.ratios(c) for c in compositions])).statistic)
    return out


def real_files(compositions: list[Composition], sources: Any, folder: Path, scorer: Any, base: Any) -> dict[str, Any]:
    """The same through real files: encoded, decoded, scored and classified as `clipselect classify` does."""
    folder.mkdir(parents=True, exist_ok=True)
    answers: dict[str, list[tuple[bool, float]]] = {}
    action, scores = [], []
    for i, composition in enumerate(compositions):
        path = folder / f"{i:03d}_{composition.label}.mp4"
        write_composition(composition, sources, path)
        scored = score_video(open_source(path), scorer)
        for answer in compare(scored, top_k(scored.scores, 5), scorer, base):
            right = base.classes[int(answer.probabilities.argmax())] == composition.label
            answers.setdefault(answer.method, []).append((right, answer.seconds))
        action.append(composition.action[: len(scored.scores)])
        scores.append(scored.scores)
    return {
        "count": len(compositions),
        "auc_ddnet": float(roc_auc_score(np.concatenate(action), np.concatenate(scores))),
        "rows": [
            {
                "method": method,
                "k": {"dense": 20}.get(method, 5),
                "top1": 100 * float(np.mean([r for r, _ in a])),
                "seconds": float(np.median([s for _, s in a])),
            }
            for method, a in answers.items()
        ],
    }


def falls(folder: Path, scorer: Any) -> dict[str, float]:
    """Share of UR Fall videos whose best clip overlaps the fall, beside the chance of a random clip."""
    hits, chances = [], []
    with (folder / "falls.csv").open() as file:
        for row in csv.DictReader(file):
            scored = score_video(open_source(folder / row["video"]), scorer, stride=0.5)
            first, last = int(row["fall_first_frame"]), int(row["fall_last_frame"])
            overlaps = [clip.first <= last and clip.last >= first for clip in scored.clips]
            hits.append(overlaps[int(np.argmax(scored.scores))])
            chances.append(np.mean(overlaps))
    low, high = bootstrap_interval(np.array(hits, dtype=float))
    return {
        "videos": len(hits),
        "best_clip_overlaps": float(np.mean(hits)),
        "low": low,
        "high": high,
        "chance": float(np.mean(chances)),
    }


def markdown(document: dict[str, Any]) -> str:
    lines = []
    for kind in ("mixed", "hard"):
        rows = [r for r in document["rows"] if r["data"] == kind]
        ks = sorted({r["k"] for r in rows if r["method"] == "ddl"})
        lines += [f"**{kind}**, {document['videos'][kind]} composed videos", ""]
        lines += ["| method | " + " | ".join(f"K = {k}" for k in ks) + " |", "|---" * (len(ks) + 1) + "|"]
        for method in dict.fromkeys(r["method"] for r in rows):
            cells = {
                r["k"]: f"{r['top1']:.1f} ({r['low']:.1f}-{r['high']:.1f}), {r['gflops']:.1f} G"
                for r in rows
                if r["method"] == method
            }
            if len(cells) == 1 and (only := next(iter(cells))) not in ks:
                lines.append(f"| {method} ({only} clips) | {cells[only]} |" + " |" * (len(ks) - 1))
            else:
                lines.append(f"| {method} | " + " | ".join(cells.get(k, "") for k in ks) + " |")
        lines.append("")
    lines += ["| clips | AUC DDNet | AUC base's confidence | Spearman's rho to the D-scores |", "|---|---|---|---|"]
    for name, r in document["ranking"].items():
        rho = f"{r['spearman']:.3f}" if "spearman" in r else ""
        lines.append(f"| {name} | {r['auc_ddnet']:.3f} | {r['auc_confidence']:.3f} | {rho} |")
    if "files" in document:
        files = document["files"]
        lines += [
            "",
            f"Through {files['count']} real files (mixed): AUC {files['auc_ddnet']:.3f}",
            "",
            "| method | clips | top-1 | seconds per file |",
            "|---|---|---|---|",
        ]
        lines += [f"| {r['method']} | {r['k']} | {r['top1']:.1f} | {r['seconds']:.2f} |" for r in files["rows"]]
    if "urfall" in document:
        u = document["urfall"]
        lines += [
            "",
            f"UR Fall: best clip overlaps the fall in {100 * u['best_clip_overlaps']:.0f} % of {u['videos']} videos "
            f"({100 * u['low']:.0f}-{100 * u['high']:.0f}); chance {100 * u['chance']:.0f} %",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
