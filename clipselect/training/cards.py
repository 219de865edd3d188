"""The cards beside weights: what they are, how they were made, what was measured."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import ACTION_CLIPS, BACKGROUND_CLIPS
from clipselect.evaluation.methods import names
from clipselect.scoring.checkpoint import Metadata

CARD = "for clipselect"
"""What every card says near its top."""
COMPOSED = (
    f", in untrimmed videos composed of the held-out ones: {ACTION_CLIPS} clips of an action at a random place among "
    f"{BACKGROUND_CLIPS} of background"
)
METHODS = names("subject", "uniform", "equal_cost", "random", "dense")
"""The rows of a card, where they were measured."""


def base_card(metadata: Metadata, confusion: NDArray[np.int64]) -> str:
    """Markdown for a base that `train-base` made.

    Args:
        confusion: [classes, classes] counts of held-out videos, true class by answer.
    """
    classes, measured = metadata["classes"], metadata["accuracy"]
    top1 = in_percent(measured["top1"])
    lines = [
        f"# {metadata['name']}",
        "",
        f"A base for clipselect: {metadata['network']}, {len(classes)} classes, {_clips(metadata)}.",
        "",
        *_origin(metadata),
        "",
        f"Top-1 accuracy on {measured['videos']} held-out videos, mean over all clips: **{top1}**",
        "",
        "| class | videos | right | most often taken for |",
        "|---|---|---|---|",
    ]
    for i, name in enumerate(classes):
        wrong = confusion[i] * (np.arange(len(classes)) != i)
        other = f"{_cell(classes[int(wrong.argmax())])} ({wrong.max()})" if wrong.any() else ""
        lines.append(f"| {_cell(name)} | {confusion[i].sum()} | {confusion[i, i]} | {other} |")
    return "\n".join(lines) + "\n"


def embedder_card(metadata: Metadata) -> str:
    """Markdown for an embedder that `train-embedder` made."""
    size, held_out = f"{metadata['height']} x {metadata['width']}", metadata["held_out"]
    lines = [
        f"# {metadata['name']}",
        "",
        f"A base for clipselect: {metadata['network']}, which gives {metadata['dim']} features for an image of {size}, "
        f"trained to distinguish {metadata['identities']} identities by the loss {metadata['loss']}.",
        "",
        *_origin(metadata),
        "",
    ]
    if metadata["initial"]:
        lines += [f"The training began from {metadata['initial']}.", ""]
    if held_out is None:
        return "\n".join([*lines, "Not measured: no two held-out identities with two images each.", ""])
    return "\n".join(
        [
            *lines,
            f"{held_out['queries']} of the {held_out['images']} images of {held_out['identities']} held-out "
            "identities, each searched for among all others by Euclidean distance:",
            "",
            "| | |",
            "|---|---|",
            f"| rank 1 | {in_percent(held_out['rank1'])} |",
            f"| mean average precision | {in_percent(held_out['map'])} |",
            "",
        ]
    )


def ddnet_card(metadata: Metadata) -> str:
    """Markdown for a DDNet that `distill` made, for clips or for frames."""
    config, held_out = metadata["config"], metadata["held_out"]
    of_clips = config["dims"] == 3
    sees = _clips(metadata) if of_clips else f"frames of {metadata['height']} x {metadata['width']}"
    lines = [
        f"# {metadata['name']}",
        "",
        f"A DDNet for clipselect, distilled from the base {metadata['base']} (SHA-256 {metadata['base_sha256'][:12]}): "
        f"{config['dims']}D, widths {_list(config['widths'])}, depths {_list(config['depths'])}, {sees}.",
        "",
        *_origin(metadata),
        "",
        *(_clip_training(metadata) if of_clips else _frame_training(metadata)),
    ]
    if held_out is None:
        return "\n".join([*lines, "Not yet measured on held-out data.", ""])
    return "\n".join([*lines, *(_clip_quality(held_out) if of_clips else _frame_quality(held_out))])


def _clip_training(metadata: Metadata) -> list[str]:
    lines = [
        f"D-scores: {_d_scores(metadata)}; loss: {metadata['loss']}. {metadata['failed']} videos could not be read.",
        "",
    ]
    accuracy = metadata["base_right_on_training_clips"]
    if accuracy is not None:
        lines += [f"The base is right about {in_percent(100 * accuracy)} of the training clips.", ""]
    return lines


def _frame_training(metadata: Metadata) -> list[str]:
    degraded = f", each also {metadata['variants']} times degraded ({metadata['degradations']})"
    return [
        f"{metadata['images']} images of {metadata['identities']} identities"
        f"{degraded if metadata['degradations'] else ''}. D-scores: {metadata['metric']}, {metadata['contrast']}; "
        f"loss: {metadata['loss']}. {metadata['failed']} images could not be read.",
        "",
    ]


def _clip_quality(held_out: dict[str, Any]) -> list[str]:
    lines = [
        "## Measured on held-out videos",
        "",
        f"{held_out['videos']} videos, {held_out['elements']} clips.",
        "",
        "| | |",
        "|---|---|",
        f"| Spearman's rho of scores and D-scores | {_number(held_out['spearman'])} |",
        f"| AUC of action against background clips | {_number(held_out.get('auc_ddnet'))} |",
        f"| the same by the base's own confidence | {_number(held_out.get('auc_confidence'))} |",
        "",
    ]
    rows = [row for row in held_out.get("accuracy", []) if row["method"] in METHODS]
    if not rows:
        return lines
    ks = sorted({row["k"] for row in rows if row["method"] == "ddl"})
    where = COMPOSED if held_out["composed"] else ""
    lines += [
        f"Top-1 in percent (95 % interval) by the number of clips that the base sees{where}:",
        "",
        f"| method | {' | '.join(f'K = {k}' for k in ks)} |",
        "|---" * (len(ks) + 1) + "|",
    ]
    for method in [name for name in METHODS if any(row["method"] == name for row in rows)]:
        cells = {
            row["k"]: f"{row['top1']:.1f} ({row['top1_low']:.1f}-{row['top1_high']:.1f})"
            for row in rows
            if row["method"] == method
        }
        if method == "dense":
            lines += [f"| dense ({k} clips) | {cell} |" + " |" * (len(ks) - 1) for k, cell in cells.items()]
        else:
            lines.append(f"| {method} | {' | '.join(cells.get(k, '') for k in ks)} |")
    return [*lines, ""]


def _frame_quality(held_out: dict[str, Any]) -> list[str]:
    return [
        "## Measured on held-out identities",
        "",
        f"{held_out['identities']} identities, {held_out['images']} images, {held_out['elements']} elements.",
        "",
        "| Spearman's rho of scores and D-scores | |",
        "|---|---|",
        f"| all elements | {_number(held_out['spearman'])} |",
        f"| images as they are | {_number(held_out['spearman_as_they_are'])} |",
        "",
    ]


def in_percent(percent: float | None) -> str:
    """A percentage in words."""
    return "not known" if percent is None else f"{percent:.1f} %"


def _d_scores(metadata: Metadata) -> str:
    known = {"labels": "by the labels", "head": "by the base's own answers and the rows of its head, without labels"}
    if metadata["target"] not in known:
        return "the base's own confidence"
    return f"{known[metadata['target']]}, {metadata['metric']}, {metadata['contrast']}"


def _origin(metadata: Metadata) -> list[str]:
    made = f"Trained on {metadata['data']}, {metadata['steps']} steps, seed {metadata['seed']}, clipselect "
    return [f"{made}{metadata['clipselect']}:", "", f"    {metadata['command']}"]


def _clips(metadata: Metadata) -> str:
    size = metadata.get("size") or metadata["height"]
    return f"clips of {metadata['clip_duration']:g} s as {metadata['frames']} frames of {size} x {size}"


def _list(values: Any) -> str:
    return ", ".join(map(str, values))


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
