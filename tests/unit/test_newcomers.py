"""Articles that begin: like their reference items, like launches before them, by what a predecessor leaves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from stubs import weeks_of
from test_forecasting import HORIZON
from test_launches import LAUNCHES

from skucast.core.combination import KEY, Combination
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.validation import validate
from skucast.core.weeks import WEEK
from skucast.forecast.forecasting import forecast_all, start
from skucast.forecast.launches import NO_LAUNCHES, Launches
from skucast.forecast.newcomers import Newcomers, only_of, with_newcomers
from skucast.forecast.published import rows_without_panel
from skucast.regressors.predecessors import Link
from skucast.sales.opened import Opened, opened_of

OLD, TWIN, NEW, NEXT = (Combination("Пермь", "KA", sku) for sku in ("OLD", "TWIN", "NEW", "NEXT"))
MONDAY = CUTOFF + timedelta(days=1)
LONG_AGO = CUTOFF - WEEK * 300


def result(
    histories: dict[Combination, list[float]],
    links: list[Link],
    opened: dict[Combination, Opened] | None = None,
    launches: Launches = NO_LAUNCHES,
    first_week: date = LONG_AGO,
) -> dict[Combination, pd.DataFrame]:
    """Return the rows of each combination, checked against the table, with links and newcomers."""
    weeks = {each: weeks_of(y) for each, y in histories.items()}
    begun = [start(each, mine, None, HORIZON) for each, mine in weeks.items()]
    rows = rows_without_panel(forecast_all(begun, HORIZON, lambda _: pytest.fail("no model")))
    opened = opened or {}
    new = sorted({*opened, *(link.successor for link in links)} - set(histories))
    found = with_newcomers(rows, Newcomers(new, links, opened), weeks, launches, HORIZON, first_week)
    found = validate(FORECASTS, found.assign(run_id="r", created_at=pd.Timestamp(WEDNESDAY)))
    assert (found[list(COMPONENTS)].sum(axis=1) - found["yhat"]).abs().max() < 1e-9
    return {Combination(*map(str, parts)): mine for parts, mine in found.groupby(KEY)}


def numbers(rows: pd.DataFrame) -> list[float]:
    return rows["yhat"].tolist()


# --- Reference items --------------------------------------------------------------------------------------------------


def test_an_announced_article_sells_like_its_reference_items_by_weight_and_scale() -> None:
    """(0.75 * 100 + 0.25 * 2 * 40) / 1 = 95, before its first sale; labelled, with an interval."""
    links = [Link(NEW, OLD, weight=0.75), Link(NEW, TWIN, weight=0.25, scale=2.0)]
    found = result({OLD: [100.0] * 60, TWIN: [40.0] * 60}, links)
    assert numbers(found[NEW]) == pytest.approx([95.0] * 4)
    assert set(found[NEW]["method"]) == {"reference"}
    assert set(found[NEW]["status"]) == {"announced"}
    assert (found[NEW]["yhat_lower"] < 95).all()
    assert found[NEW]["step"].tolist() == [1, 2, 3, 4]
    assert found[NEW]["is_open_week"].tolist() == [True, False, False, False]
    assert numbers(found[OLD]) == pytest.approx([100.0] * 4), "who is only like it stays as it is"


def test_weights_are_relative_without_a_phase_out() -> None:
    """Two of weight 1 are a mean, not a sum."""
    found = result({OLD: [100.0] * 60, TWIN: [40.0] * 60}, [Link(NEW, OLD), Link(NEW, TWIN)])
    assert numbers(found[NEW]) == pytest.approx([70.0] * 4)


def test_it_begins_as_its_reference_item_began() -> None:
    """That one sold a tenth, a fifth, ... in its first weeks, which the sales know from their beginning."""
    launch = [10.0, 20.0, 40.0, 80.0, *[100.0] * 30]
    found = result({OLD: launch}, [Link(NEW, OLD)])
    assert numbers(found[NEW]) == pytest.approx([10.0, 20.0, 40.0, 80.0])
    known = result({OLD: launch, NEW: [10.0, 20.0]}, [Link(NEW, OLD)])
    assert numbers(known[NEW]) != pytest.approx([100.0] * 4)
    unknown = result({OLD: launch}, [Link(NEW, OLD)], first_week=CUTOFF - WEEK * 40)
    assert numbers(unknown[NEW]) == pytest.approx([100.0] * 4), "it may be older than the sales"


def test_its_own_first_weeks_find_its_level() -> None:
    """Four weeks at 50 where 100 were expected: (200 + 2 * 100) / (400 + 2 * 100) of what is expected."""
    found = result({OLD: [100.0] * 60, NEW: [50.0] * 4}, [Link(NEW, OLD)])
    assert numbers(found[NEW]) == pytest.approx([100 * 400 / 600] * 4)
    assert set(found[NEW]["status"]) == {"new"}
    assert set(found[NEW]["method"]) == {"reference"}
    later = result({OLD: [100.0] * 60, NEW: [50.0] * 9}, [Link(NEW, OLD)])
    assert numbers(later[NEW]) == pytest.approx([50.0] * 4), "nine weeks say it themselves"


def test_a_reference_item_that_rests_still_has_a_level() -> None:
    """Nothing is forecast of it, and it sold 80 when it did."""
    found = result({OLD: [80.0] * 60 + [0.0] * 20, TWIN: [1.0] * 80}, [Link(NEW, OLD)])
    assert numbers(found[OLD]) == [0.0] * 4
    assert numbers(found[NEW]) == pytest.approx([80.0] * 4)


# --- The running week -------------------------------------------------------------------------------------------------


def test_an_article_whose_first_sale_lies_in_the_running_week_has_a_forecast() -> None:
    """30 in two days of Monday and Tuesday are 105 a week; the running week has 30 and five more days."""
    opened = {NEW: Opened(30.0, MONDAY, MONDAY + timedelta(days=1))}
    found = result({OLD: [100.0] * 60}, [], opened)
    assert numbers(found[NEW]) == pytest.approx([30 + 105 * 5 / 7, 105.0, 105.0, 105.0])
    assert set(found[NEW]["method"]) == {"launch_curve"}
    assert set(found[NEW]["status"]) == {"new"}


def test_launches_before_it_tell_how_it_goes_on() -> None:
    """They rise from 20 to 120; two days weigh a third beside them."""
    opened = {NEW: Opened(30.0, MONDAY, MONDAY + timedelta(days=1))}
    found = result({OLD: [100.0] * 60}, [], opened, Launches(LAUNCHES, {(): np.arange(40)}))
    yhat = numbers(found[NEW])
    assert yhat[3] / yhat[1] == pytest.approx(120 / 40)
    assert 120 < yhat[3] < 120 * 105 / 30
    assert numbers(result({OLD: [100.0] * 60}, [Link(NEW, OLD)], opened)[NEW]) == pytest.approx([100.0] * 4)


def test_what_begins_is_told_by_the_sales_of_the_last_whole_week_and_after() -> None:
    """Net of returns, from its first day to the last one of any sales; not totals, returns alone, or what is known.

    What began on the Friday of the last whole week has a part of a week in its history, and is told by its days.
    """
    columns = ["unit", "channel", "SKU_ID", "ds", "quantity", "returns_quantity", "first_date", "last_date"]
    monday, sunday = pd.Timestamp(MONDAY), pd.Timestamp(CUTOFF)
    tuesday, friday, before = (monday + pd.Timedelta(days=days) for days in (1, -3, -7))
    label = sunday + pd.Timedelta(weeks=1)
    rows = pd.DataFrame(
        [
            (*NEW.parts, label, 28.0, 2.0, monday, tuesday),
            (*OLD.parts, label, 5.0, 0.0, monday, tuesday),
            (*TWIN.parts, sunday, 30.0, 0.0, friday, sunday),
            (*TWIN.parts, label, 20.0, 0.0, monday, tuesday),
            (*NEXT.parts, sunday, 70.0, 0.0, before, sunday),
            ("Пермь", "KA", "Итого", label, 33.0, 0.0, monday, tuesday),
            ("Пермь", "KA", "BACK", label, -3.0, 3.0, monday, tuesday),
            ("Пермь", "KA", None, label, 3.0, 0.0, monday, tuesday + pd.Timedelta(days=1)),
        ],
        columns=columns,
    )
    known = [(*OLD.parts, before), (*OLD.parts, sunday), (*TWIN.parts, sunday), (*NEXT.parts, sunday)]
    history = pd.DataFrame(known, columns=[*KEY, "ds"])
    wednesday = MONDAY + timedelta(days=2)
    assert opened_of(rows, history) == {
        NEW: Opened(28.0, MONDAY, wednesday),
        TWIN: Opened(50.0, friday.date(), wednesday),
    }
    by_week = opened_of(rows, history, by_day=False)
    assert {each: opened.n_days for each, opened in by_week.items()} == {NEW: 7}
    assert opened_of(rows.head(0), history) == {}
    assert len(opened_of(rows, history.head(0))) == 4


def test_an_article_with_a_part_of_a_week_is_told_by_its_days() -> None:
    """30 from Friday to Sunday, and 20 on Monday and Tuesday: 10 a day, not 30 a week."""
    opened = {NEW: Opened(50.0, MONDAY - timedelta(days=3), MONDAY + timedelta(days=1))}
    found = result({OLD: [100.0] * 60, NEW: [30.0]}, [], opened)
    assert numbers(found[NEW]) == pytest.approx([70.0] * 4)
    assert set(found[NEW]["method"]) == {"launch_curve"}


# --- Phase-out --------------------------------------------------------------------------------------------------------


def test_the_successor_s_gain_is_the_predecessor_s_loss() -> None:
    """From Thursday of the second week on: nothing before, 4 of 7 days, then all; the sum stays what it was."""
    day = MONDAY + timedelta(days=10)
    found = result({OLD: [70.0] * 60}, [Link(NEW, OLD, phase_out_from=day)])
    assert numbers(found[NEW]) == pytest.approx([0.0, 40.0, 70.0, 70.0])
    assert numbers(found[OLD]) == pytest.approx([70.0, 30.0, 0.0, 0.0])
    assert found[OLD]["status"].tolist() == ["no_model", "phase_out", "phase_out", "phase_out"]
    assert set(found[NEW]["status"]) == {"announced"}
    upper = found[OLD]["yhat_upper"].to_numpy() + found[NEW]["yhat_upper"].to_numpy()
    assert upper == pytest.approx(upper[0], rel=0.01)


def test_weight_and_scale_say_how_much_of_it() -> None:
    """Half of the sales move, two small packs for a large one: 35 stay, 70 come; an own level is added to."""
    links = [Link(NEW, OLD, weight=0.5, scale=2.0, phase_out_from=MONDAY)]
    found = result({OLD: [70.0] * 60, NEW: [10.0] * 60}, links)
    assert numbers(found[OLD]) == pytest.approx([35.0] * 4)
    assert numbers(found[NEW]) == pytest.approx([80.0] * 4)
    assert set(found[NEW]["status"]) == {"successor"}


def test_two_successors_share_and_two_predecessors_add_up() -> None:
    """Weights beyond 1 are shares; nothing is moved twice."""
    both = [Link(NEW, OLD, phase_out_from=MONDAY), Link(NEXT, OLD, weight=3.0, phase_out_from=MONDAY)]
    found = result({OLD: [80.0] * 60}, both)
    assert (numbers(found[NEW]), numbers(found[NEXT])) == (pytest.approx([20.0] * 4), pytest.approx([60.0] * 4))
    assert numbers(found[OLD]) == pytest.approx([0.0] * 4)
    merged = [Link(NEW, each, phase_out_from=MONDAY) for each in (OLD, TWIN)]
    assert numbers(result({OLD: [80.0] * 60, TWIN: [5.0] * 60}, merged)[NEW]) == pytest.approx([85.0] * 4)


def test_a_chain_moves_on() -> None:
    """What OLD leaves to NEW, NEW leaves to NEXT two weeks later, with all that is its own; circles end too."""
    later = MONDAY + timedelta(weeks=2)
    links = [Link(NEW, OLD, phase_out_from=MONDAY), Link(NEXT, NEW, phase_out_from=later)]
    found = result({OLD: [50.0] * 60, NEW: [10.0] * 60}, links)
    assert numbers(found[OLD]) == pytest.approx([0.0] * 4)
    assert numbers(found[NEW]) == pytest.approx([60.0, 60.0, 0.0, 0.0])
    assert numbers(found[NEXT]) == pytest.approx([0.0, 0.0, 60.0, 60.0])
    circle = [Link(NEW, OLD, phase_out_from=MONDAY), Link(OLD, NEW, phase_out_from=MONDAY)]
    assert sum(map(sum, map(numbers, result({OLD: [50.0] * 60, NEW: [10.0] * 60}, circle).values()))) == pytest.approx(
        240
    )


def test_what_the_successor_sells_already_is_not_gained_twice() -> None:
    """Two weeks in, it sells all of the 70, and the predecessor's forecast still remembers its weeks before."""
    begun = [Link(NEW, OLD, phase_out_from=MONDAY - timedelta(weeks=2))]
    found = result({OLD: [70.0] * 58 + [0.0] * 2, NEW: [70.0] * 2}, begun)
    assert numbers(found[NEW]) == pytest.approx([70.0] * 4)
    assert numbers(found[OLD]) == pytest.approx([0.0] * 4)
    half = result({OLD: [70.0] * 58 + [35.0] * 2, NEW: [35.0] * 2}, begun)
    assert 60 < numbers(half[NEW])[0] <= 70


def test_a_successor_of_another_task_still_takes_its_predecessor_s_sales() -> None:
    """The predecessor's rows are the same, whether the successor is looked at or not."""
    links = [Link(NEW, OLD, phase_out_from=MONDAY), Link(NEXT, NEW)]
    newcomers = Newcomers([NEW, NEXT], links)
    assert newcomers.references([NEXT]) == {NEW, OLD}
    assert newcomers.references([OLD]) == set()
    assert newcomers.without([NEXT]).combinations == [NEW]
    weeks = {OLD: weeks_of([70.0] * 60)}
    rows = rows_without_panel(
        forecast_all([start(OLD, weeks[OLD], None, HORIZON)], HORIZON, lambda _: pytest.fail("no model"))
    )
    alone = with_newcomers(rows, Newcomers([], links), weeks, NO_LAUNCHES, HORIZON, LONG_AGO)
    assert numbers(alone) == pytest.approx([0.0] * 4)
    together = with_newcomers(rows, newcomers, weeks, NO_LAUNCHES, HORIZON, LONG_AGO)
    assert len(only_of(together, [NEW])) == 4
    assert (
        with_newcomers(rows, replace(newcomers, combinations=[], links=[]), weeks, NO_LAUNCHES, HORIZON, LONG_AGO)
        is rows
    )
