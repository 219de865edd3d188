"""How times and counts are written."""

ROUND_STEPS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)),
)  # fmt: skip
"""Seconds between the ticks of a time axis."""


def clock(seconds: float, decimals: int = 2) -> str:
    """Seconds as m:ss.cc, from an hour on as h:mm:ss.cc.

    >>> clock(83.5), clock(3725), clock(83.5, decimals=0)
    ('1:23.50', '1:02:05.00', '1:24')
    """
    units = round(seconds * 10**decimals)
    whole, fraction = divmod(units, 10**decimals)
    minutes = f"{whole // 3600}:{whole // 60 % 60:02d}" if whole >= 3600 else f"{whole // 60}"
    return f"{minutes}:{whole % 60:02d}" + (f".{fraction:0{decimals}d}" if decimals else "")


def brief(*seconds: float) -> str:
    """A time, or from when to when, without hundredths where they say nothing.

    >>> brief(62), brief(9.37, 10.37), brief(0, 1)
    ('1:02', '0:09.37 to 0:10.37', '0:00 to 0:01')
    """
    decimals = 0 if all(abs(time - round(time)) < 0.005 for time in seconds) else 2
    return " to ".join(clock(time, decimals) for time in seconds)


def time_ticks(duration: float, most: int = 7) -> list[tuple[float, str]]:
    """Round times within a video and their labels, about `most` of them at most; the last is the end of the video.

    >>> time_ticks(20)
    [(0, '0:00'), (5, '0:05'), (10, '0:10'), (15, '0:15'), (20, '0:20')]
    >>> time_ticks(3725)[-3:]
    [(2400, '40:00'), (3000, '50:00'), (3725, '1:02:05')]
    >>> time_ticks(3600.03)[-1], time_ticks(12.48)[-1]
    ((3600.03, '1:00:00'), (12.48, '0:12.5'))
    """
    step = next((step for step in ROUND_STEPS if duration / step <= most), duration / most)
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    before_end = int((duration - 0.6 * step) / step)  # a tick nearer to the end would run into its label
    ticks = [(tick * step, clock(tick * step, decimals)) for tick in range(max(before_end, 0) + 1)]
    is_round = step >= 10 or abs(duration - round(duration)) < 0.05
    return [*ticks, (duration, clock(duration, decimals if is_round else max(decimals, 1)))]
