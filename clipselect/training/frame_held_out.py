"""How good a distilled DDNet for frames is on held-out identities: what its card says."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from clipselect.media.images import Image, read_image
from clipselect.method.discriminability import Contrast, Metric
from clipselect.scoring.scorer import Scorer
from clipselect.training.frame_distillation import discriminabilities
from clipselect.training.frame_features import FrameFeatures
from clipselect.training.held_out import rank_correlation


def frame_quality(
    features: FrameFeatures,
    scorer: Scorer,
    metric: Metric,
    contrast: Contrast,
    over: Callable[[Iterable[int]], Iterable[int]],
) -> dict[str, Any]:
    """What was measured, for the metadata and the card.

    Args:
        features: of the held-out images and their variants.
        over: tells of progress over the numbers of the images.

    Returns:
        "identities", "images", "elements", "spearman" (rank correlation of scores and D-scores of all elements),
        "spearman_as_they_are" (of the images that are not degraded), and "constant" (whether all scores are the same);
        None where there is nothing to rank. D-scores count with centroids of the held-out identities.
    """
    found, values = discriminabilities(features, metric, contrast)
    variant = np.concatenate([elements.variant for elements in found])
    numbers = dict.fromkeys(np.concatenate([elements.image for elements in found]).tolist())

    def variants() -> Iterator[Image]:
        for i in over(numbers):
            image = read_image(features.images.paths[i])
            yield from (features.variants.of(image, i, v) for v in range(features.variants.per_image))

    scores, wanted = scorer.score_images(variants()), values.numpy()
    plain = variant == 0
    return {
        "identities": len(features.images.identities),
        "images": len(numbers),
        "elements": len(scores),
        "spearman": rank_correlation(wanted, scores),
        "spearman_as_they_are": rank_correlation(wanted[plain], scores[plain]),
        "constant": bool(np.ptp(scores) == 0),
    }
