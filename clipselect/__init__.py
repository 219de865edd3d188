"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import score_video, top_k
>>> scores = score_video("video.mp4")
>>> best = [scores.clips[i] for i in top_k(scores.scores, k=2).ordered]     # in time order
>>> len(best), best[0].start < best[1].start
(2, True)

The public names stand in `__init__.pyi`. Each is imported when it is first used: processes that only decode start
without torch, in a tenth of the time.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
