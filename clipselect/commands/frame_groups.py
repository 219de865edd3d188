"""Groups of frames whose pixels lie in files: what `faces` and `reid` have in common."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipselect.commands.batch import FAILURES, sentence
from clipselect.commands.common import print_warning
from clipselect.commands.output.results import Result, failed_group, scored_group
from clipselect.commands.outputs import FrameOutputs
from clipselect.errors import ClipselectWarning
from clipselect.media.images import FrameOrigin, read_image
from clipselect.samplers.frame_sampler import FrameSampler


def score_files(source: str, name: str, paths: Sequence[Path], sampler: FrameSampler, outputs: FrameOutputs) -> Result:
    """The result of a group of images.

    Args:
        source, name: of the group, as for `scored_group`.
    """
    model = sampler.scorer.name
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ClipselectWarning)
            selection = sampler(paths)
        warned = [str(w.message) for w in caught if issubclass(w.category, ClipselectWarning)]
        for warning in warned:
            print_warning(warning)
        saved = outputs.save_frames(source, name, selection, lambda i: read_image(paths[i]))
        pictures = [read_image(paths[i]) for i in selection.candidates] if outputs.needs_pictures else []
        origins = [FrameOrigin(path) for path in paths]
        return scored_group(source, name, model, origins, selection, warnings=warned, files=saved, pictures=pictures)
    except FAILURES as e:
        return failed_group(source, name, model, sentence(source, e))


def sampler_settings(sampler: FrameSampler, **more: Any) -> dict[str, Any]:
    """What the results keep of the options."""
    scorer = sampler.scorer
    limits = {"k": sampler.k, "share": sampler.share, "threshold": sampler.threshold}
    return {"model": scorer.name, **limits, **more, "device": str(scorer.device), "base": scorer.metadata.get("base")}
