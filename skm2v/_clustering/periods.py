"""Periods of time that follow on one another: years, quarters, weeks."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_choice

__all__ = ["PERIODS", "Period", "split_times"]

Period = Literal["year", "quarter", "month", "week", "day", "hour"]
# With the unit in which NumPy counts them.
PERIODS = {"year": "Y", "quarter": "M", "month": "M", "week": "D", "day": "D", "hour": "h"}
MONDAY = 4  # the first of the days that NumPy counts from: it counts weeks from a Thursday
MOST = 10_000


def split_times(
    times: npt.NDArray[Any], period: str | None
) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Return all periods from the first time to the last, and the place of each time among them.

    Parameters
    ----------
    times : ndarray of datetime64 of shape (n,)
        None is missing.
    period : str or None
        One of PERIODS; None takes the longest that makes six of them, else days.
    """
    if period is None:
        period = next(
            (name for name in PERIODS if len(np.unique(_floored(times, name))) >= 6), "day"
        )
    period = check_choice("period", period, tuple(PERIODS))
    if not len(times):
        return [], np.empty(0, dtype=np.int64)
    floored = _floored(times, period)
    step = {"quarter": 3, "week": 7}.get(period, 1)
    offset = MONDAY if period == "week" else 0
    numbers = (floored.astype(np.int64) - offset) // step
    first, last = int(numbers.min()), int(numbers.max())
    if last - first >= MOST:
        raise ValueError(
            f"by spans {last - first + 1:,} periods of a {period}; at most {MOST:,} make sense."
            " Fix: a longer period."
        )
    unit = PERIODS[period]
    groups = (np.arange(first, last + 1) * step + offset).astype(f"datetime64[{unit}]")
    return list(groups), numbers - first


def _floored(times: npt.NDArray[Any], period: str) -> npt.NDArray[Any]:
    floored = times.astype(f"datetime64[{PERIODS[period]}]")
    if period == "quarter":
        floored = (floored.astype(np.int64) // 3 * 3).astype("datetime64[M]")
    if period == "week":
        days = floored.astype(np.int64) - MONDAY
        floored = (days // 7 * 7 + MONDAY).astype("datetime64[D]")
    return floored
