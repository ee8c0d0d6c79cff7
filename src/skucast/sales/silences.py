"""Silences of a group of combinations: which of its weeks have not arrived, and which have a reason to be empty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.sales.feeds import (
    BY_CHANCE,
    FEED_MIN_COMBINATIONS,
    IN_THE_MIDDLE,
    LOOKBACK_WEEKS,
    MIN_SHARE,
    MIN_WEEKS,
    SELDOM,
    USUAL_WEEKS,
    Bits,
    Feed,
    Flags,
)

USUAL_SILENCES = 2
"""A group that is silent more often than this within half a year either side seldom sells; its silence is no news."""

MANY_SILENCES = 0.2
"""Likewise in more than this share of these weeks, if it sells much whenever it does: up to here it is late."""

FEWEST_WEEKS = 2
"""Fewest weeks that tell of a newest week without any row that it has not arrived: a branch that has just opened."""

LATE_RATHER = 0.05
"""Newest weeks without any sale of the business are late, not empty, unless that is more probable than this."""

SEASONAL = "as in the same weeks of another year"
"""Why a silence is of the season."""

YEAR_WEEKS = 52

SEASON_WEEKS = 2
"""A season of more weeks than this may begin and end so many weeks earlier or later than in another year."""

SEASON_SHARE = 0.5
"""A silence is of the season if the group was silent in at least this share of its weeks in another year."""

FADED, FADING, FALLING = 0.4, 0.6, 0.85
"""A group has faded if its last week and the mean of the last two are below these shares of what was usual, and each of
them below this share of the week before it: what has slumped and stays there fades no more."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdict:
    """By week, shape (W,): what has not arrived whole (`lacking`), and silence that has a reason (`closed`).

    `since` is the first of the newest weeks that are closed, and `why` in words; -1 and nothing if they are not.
    `pauses` are the silences in the middle that are no season: first and last week, and why they count as closed.
    """

    lacking: Flags
    closed: Flags
    since: int = -1
    why: str = ""
    pauses: tuple[tuple[int, int, str], ...] = ()


def judge(feed: Feed, excused: Flags, closed_after_weeks: int) -> Verdict:
    """Return what of a group has arrived; it is judged from its first week with a row on.

    Args:
        feed: its rows.
        excused: weeks in which its silence is no news: holidays on which the others fell alike.
        closed_after_weeks: a group that has been silent for so long is closed, and its weeks are 0.
    """
    verdict = _silent_weeks(feed, excused, closed_after_weeks)
    lacking = verdict.lacking.copy()
    for week in _suspects(feed):
        lacking[week] = feed.is_in_part(week, _known_before(feed, week, lacking | verdict.closed), is_newest=False)
    newest = newest_that_arrived(feed, lacking, verdict.closed)
    lacking[newest + 1 :] |= feed.counts[newest + 1 :] > 0
    return replace(verdict, lacking=lacking)


def newest_that_arrived(feed: Feed, lacking: Flags, closed: Flags) -> int:
    """The last week that is there and whole; -1 if none is. What is silent or closed by right is there."""
    last = len(feed.counts) - 1
    while last >= 0:
        before = _known_before(feed, last, lacking | closed)
        if not lacking[last] and not (feed.counts[last] > 0 and _is_thin(feed, last, before)):
            return last
        last -= 1
    return last


def judge_business(feed: Feed, closed_after_weeks: int) -> tuple[int, Verdict]:
    """Return the last week that counts as delivered by a business, -1 if none has a row, and what of it has arrived.

    Newest weeks without any row are late, unless the business is so often silent that this is no news, was silent in
    the same weeks of another year, or has faded, not long ago.
    """
    verdict = judge(feed, _closed_by_holidays(feed), closed_after_weeks)
    rows = np.flatnonzero(feed.counts > 0)
    if not len(rows):
        return -1, verdict
    last, n = int(rows[-1]), len(feed.counts)
    run = np.arange(last + 1, n)
    before = _known_before(feed, last + 1, verdict.lacking | verdict.closed)[-USUAL_WEEKS:]
    has_faded = len(run) <= USUAL_WEEKS and _has_faded(feed, before)
    if len(run) and (_is_season(run, _silent(feed)) or has_faded or _is_often_silent(feed, before, len(run))):
        return n - 1, verdict
    is_after = np.arange(n) > last
    return newest_that_arrived(feed, verdict.lacking | is_after, verdict.closed & ~is_after), verdict


def gaps(feed: Feed, verdict: Verdict) -> Flags:
    """Weeks in which nobody of a business sold anything although many did before, or that is too improbable."""
    delivered = pd.Series(np.where(feed.counts > 0, feed.counts, np.nan))
    usual = delivered.dropna().rolling(LOOKBACK_WEEKS, min_periods=1).median().reindex(delivered.index).ffill()
    excused = _closed_by_holidays(feed)
    is_gap: Flags = (feed.counts == 0) & (usual.to_numpy() >= FEED_MIN_COMBINATIONS) & ~excused
    for run in _runs(is_gap):
        is_gap[run] = not _is_season(run, _silent(feed))
    is_gap |= verdict.lacking & (feed.counts == 0)
    for run in _runs(excused & (feed.counts == 0) & ~is_gap):
        is_gap[run] = run[0] > 0 and run[-1] + 1 < len(is_gap) and is_gap[run[0] - 1] and is_gap[run[-1] + 1]
    return is_gap


def _closed_by_holidays(feed: Feed) -> Flags:
    """Weeks of which most days are off, of a business that does not sell on days off all the same."""
    is_closed: Flags = feed.closed() & ~feed.open_on_days_off()
    return is_closed


def fell(counts: npt.NDArray[np.int64]) -> Flags:
    """Weeks in which groups had less than half of their usual combinations, (weeks, groups); always true of nobody."""
    delivered = pd.DataFrame(np.where(counts > 0, counts, np.nan))
    usual = delivered.rolling(LOOKBACK_WEEKS, min_periods=1).median().shift(1).ffill().fillna(0).to_numpy()
    has_fallen: Flags = (counts < MIN_SHARE * usual) | (usual == 0)
    return has_fallen


# --- weeks without any row -------------------------------------------------------------------------------------------


def _silent_weeks(feed: Feed, excused: Flags, closed_after_weeks: int) -> Verdict:
    silent = _silent(feed)
    lacking = np.zeros(len(silent), dtype=bool)
    closed = silent & excused
    since, why = -1, ""
    pauses: list[tuple[int, int, str]] = []
    runs = [trimmed for run in _runs(silent) if len(trimmed := _without_first(run, excused))]
    starts = np.array([run[0] for run in runs])
    for run in runs:
        before = _known_before(feed, int(run[0]), lacking | closed)[-USUAL_WEEKS:]
        is_usual = _is_usual(starts, int(run[0]), feed, before)
        is_newest = bool(run[-1] == len(silent) - 1)
        is_news = not is_usual and _is_improbable(feed, before, is_newest=is_newest)
        reason = _reason(feed, run, before, silent, closed_after_weeks)
        lacking[run] = is_news and not reason
        closed[run] = bool(reason)
        if is_newest and is_news and reason and len(run) <= USUAL_WEEKS:
            since, why = int(run[0]), reason
        if not is_newest and is_news and reason and reason != SEASONAL:
            pauses.append((int(run[0]), int(run[-1]), reason))
    return Verdict(lacking, closed, since, why, tuple(pauses))


def _is_usual(starts: Places, start: int, feed: Feed, before: Places) -> bool:
    """Whether silences begin so often near this one that one more is no news."""
    n_near = int(np.count_nonzero(np.abs(starts - start) <= USUAL_WEEKS))
    if n_near <= USUAL_SILENCES:
        return False
    first, end = (
        max(int(np.argmax(feed.counts > 0)), start - USUAL_WEEKS),
        min(len(feed.counts), start + USUAL_WEEKS + 1),
    )
    return n_near > MANY_SILENCES * (end - first) or not feed.sells_much(before)


def _is_improbable(feed: Feed, before: Places, *, is_newest: bool) -> bool:
    if len(before) < (FEWEST_WEEKS if is_newest else MIN_WEEKS):
        return False
    limit = IN_THE_MIDDLE
    if is_newest:
        limit = SELDOM if (feed.counts[before] > 0).all() else BY_CHANCE
    return feed.chance_of_silence(before) < limit


def _is_often_silent(feed: Feed, before: Places, n_weeks: int) -> bool:
    return len(before) >= LOOKBACK_WEEKS and feed.chance_of_silence(before) ** n_weeks >= LATE_RATHER


def _reason(feed: Feed, run: Places, before: Places, silent: Flags, closed_after_weeks: int) -> str:
    """Why these silent weeks are no delivery that fails, if there is a reason."""
    if _is_season(run, silent):
        return SEASONAL
    if _has_faded(feed, before):
        return "after its sales had faded"
    if len(run) >= closed_after_weeks:
        return f"for {len(run)} weeks"
    return ""


def _is_season(run: Places, silent: Flags) -> bool:
    """Whether the group was silent in most of the same weeks of another year, too."""
    others = [other for other in _runs(silent) if other[0] > run[-1] or other[-1] < run[0]]
    found = []
    for years in (-2, -1, 1, 2):
        then = run + years * YEAR_WEEKS
        if then[0] < 0 or then[-1] >= len(silent):
            continue
        same = np.zeros(len(run), dtype=bool)
        for other in others:
            beside = SEASON_WEEKS if len(other) > SEASON_WEEKS else 0
            same |= (then >= other[0] - beside) & (then <= other[-1] + beside)
        found.append(float(same.mean()) >= SEASON_SHARE)
    return any(found)


def _has_faded(feed: Feed, before: Places) -> bool:
    """Whether weekly totals fell to little of what was usual; those of holidays tell nothing."""
    quantity = feed.quantity[before[feed.holidays[before] == 0]]
    if len(quantity) < LOOKBACK_WEEKS:
        return False
    usual = float(np.median(quantity[:-3]))
    is_low = quantity[-1] <= FADED * usual and quantity[-2:].mean() <= FADING * usual
    return bool(usual > 0 and is_low and (quantity[-2:] <= FALLING * quantity[-3:-1]).all())


# --- weeks that are there in part ------------------------------------------------------------------------------------


def _is_thin(feed: Feed, week: int, before: Places) -> bool:
    """Whether a newest week lacks most combinations, or days."""
    if len(before) < MIN_WEEKS:
        return False
    return feed.is_sparse(week, before) or feed.is_in_part(week, before, is_newest=True)


def _suspects(feed: Feed) -> list[int]:
    """Weeks with rows that have none on two days on which most weeks around have some."""
    if not feed.by_day:
        return []
    there = np.flatnonzero(feed.counts > 0)
    bits = pd.DataFrame((feed.days[there, None] >> np.arange(7) & 1).astype("float64"))
    usual = bits.rolling(USUAL_WEEKS, min_periods=1).mean() > MIN_SHARE
    missed = (usual & (bits == 0)).sum(axis=1).to_numpy()
    return [int(week) for week in there[missed > 1]]


# --- weeks -----------------------------------------------------------------------------------------------------------


def _silent(feed: Feed) -> Flags:
    silent: Flags = feed.counts == 0
    rows = np.flatnonzero(~silent)
    silent[: rows[0] if len(rows) else len(silent)] = False
    return silent


def _known_before(feed: Feed, week: int, unknown: Flags) -> Places:
    """The weeks before this one that tell what is usual, from the group's first row on."""
    first = int(np.argmax(feed.counts > 0))
    return first + np.flatnonzero(~unknown[first:week])


def _runs(flags: Flags) -> list[Bits]:
    places = np.flatnonzero(flags)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]


def _without_first(run: Places, excused: Flags) -> Places:
    wanted = np.flatnonzero(~excused[run])
    return run[wanted[0] :] if len(wanted) else run[:0]
