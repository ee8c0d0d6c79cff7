"""The forecaster: what the jobs do, fitted to a frame of sales, asked for forecasts and for honest backtests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from numbers import Integral
from typing import Any

import pandas as pd

from skucast.api.asked import declared_as_text, models_asked, taking_part
from skucast.api.business import Business, heard, values_in_vain
from skucast.api.frames import ABOUT, NAIVE, NO_MODEL, PARTS_OF_BLEND, PUBLISHED, WHICH, long_frame
from skucast.api.the_sales import grain_of, read_sales, with_unknown_weeks
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.other_models import OURS
from skucast.core.quoting import listed
from skucast.core.series import unique_id
from skucast.core.weeks import WEEK
from skucast.forecast.backtest_rows import OTHER_MODELS
from skucast.forecast.others.protocol import Model, check_models
from skucast.jobs.others import others_of
from skucast.regressors.declared import declared_of
from skucast.runtime.groups.forecast import levels_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.reading import settings_of
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.monitoring import match

DAY = timedelta(days=1)
AN_INTERVAL = (80,)

SHOWN = 3
"""Series, or findings, that a message names."""


class Forecaster:
    """Forecasts of weekly sales: one Prophet model per series, a panel over all, blended by evidence.

    It runs the jobs' own code on a business in a temporary folder: equal sales, plan and settings give the numbers that
    `run_all_skus.py` and `predict_weekly.py` publish. Neither the environment nor `.env` is read.

    Args:
        models: whose numbers stand beside ours: names (`"ets"`, `"theta"`, `"ces"`, `"sba"`, ...; see `MODELS`), and
            objects (`Model`, `on_lags`, `from_statsforecast`). Of ours `"prophet"` and `"panel"`: one of them alone is
            what is published then; both, or none named, are the blend.
        blend: which of these models take part in the blend, by name: they are asked at six past origins as well, and
            count by what that says of them (docs/models.md).
        settings: any setting of the jobs by its name, such as `horizon_weeks=8`, `forecaster="prophet"`,
            `holiday_country="US"`, `workers=1`; see `docs/reference/settings.md`. What a line of the sales covers and
            on which day weeks end (`sales_grain`, `week_anchor`) is seen in the sales where it is not said.
            `regressors` may be a list of declarations, `[{"name": "price", "kind": "price"}]`, one of them, or the path
            of a TOML file: `docs/regressors.md`.

    Attributes:
        notes: what the last call said of its numbers, one line each.

    Raises:
        InputError: no setting has this name, or not this value; names all mistakes.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> days = pd.date_range("2025-11-24", "2026-11-22")
        >>> sales = pd.DataFrame({"unique_id": "Perm/KA/Tea", "ds": days, "y": [5 + day.weekday() for day in days]})
        >>> forecaster = sk.Forecaster(forecaster="prophet", tune="off", workers=1).fit(sales)
        >>> forecaster.predict(h=2).round({"skucast": 0})[["unique_id", "ds", "step", "skucast"]]
             unique_id         ds  step  skucast
        0  Perm/KA/Tea 2026-11-29     1     56.0
        1  Perm/KA/Tea 2026-12-06     2     56.0
    """

    def __init__(
        self, *, models: Sequence[str | Model] | Model | str = (), blend: Sequence[str] | str = (), **settings: Any
    ) -> None:
        settings = settings | {"regressors": declared_as_text(settings.get("regressors", ""))}
        names, self._own = models_asked(models)
        ours = [each for each in names if each in OURS]
        alone = {"forecaster": ours[0]} if len(ours) == 1 else {}
        blended, self._blended = taking_part(blend, names, self._own)
        self._given = {**alone, "models": ",".join(names), "blend_models": ",".join(blended), **settings}
        found = settings_of(**self._given)  # mistakes are told now
        declared_of(found.regressors)
        by_name = [each.name for each in others_of(found).models]
        check_models(self._own, {*by_name, PUBLISHED, *PARTS_OF_BLEND, *NAIVE, *OTHER_MODELS, *NO_MODEL})
        if self._blended and found.forecaster != "blend":
            raise InputError(f"blend: {found.forecaster} alone is published, so that nothing is blended")
        self._others = [*by_name, *(each.name for each in self._own)]
        self._business: Business | None = None
        self._sales = pd.DataFrame()
        self._plan: pd.DataFrame | None = None
        self._today = date.min
        self.notes: list[str] = []

    def __repr__(self) -> str:
        until = f"fitted to sales until {self._today - DAY}" if self._business else "not fitted"
        return f"Forecaster({', '.join(f'{name}={given!r}' for name, given in self._given.items() if given)}), {until}"

    def fit(
        self, sales: pd.DataFrame, plan: pd.DataFrame | None = None, *, as_of: date | str | None = None
    ) -> Forecaster:
        """Train all models on the sales, and return the forecaster.

        Args:
            sales: a long frame such as `read_sales` gives: `unique_id` (or `unit`, `channel`, `SKU_ID`), `ds`, `y`.
            plan: promotions as they were known: columns of the promotions table, of which `starts_on` is needed. Names
                that are left out mean all; a row without `known_from` counts as always known, which flatters backtests.
                Rows with a `name` and a `value` are values of regressors (`regressors=`, docs/regressors.md).
            as_of: the day it is done, later sales are not looked at (default: the day after the last line).

        Raises:
            InputError: the sales or the plan cannot be understood.
            RunFailed: more than `max_failed_share` of the series cannot be fitted.
        """
        reading = RunReport()
        with heard(reading):
            self._sales = with_unknown_weeks(read_sales(sales))
        if not len(self._sales):
            raise InputError("no sales: the frame has no line with a day and all names")
        self._plan = plan
        last = self._sales["ds"].max().date()
        self._today = last + DAY if as_of is None else _day(as_of)
        until = self._sales["ds"] <= pd.Timestamp(self._today)
        if not until.any():
            raise InputError(f"as_of: found {self._today}: sales begin later, on {self._sales['ds'].min().date()}")
        self._business = Business.of(self._settings, self._sales[until], plan, self._own, self._blended)
        report = self._business.train(self._today)
        in_vain = values_in_vain(plan, self._settings)
        seen = _seen_in(self._sales, self._settings)
        self.notes = [*seen, *reading.notes, *_found_in(report), *report.notes, *in_vain]
        return self

    def predict(
        self, h: int | None = None, known: pd.DataFrame | None = None, *, level: Sequence[float] = AN_INTERVAL
    ) -> pd.DataFrame:
        """Return the forecasts of the weeks after the sales, one row per series and week.

        Args:
            h: weeks ahead, at most `horizon_weeks` (its default).
            known: promotions that are known now, beside those of `fit`; columns as there.
            level: intervals, percent.

        Returns:
            `unique_id, unit, channel, SKU_ID, ds` (last day of the week), `cutoff` (last complete week), `step` (1 =
            next week); `skucast` and its intervals, sales per week; the components of the blend, `prophet`, `panel`,
            `panel_log`; the models beside ours by their names; `mean` (expected value); the parts of the number, which
            `explain` adds up; `method`, `status`, `promo_source`, `weather_source`, `model_version`.

        Raises:
            InputError: not fitted, or more weeks than the models were trained for.
        """
        business, levels = self._fitted, _levels(level)
        rows, report = business.knowing(known, self._today, _as_setting(levels)).forecast(self._today)
        self.notes = [*_said(report), *values_in_vain(known, business.settings)]
        found = long_frame(rows[rows["step"] <= self._weeks(h)], levels, self._others)
        nobody = [f"{each:g}" for each in levels if found[f"{PUBLISHED}-lo-{each:g}"].isna().all()]
        if nobody:
            self.notes.append(f"no interval of {', '.join(nobody)} %: Prophet alone keeps that of 80 %, the blend all")
        return found

    def cross_validation(
        self,
        n_windows: int = 3,
        h: int | None = None,
        step_size: int | None = None,
        *,
        level: Sequence[float] = AN_INTERVAL,
        refit: bool | int = True,
    ) -> pd.DataFrame:
        """Return what would have been forecast at past origins, beside what was sold.

        At each origin models are trained and asked with what was known then: earlier sales, the plan as of that day,
        settings chosen and components blended by evidence of before. Weeks of which sales are not scored (out of
        stock, not delivered, no longer sold) have no `y`; `left_out` says why.

        Args:
            n_windows: origins; the last one lies `h` weeks before the end of the sales.
            h: weeks ahead, at most `horizon_weeks` (its default).
            step_size: weeks between two origins (default: `h`).
            level: intervals, percent.
            refit: train anew at each origin (True), at every second or third one (2, 3), or at the first alone (False).
                Models beside ours are always fitted to what was known at the origin.

        Returns:
            The columns of `predict`, and `y`, what was sold as it is known now; `last_week`, `mean_4`, `last_year`, the
            naive forecasts of the scorecard; `scale`, `sq_scale`, the changes that MASE and RMSSE divide by.

        Raises:
            InputError: not fitted, or too few weeks before the first origin.
        """
        business, levels, weeks = self._fitted, _levels(level), self._weeks(h)
        history = business.history(self._today)
        origins = self._origins(history, n_windows, weeks, weeks if step_size is None else step_size)
        every = n_windows if refit is False else refit
        if every is not True and not _is_count(every):
            raise InputError(f"refit: found {refit!r}: expected True, False, or every how many origins")
        rows, notes = [], []
        for number, past in enumerate(self._past(business.settings, origins)):
            day = origins[number] + DAY
            if number % int(every) == 0:
                notes += past.train(day).notes
            found, report = past.knowing(None, day, _as_setting(levels)).forecast(day)
            rows.append(found[found["step"] <= weeks])
            notes += _said(report)
        self.notes = list(dict.fromkeys(notes))
        forecasts = pd.concat(rows, ignore_index=True)
        first, last = history.weeks["ds"].min().date(), history.data_cutoff
        told = match(forecasts, history.weeks, first, last, history.first_sales)
        return _with_actuals(long_frame(forecasts, levels, self._others), told)

    @property
    def history(self) -> pd.DataFrame:
        """The weekly history that models are fitted to: `unique_id, unit, channel, SKU_ID, ds, y` and what is known.

        `y` is NaN where it is not known: out of stock, not delivered, an outlier.

        Raises:
            InputError: not fitted.
        """
        weeks = self._fitted.history(self._today).weeks
        named = weeks.assign(unique_id=unique_id(weeks))
        first = ["unique_id", *KEY, "ds", "y"]
        return named[[*first, *(name for name in named if name not in first)]]

    def model(self, unique_id: str) -> Any:
        """Return the stored model of one series, with its card; see `load_model`.

        Raises:
            InputError: not fitted, or no series has this name.
            ModelError: the series has no model of its own.
        """
        from skucast.api.stored import load_model

        unique_id, names = str(unique_id), set(self.history["unique_id"])
        if unique_id not in names:
            closest = get_close_matches(unique_id, names, n=SHOWN, cutoff=0) or sorted(names)[:SHOWN]
            raise InputError(f"no series {unique_id!r}; there are {', '.join(closest)}")
        return load_model(self._fitted.settings.model_store, unique_id)

    def _origins(self, history: History, n_windows: int, weeks: int, step_size: int) -> list[date]:
        """The labels of the origins, oldest first."""
        if not (_is_count(n_windows) and _is_count(step_size)):
            raise InputError(f"n_windows, step_size: found {n_windows}, {step_size}: expected whole numbers from 1 on")
        first, last = history.weeks["ds"].min().date(), history.data_cutoff
        origins = [last - (weeks + step_size * back) * WEEK for back in range(n_windows - 1, -1, -1)]
        least = self._settings.min_history_weeks
        if origins[0] < first + (least - 1) * WEEK:
            spare = (last - first).days // 7 - (least - 1) - weeks
            most = spare // step_size + 1 if spare >= 0 else 0
            fits = (
                f"ask for fewer windows, at most {most}"
                if most
                else "there are too few weeks for one: ask for a lower h"
            )
            raise InputError(
                f"n_windows: the first of {n_windows} origins is {origins[0]}, and sales begin in the week of {first}, "
                f"fewer than {least} weeks before: {fits}"
            )
        return origins

    def _past(self, settings: Settings, origins: Sequence[date]) -> Iterator[Business]:
        """The business as it was at each origin: the same one, to which more is sold."""
        day = self._sales["ds"].dt.date
        past = Business.of(settings, self._sales[day <= origins[0]], self._plan, self._own, self._blended)
        yield past
        for before, origin in itertools.pairwise(origins):
            past.sell(self._sales[(day > before) & (day <= origin)])
            yield past

    @property
    def _settings(self) -> Settings:
        grain, anchor = grain_of(self._sales)
        return settings_of(**{"sales_grain": grain, "week_anchor": anchor, **self._given})

    @property
    def _fitted(self) -> Business:
        if self._business is None:
            raise InputError("the forecaster is not fitted: call fit(sales) first")
        return self._business

    def _weeks(self, h: int | None) -> int:
        most = self._settings.horizon_weeks
        if h is not None and not (_is_count(h) and h <= most):
            raise InputError(
                f"h: found {h}: expected 1 to {most}, the weeks that the models are made for; "
                "Forecaster(horizon_weeks=...) makes them for more"
            )
        return most if h is None else h


def _is_count(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Integral) and int(value) >= 1


def _day(as_of: date | str) -> date:
    try:
        day: Any = pd.Timestamp(as_of)
    except (ValueError, TypeError):
        day = pd.NaT
    if day is pd.NaT:
        raise InputError(f"as_of: found {as_of!r}: expected a day such as 2026-11-25")
    found: date = day.date()
    return found


def _seen_in(sales: pd.DataFrame, settings: Settings) -> list[str]:
    """What was concluded from the sales, and may be wrong."""
    covers = f"each line covers a {settings.sales_grain}, weeks end on {settings.week_anchor}"
    unknown = int(sales["y"].isna().sum())
    drifting = settings.sales_grain == "week" and sales["ds"].dt.day_of_week.nunique() > 1
    return [
        covers,
        *(
            ["lines are a week apart, and not on one weekday: each counts for the week that it lies in"]
            if drifting
            else []
        ),
        *([f"lines without a quantity, whose weeks count as unknown: {unknown}"] if unknown else []),
    ]


def _found_in(report: RunReport) -> list[str]:
    """What was found in the sales and what became of it: which weeks count as 0, which as unknown."""
    found = report.data_report or {}
    zeros, closed = found.get("n_zero_filled_weeks", 0), found.get("closures", [])
    said = []
    if zeros:
        said.append(f"weeks without rows that count as 0: {zeros}; missing_weeks='unknown' makes them unknown")
    if closed:
        said.append(f"closures, whose weeks count as unknown: {listed(closed, SHOWN, '; ')}")
    return said


def _levels(level: Sequence[float] | float) -> tuple[float, ...]:
    asked = [level] if isinstance(level, int | float) else level
    try:
        return levels_of(",".join(map(str, asked)))
    except InputError as error:
        raise InputError(f"level: found {level!r}: {error}") from None


def _as_setting(levels: Sequence[float]) -> str:
    return ",".join(f"{each:g}" for each in levels)


def _said(report: RunReport) -> list[str]:
    return [*report.notes, *(f"{name}: {reason}" for name, reason in report.failures.items())]


def _with_actuals(frame: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    key = ["cutoff", *KEY, "ds"]
    naive = {f"baseline_{name}": name for name in NAIVE}
    actual = told[[*key, "y", "left_out", "scale", "sq_scale", *naive]].rename(columns=naive)
    found = frame.merge(actual, on=key, how="left")
    models = [name for name in frame if name not in (*WHICH, *ABOUT)]
    first = [*WHICH, "y", PUBLISHED]
    names = [*first, *(name for name in models if name not in first), *NAIVE, *ABOUT, "left_out", "scale", "sq_scale"]
    return found[names]
