"""What was known of the values of declared regressors at a moment, by rows that say from when they were known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.tables.contract import ALL
from skucast.regressors.declared_values import DeclaredWeeks, Floats, of_weeks
from skucast.regressors.promotions import WEEK_DAYS, Flags, patterns_of, places_by_pattern


class DeclaredPlan:
    """Rows of `tables.REGRESSORS` of some combinations, to be read as of any moment.

    `rows` are by the name of the regressor they are of. For a day the newest row counts, of equally new ones the one
    that names more.
    """

    def __init__(
        self,
        declared: Sequence[Regressor],
        rows: Mapping[str, pd.DataFrame],
        combinations: Sequence[Combination],
    ) -> None:
        self.declared = tuple(declared)
        self._combinations = list(combinations)
        self._rows = {each.name: _in_order(rows[each.name]) for each in declared if each.name in rows}
        self._places = {name: _places(found, self._combinations) for name, found in self._rows.items()}

    def __call__(self, known_at: datetime, weeks: Sequence[date]) -> list[DeclaredWeeks]:
        """Return what was known of consecutive weeks (their labels) at a moment (naive UTC), of each combination."""
        known = {each.name: self._known(each, known_at, weeks) for each in self.declared}
        return [
            DeclaredWeeks(
                self.declared,
                {name: values[place] for name, (values, _) in known.items()},
                frozenset(name for name, (_, is_said) in known.items() if is_said[place]),
            )
            for place in range(len(self._combinations))
        ]

    def values(self, name: str, known_at: datetime, weeks: Sequence[date]) -> Floats:
        """Return what was known of one regressor, (C, H), NaN where nothing was."""
        [regressor] = [each for each in self.declared if each.name == name]
        return self._known(regressor, known_at, weeks)[0]

    def _known(self, regressor: Regressor, known_at: datetime, weeks: Sequence[date]) -> tuple[Floats, Flags]:
        """The values, and of which combinations anything had been said of these weeks or earlier ones."""
        nothing = np.full((len(self._combinations), len(weeks)), np.nan)
        is_said = np.zeros(len(self._combinations), dtype=bool)
        if regressor.name not in self._rows:
            return nothing, is_said
        rows, places = self._rows[regressor.name], self._places[regressor.name]
        rows = rows[(rows["known_from"] <= pd.Timestamp(known_at)) & (rows["starts_on"] <= pd.Timestamp(weeks[-1]))]
        first = weeks[0] - timedelta(days=WEEK_DAYS - 1)
        n_days = WEEK_DAYS * len(weeks)
        by_day = np.full((len(self._combinations), n_days), np.nan)
        for code in np.unique(rows["_code"]).tolist():
            is_said[places[code]] = True
        rows = rows[rows["ends_on"] >= pd.Timestamp(first)]
        starts = (rows["starts_on"] - pd.Timestamp(first)).dt.days.clip(lower=0).to_numpy()
        ends = (rows["ends_on"] - pd.Timestamp(first)).dt.days.clip(upper=n_days - 1).to_numpy() + 1
        for code, start, end, value in zip(rows["_code"], starts, ends, rows["value"], strict=True):
            by_day[places[code], start:end] = value
        return of_weeks(by_day.reshape(len(self._combinations), len(weeks), WEEK_DAYS), regressor.week), is_said


def usable_values(
    rows: pd.DataFrame, declared: Sequence[Regressor], known: Sequence[Combination]
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Return the rows that mean something by the regressor they are of, and how many do not, by what is wrong.

    They may be a table that people keep: a blank row, or one about an unknown article, must not stop a forecast.
    """
    rows = rows.assign(ends_on=rows["ends_on"].fillna(rows["starts_on"]))
    required = rows[["name", *KEY, "starts_on", "known_from"]]
    is_blank = required.isna().any(axis=1) | (rows[["name", *KEY]] == "").any(axis=1)
    names = [each.name for each in declared]
    parts = {column: {ALL, *(str(part) for part in found)} for column, found in _parts_of(known).items()}
    cleaned = pd.DataFrame(patterns_of(rows.fillna(dict.fromkeys(KEY, ""))), columns=KEY, index=rows.index)
    is_nobody = pd.Series(data=False, index=rows.index)
    for column in KEY:
        is_nobody |= ~cleaned[column].isin(list(parts[column]))
    problems = pd.DataFrame(
        {
            "names, first day or known_from missing": is_blank,
            "ends before it starts": rows["ends_on"] < rows["starts_on"],
            "unknown unit, channel or SKU_ID": ~is_blank & is_nobody,
            "another value is said of the same days at the same moment, the larger counts": ~is_blank
            & is_contradicted(rows),
        }
    ).astype("bool")
    counts = {str(problem): int(count) for problem, count in problems.sum().items() if count}
    for name, count in rows.loc[~is_blank & ~rows["name"].isin(names), "name"].value_counts().items():
        counts[f"no regressor {name!r} is declared{meant(str(name), names)}"] = int(count)
    usable = rows[~problems.any(axis=1) & rows["name"].isin(names)]
    return {str(name): found for name, found in usable.groupby("name")}, counts


_ABOUT = ["name", *KEY, "starts_on", "ends_on", "known_from"]
"""What a row is about: one value of it can be meant."""


def is_contradicted(rows: pd.DataFrame) -> pd.Series:
    """Return which rows say another value than one of the same names, days and moment that counts, the larger."""
    whole = rows.assign(ends_on=rows["ends_on"].fillna(rows["starts_on"]))
    ordered = whole[[*_ABOUT, "value"]].reset_index(drop=True).sort_values([*_ABOUT, "value"])
    is_less = ordered.duplicated(_ABOUT, keep="last") & ~ordered.duplicated([*_ABOUT, "value"], keep="last")
    return pd.Series(is_less.sort_index().to_numpy(), index=rows.index)


def meant(name: str, names: Sequence[str]) -> str:
    """Return the closest name as a question, empty where none is close."""
    closest = get_close_matches(name.casefold(), names, n=1)
    return f"; did you mean {closest[0]}?" if closest else ""


def _parts_of(known: Sequence[Combination]) -> dict[str, set[str]]:
    return {column: {each.parts[place] for each in known} for place, column in enumerate(KEY)}


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows so that a later one counts, each with a number that stands for the names it is about."""
    named = sum((rows[name] != ALL).astype("int64") for name in KEY)
    ordered = rows.assign(_named=named).sort_values(
        ["known_from", "_named", "starts_on", "ends_on", *KEY, "value"], ignore_index=True
    )
    return ordered.assign(_code=ordered.groupby(KEY, sort=False).ngroup())


def _places(rows: pd.DataFrame, combinations: Sequence[Combination]) -> list[npt.NDArray[np.int64]]:
    """The places of the combinations that rows are about, by their code."""
    firsts = rows.drop_duplicates("_code")
    found = places_by_pattern(firsts, combinations)
    nobody = np.array([], dtype="int64")
    return [found.get(pattern, nobody) for pattern in patterns_of(firsts)]
