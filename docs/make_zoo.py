"""Makes what pages say of the shipped weights: the table of the zoo, the list of their data, single figures.

    python docs/make_zoo.py

Sizes, hashes and what was measured come from the weights files, data and terms from the section "Data" of a card, whose
first paragraph is a short sentence.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from clipselect.zoo.loading import load_base
from marked_blocks import ROOT, fill_pages, table
from result_cells import results_of

from clipselect.scoring.multiply_adds import multiply_adds
from clipselect.scoring.scorer import Scorer, load_scorer
from clipselect.scoring.shipped import BASES, DDNETS
from clipselect.scoring.weights_file import load_weights

ZOO = ROOT / "zoo"
MEASURED = {
    "spearman": "Spearman's rho {:.2f}",
    "top1": "top-1 {:.1%}",
    "rank1": "rank 1 {:.1%}",
    "map": "mAP {:.1%}",
}
"""Measures of held-out data in metadata, best known first, and how they are shown."""


def weights_table() -> str:
    """One column for each file of weights."""
    found = [about(name, file) for name, file in {**DDNETS, **BASES}.items()]
    rows = [[key, *(one[key] for one in found)] for key in found[0]]
    return table(rows[0], rows[1:])


def about(name: str, file: str) -> dict[str, str]:
    path = ZOO / file
    kind = "ddnet" if name in DDNETS else "base"
    _, metadata = load_weights(path, kind)
    if kind == "ddnet":
        scorer = load_scorer(path, device="cpu")
        net, spec = scorer.net, scorer.input_spec
    else:
        base = load_base(path, device="cpu")
        net, spec = base.net, base.input_spec
    frames = f"{spec.frames} frames of " if spec.frames else ""
    return {
        "": f"[`{name}`]({path.with_suffix('.md').name})",
        "network": f"DDNet, {metadata['config']['dims']}D" if kind == "ddnet" else f"`{metadata['network']}`",
        "made for": f"`{metadata['base']}`" if kind == "ddnet" else f"{len(metadata['classes'])} classes",
        "data": data_section(file)[0].rstrip("."),
        "input": f"{frames}{spec.height} x {spec.width}",
        "parameters": f"{sum(parameter.numel() for parameter in net.parameters()) / 1e6:.2f} M",
        "multiply-adds": f"{multiply_adds(net, spec) / 1e6:,.0f} M",
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        "held out": measured(metadata),
        "licence": "[of the weights](LICENSE)",
        "SHA-256": f"`{metadata['sha256'][:12]}`",
    }


def measured(metadata: dict[str, Any]) -> str:
    """What the file itself, or the results file of its benchmark, says of held-out data; the card says more."""
    results = results_of("shipped")  # the default DDNet and its base on composed videos
    for method, k, about in (("ddl", 5, results.model), ("dense", None, results.base)):
        if about and about.name == metadata["name"]:
            rows = [row for row in results.rows if row.method == method and (k is None or row.k == k)]
            return (
                "; ".join(f"{row.data}: {row.metrics['top1'].value:.1f} %" for row in rows)
                + f" top-1 ({method}{f', K = {k}' if k else ''})"
            )
    found = {**(metadata.get("held_out") or {}), **(metadata.get("accuracy") or {})}
    return next((shown.format(found[key]) for key, shown in MEASURED.items() if key in found), "see the card")


def ship_list() -> str:
    """What each file was trained on."""
    entries = [
        f"### `{name}`\n\n**In a product: not without settling these terms.** "
        f"Trained on {' '.join(data_section(file))} ([Card](../zoo/{Path(file).with_suffix('.md')}))\n\n"
        for name, file in {**DDNETS, **BASES}.items()
    ]
    return "\n" + "".join(entries)


def data_section(file: str) -> list[str]:
    """The paragraphs of the section of a card on its data, each on one line."""
    card = (ZOO / file).with_suffix(".md").read_text("utf-8")
    found = re.search(r"^## Data\n\n(.+?)\n(?=## )", card, re.DOTALL | re.MULTILINE)
    if not found:
        raise SystemExit(f"{file}: its card has no section 'Data'; write what it was trained on there")
    return [" ".join(paragraph.split()) for paragraph in found[1].strip().split("\n\n")]


@cache
def default_ddnet() -> Scorer:
    return load_scorer(device="cpu")


def ddnet_cost() -> str:
    """Of the default DDNet on one clip."""
    return f"{multiply_adds(default_ddnet().net, default_ddnet().input_spec) / 1e9:.2f} G"


def ddnet_frames() -> str:
    return str(default_ddnet().input_spec.frames)


def ddnet_size() -> str:
    return f"{default_ddnet().input_spec.height} x {default_ddnet().input_spec.width}"


def base_classes() -> str:
    """How many classes the shipped base names."""
    return str(len(load_base(device="cpu").classes))


BLOCKS: dict[str, Callable[[], str]] = {
    "weights": weights_table,
    "ship": ship_list,
    **{made.__name__: made for made in (ddnet_cost, ddnet_frames, ddnet_size, base_classes)},
}


if __name__ == "__main__":
    fill_pages(BLOCKS)
