"""Only the clips worth watching: rank the clips of a video by how discriminable they are for a base network.

>>> from clipselect import load_scorer, open_source, score_video, top_k
>>> scores = score_video(open_source("video.mp4"), load_scorer())       # doctest: +SKIP
>>> [scores.clips[i].start for i in top_k(scores.scores, 5).ordered]    # doctest: +SKIP

The public names stand in `__init__.pyi`. Each is imported when it is first used: processes that only decode start
without torch, in a tenth of the time.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
