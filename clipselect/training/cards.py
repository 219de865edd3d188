"""The cards beside weights: what they are, how they were made, what was measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipselect.data.composition import ACTION_CLIPS, BACKGROUND_CLIPS
from clipselect.evaluation.methods import names
from clipselect.media.geometry import SQUASH, Geometry
from clipselect.media.text import count
from clipselect.scoring.percentiles import QUANTILES_KEY
from clipselect.scoring.weights_file import Metadata

CARD = "for clipselect"
"""What every card says near its top."""
COMPOSED = (
    f", in videos composed of the held-out ones: {ACTION_CLIPS} clips of an action at a random place among "
    f"{BACKGROUND_CLIPS} of background"
)
MAX_MATRIX_CLASSES = 40
PERCENTILES = (5, 10, 20, 30, 50, 70, 90)
LOSSES = {"both": "eq. 6 and a ranking loss", "mse": "eq. 6", "ranking": "a ranking loss"}
METHODS = names("subject", "uniform", "equal_cost", "random", "cheap", "dense")
"""The rows of a card, where they were measured."""


def base_card(metadata: Metadata, confusion: NDArray[np.int64]) -> str:
    """Markdown for a base that `train-base` made.

    Args:
        confusion: [classes, classes] counts of held-out videos, true class by answer.
    """
    classes, measured = metadata["classes"], metadata["accuracy"]
    card = f"""# {metadata["name"]}

A base for clipselect: {metadata["network"]}, {len(classes)} classes, {_clips(metadata)}.

{_origin(metadata)}

## Measured on held-out videos

Top-1 accuracy on {measured["videos"]} held-out videos, mean over all clips: **{in_percent(measured["top1"])}**

| class | videos | right | most often taken for |
|---|---|---|---|
"""
    for i, name in enumerate(classes):
        wrong = confusion[i] * (np.arange(len(classes)) != i)
        other = f"{_cell(classes[int(wrong.argmax())])} ({wrong.max()})" if wrong.any() else ""
        card += f"| {_cell(name)} | {confusion[i].sum()} | {confusion[i, i]} | {other} |\n"
    use = _use(metadata, f'base = clipselect.load_base("{_weights(metadata)}")')
    return card + _confusion_matrix(classes, confusion) + use


def embedder_card(metadata: Metadata) -> str:
    """Markdown for an embedder that `train-embedder` made."""
    size, held_out = f"{metadata['height']} x {metadata['width']}", metadata["held_out"]
    card = f"""# {metadata["name"]}

A base for clipselect: {metadata["network"]}, which gives {metadata["dim"]} features for an image of {size}, \
trained to distinguish {metadata["identities"]} identities by the loss {metadata["loss"]}\
{", with random erasing and label smoothing" if metadata.get("bag_of_tricks") else ""}.

{_origin(metadata)}

"""
    if metadata["initial"]:
        card += f"The training began from {metadata['initial']}.\n\n"
    use = _use(metadata, f'base = clipselect.load_embedder("{_weights(metadata)}")')
    if held_out is None:
        return card + "Not measured: no two held-out identities with two images each.\n" + use
    return (
        card
        + f"""## Measured on held-out identities

{held_out["queries"]} of the {held_out["images"]} images of {held_out["identities"]} held-out \
identities, each searched for among all others by Euclidean distance:

| | |
|---|---|
| rank 1 | {in_percent(held_out["rank1"])} |
| mean average precision | {in_percent(held_out["map"])} |
"""
        + use
    )


def ddnet_card(metadata: Metadata) -> str:
    """Markdown for a DDNet that `distill` made, for clips or for frames."""
    config, held_out = metadata["config"], metadata["held_out"]
    of_clips = config["dims"] == 3
    sees = _clips(metadata) if of_clips else f"frames of {metadata['height']} x {metadata['width']}"
    how = f", geometry {metadata['base_geometry']}" if metadata.get("base_geometry") else ""
    how += ", bf16" if metadata.get("base_precision") == "bf16" else ""
    card = f"""# {metadata["name"]}

A DDNet for clipselect, distilled from the base {metadata["base"]} (SHA-256 {metadata["base_sha256"][:12]}{how}): \
{config["dims"]}D, widths {_list(config["widths"])}, depths {_list(config["depths"])}, {sees}.

{_origin(metadata)}

{_clip_training(metadata) if of_clips else _frame_training(metadata)}
"""
    sampler = "ReIDFrameSampler" if metadata.get("degradations") == "tracklets" else "FaceFrameSampler"
    made = 'picks = clipselect.select("video.mp4",' if of_clips else f"sampler = clipselect.{sampler}("
    use = _use(metadata, f'{made} k=5, scorer="{_weights(metadata)}")')
    if held_out is None:
        return card + "Not yet measured on held-out data.\n" + use
    return card + (_clip_quality(held_out) if of_clips else _frame_quality(held_out)) + _percentiles(metadata) + use


def set_network_card(metadata: Metadata) -> str:
    """Markdown for a network of sets that `train-set-network` made."""
    held_out = metadata["held_out"]
    what, how = {"lfenet": _lfenet, "fan": _fan}.get(metadata["network"], _aggregator)(metadata)
    card = f"""# {metadata["name"]}

A network of sets for clipselect: {what}.

{_origin(metadata)}

{how}. Sets of {metadata["images_per_set"]}, {metadata["images"]} images of {metadata["identities"]} identities. \
Could not be read: {count(metadata["failed"], "image")}. The weights are those of step {metadata["best_step"]}, the \
best on the held-out identities.

## Measured on held-out identities

{held_out["sets"]} sets of {held_out["identities"]} held-out identities, which chose the step: how far genuine \
and impostor pairs lie apart, in standard deviations:

| images | {metadata["network"]} | average of the base |
|---|---|---|
"""
    own, average = held_out["decidability"][metadata["network"]], held_out["decidability"]["average"]
    rows = "".join(f"| {name} | {_number(own[name])} | {_number(average[name])} |\n" for name in own)
    code = f'network = clipselect.load_set_network("{_weights(metadata)}", base=BASE)  # {metadata["base"]}'
    return card + rows + _use(metadata, code)


def _aggregator(metadata: Metadata) -> tuple[str, str]:
    what = f"{metadata['network']} on the features of {_base_of(metadata)}"
    degraded = f"each also {metadata['variants']} times degraded ({metadata['degradations']})"
    return what, f"Loss {metadata['loss']}; images as they are, {degraded}"


def _lfenet(metadata: Metadata) -> tuple[str, str]:
    what = f"lfenet around {_base_of(metadata)}, relation {metadata['relation']}, ending {metadata['ending']}"
    return what, f"Loss {metadata['loss']}"


def _fan(metadata: Metadata) -> tuple[str, str]:
    sides = " x ".join(map(str, metadata["sides"]))
    what = f"fan, which makes one image of {sides} of the faces of a set, width {metadata['width']}, guided by "
    what += _base_of(metadata)
    names = ("discriminative", "reconstruction", "adversarial", "total_variation")
    losses = ", ".join(f"{name.replace('_', ' ')} {metadata[f'{name}_weight']:g}" for name in names)
    how = f"Weights of the losses: {losses}; reconstruction of the {metadata['reconstruction']}; precision "
    how += metadata["precision"]
    if metadata["stopped"]:
        how += f". Stopped after step {metadata['stopped']}, when the discriminator had won"
    return what, f"{how}. Its images are no photographs: say so where they are shown"


def _base_of(metadata: Metadata) -> str:
    holds = "the base is not in the file" if metadata.get("frozen", True) else "the file holds the base, trained along"
    return f"the base {metadata['base']} (SHA-256 {metadata['base_sha256'][:12]}; {holds})"


def _clip_training(metadata: Metadata) -> str:
    known = {"labels": "by the labels", "answers": "by the base's own answers, without labels"}
    d_scores = "the base's own confidence"
    if metadata["target"] in known:
        d_scores = f"{known[metadata['target']]}, {metadata['metric']}, {metadata['contrast']}"
    loss, failed = LOSSES[metadata["loss"]], count(metadata["failed"], "video")
    text = f"D-scores: {d_scores}; loss: {loss}. Could not be read: {failed}.\n"
    accuracy = metadata["base_right_on_training_clips"]
    if accuracy is not None:
        text += f"\nThe base is right about {in_percent(100 * accuracy)} of the training clips.\n"
    return text


def _frame_training(metadata: Metadata) -> str:
    degraded = f", each also {metadata['variants']} times degraded ({metadata['degradations']})"
    return (
        f"{metadata['images']} images of {metadata['identities']} identities"
        f"{degraded if metadata['degradations'] else ''}. D-scores: {metadata['metric']}, {metadata['contrast']}; "
        f"loss: {LOSSES[metadata['loss']]}. Could not be read: {count(metadata['failed'], 'image')}.\n"
    )


def _clip_quality(held_out: dict[str, Any]) -> str:
    card = f"""## Measured on held-out videos

{held_out["videos"]} videos, {held_out["elements"]} clips.

| | |
|---|---|
| Spearman's rho of scores and D-scores | {_number(held_out["spearman"])} |
| AUC of action against background clips | {_number(held_out.get("auc_ddnet"))} |
| the same by the base's own confidence | {_number(held_out.get("auc_confidence"))} |
| the same by `motion` | {_number(held_out.get("auc_motion"))} |
| the same by `packets` | {_number(held_out.get("auc_packets"))} |
"""
    rows = [row for row in held_out.get("accuracy", []) if row["method"] in METHODS]
    if not rows:
        return card
    ks = sorted({row["k"] for row in rows if row["method"] == "ddl"})
    card += f"""
Top-1 in percent (95 % interval) by the number of clips that the base sees{COMPOSED if held_out["composed"] else ""}:

| method | {" | ".join(f"K = {k}" for k in ks)} |
{"|---" * (len(ks) + 1)}|
"""
    for method in METHODS:
        cells = {
            row["k"]: f"{row['top1']:.1f} ({row['top1_low']:.1f}-{row['top1_high']:.1f})"
            for row in rows
            if row["method"] == method
        }
        if method == "dense":
            card += "".join(f"| dense ({k} clips) | {cell} |{' |' * (len(ks) - 1)}\n" for k, cell in cells.items())
        elif cells:
            card += f"| {method} | {' | '.join(cells.get(k, '') for k in ks)} |\n"
    return card


def _frame_quality(held_out: dict[str, Any]) -> str:
    return f"""## Measured on held-out identities

{held_out["identities"]} identities, {held_out["images"]} images, {held_out["elements"]} elements.

| Spearman's rho of scores and D-scores | |
|---|---|
| all elements | {_number(held_out["spearman"])} |
| images as they are | {_number(held_out["spearman_as_they_are"])} |
"""


def _confusion_matrix(classes: Sequence[str], confusion: NDArray[np.int64]) -> str:
    """Which class is taken for which, where the table is not too wide to read."""
    if len(classes) > MAX_MATRIX_CLASSES:
        return ""
    names = [f"{number} {name}" for number, name in enumerate(classes, start=1)]
    first, cell = max(map(len, names)), max(2, len(str(confusion.max(initial=0)))) + 1
    lines = [" " * first + "".join(f"{number:{cell}}" for number in range(1, len(classes) + 1))]
    for name, counts in zip(names, confusion.tolist(), strict=True):
        lines.append(f"{name:{first}}" + "".join(f"{count or '.':>{cell}}" for count in counts))
    matrix = "\n".join(lines)
    return f"""
Held-out videos by true class (rows) and answer (columns, numbered as the rows):

```
{matrix}
```
"""


def _percentiles(metadata: Metadata) -> str:
    quantiles = metadata.get(QUANTILES_KEY)
    if quantiles is None:
        return ""
    return f"""
Scores of what it was trained on; `--threshold p30` leaves out what scores no better than the worst 30 % of it:

| {" | ".join(f"p{p}" for p in PERCENTILES)} |
{"|---" * len(PERCENTILES)}|
| {" | ".join(f"{quantiles[p]:.3f}" for p in PERCENTILES)} |
"""


def in_percent(percent: float | None) -> str:
    """A percentage in words."""
    return "not known" if percent is None else f"{percent:.1f} %"


def _origin(metadata: Metadata) -> str:
    made = f"Trained on {metadata['data']}, {metadata['steps']} steps, seed {metadata['seed']}, clipselect"
    return f"## Training\n\n{made} {metadata['clipselect']}:\n\n    {metadata['command']}"


def _weights(metadata: Metadata) -> str:
    return f"{metadata['name']}.safetensors"


def _use(metadata: Metadata, code: str) -> str:
    """How to load the weights, by this line of Python, and what only a person can write about them."""
    return f"""
## Use

    {code}

## Data, limits, licence

Trained on {metadata["data"]}. To be written by whoever publishes these weights: where the data come from, what the \
weights are and are not meant for, and under which licence they may be used.
"""


def _clips(metadata: Metadata) -> str:
    size = metadata.get("size") or metadata["height"]
    geometry = Geometry.from_metadata(metadata.get("geometry"))
    cropped = "" if geometry == SQUASH else f" ({geometry})"
    return f"clips of {metadata['clip_duration']:g} s as {metadata['frames']} frames of {size} x {size}{cropped}"


def _list(values: Any) -> str:
    return ", ".join(map(str, values))


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
