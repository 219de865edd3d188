"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import select
>>> picks = select("video.mp4", k=2)                                    # in time order
>>> [(pick.start, pick.end, pick.rank) for pick in picks]
[(0.0, 1.0, 1), (1.0, 2.0, 2)]
>>> [clip.shape for clip in picks.decode(num_frames=16, size=112)]      # for a network
[torch.Size([16, 3, 112, 112]), torch.Size([16, 3, 112, 112])]

The public names stand in `__init__.pyi`. Each is imported when it is first used: processes that only decode start
without torch, in a tenth of the time.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import lazy_loader

__version__ = "0.2.0"

_zoo = Path(__file__).parents[1] / "zoo" / "__init__.py"
if not Path(__file__).with_name("zoo").exists() and _zoo.is_file():  # a checkout: zoo/ lies beside this folder
    _spec = spec_from_file_location("clipselect.zoo", _zoo)
    assert _spec is not None and _spec.loader is not None
    zoo = sys.modules["clipselect.zoo"] = module_from_spec(_spec)
    _spec.loader.exec_module(zoo)

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
