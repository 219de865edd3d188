"""Evaluation on sets of frames: faces are verified (`faces`), persons are found again (`persons`).

Both run the base and the DDNet once on every frame (`frame_table`), make one feature of every group by every method
(`group_features`), measure those features, and put methods and their differences into a results document (`rows`).
"""
