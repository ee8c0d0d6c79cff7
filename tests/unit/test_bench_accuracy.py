"""The scores of the accuracy benchmark, and that no contender sees what it is asked for."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import accuracy_chain
import accuracy_ours
import accuracy_report
import accuracy_scores as scores
from accuracy_cache import Cache
from accuracy_data import HORIZON, REPORTED, Given, Sample, sampled
from accuracy_peers import Contender, mean_of, varying

ORIGIN = pd.Timestamp("2024-03-03")
WEEKS = pd.date_range("2024-03-10", periods=2, freq="7D")


def rows_of(y: list[float], yhat: list[float], **columns: object) -> pd.DataFrame:
    """Two series at one origin, two steps each."""
    frame = {"unique_id": [0, 0, 1, 1], "origin": ORIGIN, "step": [1, 2, 1, 2], "ds": [*WEEKS, *WEEKS]}
    bounds = {"lower": np.nan, "upper": np.nan, "is_promo": [True, False, False, False]}
    return pd.DataFrame({**frame, "y": y, "yhat": yhat, **bounds, **columns})


def sales(n_weeks: int = 60) -> pd.DataFrame:
    """Three stores with two articles each, the first of which is promoted every fourth week."""
    ds = pd.date_range("2023-01-01", periods=n_weeks, freq="7D")
    parts = [
        pd.DataFrame(
            {
                "ds": ds,
                "unit": f"store {store}",
                "channel": "A",
                "SKU_ID": f"sku {sku}",
                "quantity": np.arange(n_weeks) + 100.0 * store + 10 * sku,
                "Promo_discount_perc": np.where(np.arange(n_weeks) % 4 == 3, 20.0 * (1 - sku), np.nan),
                "is_promo": 0,
            }
        )
        for store in range(3)
        for sku in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


class TestScores:
    def test_pooled_wape_is_of_the_sums_and_the_median_of_each_series(self):
        """Errors 10 + 10 of 100 and 1 + 0 of 2: 21 / 102 pooled; 20 % and 50 % in the series, the median 35 %."""
        rows = rows_of([50, 50, 1, 1], [60, 40, 2, 1])
        assert scores.wape(rows) == pytest.approx(21 / 102)
        assert scores.median_wape(rows) == pytest.approx(0.35)

    def test_bias_is_positive_where_too_much_was_forecast(self):
        """10 too many and 5 too few of 100."""
        assert scores.bias(rows_of([25, 25, 25, 25], [35, 20, 25, 25])) == pytest.approx(0.05)

    def test_nothing_sold_has_no_wape(self):
        """A share of nothing is undefined, pooled and of a series, which the median leaves out."""
        assert np.isnan(scores.wape(rows_of([0, 0, 0, 0], [1, 1, 1, 1])))
        assert scores.median_wape(rows_of([0, 0, 10, 10], [1, 1, 11, 10])) == pytest.approx(0.05)

    def test_mase_is_in_units_of_the_usual_change_from_week_to_week(self):
        """Changes of 2 and 4 on average; errors of 1 and 4 on average; a series that never changed is left out."""
        known = pd.DataFrame({"unique_id": [0, 0, 0, 1, 1, 2, 2], "y": [1.0, 3, 5, 8, 4, 7, 7]})
        found = scores.mase(rows_of([10, 10, 10, 10], [11, 9, 14, 14]), scores.mase_scales(known))
        assert found == pytest.approx((1 / 2 + 4 / 4) / 2)
        assert np.isnan(scores.mase_scales(known)[2])

    def test_pinball_at_a_half_is_the_wape_and_an_upper_quantile_pays_nine_times_for_too_little(self):
        """2 (0.9 x 10) / 100 for a week 10 above the upper quantile, 2 (0.1 x 10) / 100 for one 10 below."""
        rows = rows_of([25, 25, 25, 25], [30, 25, 25, 25], upper=[15, 35, 25, 25])
        assert scores.pinball(rows, 0.5) == pytest.approx(scores.wape(rows))
        assert scores.pinball(rows, 0.9) == pytest.approx(0.18 + 0.02)
        assert np.isnan(scores.pinball(rows, 0.1))

    def test_coverage_counts_the_ends_and_only_what_has_an_interval(self):
        """Of three weeks with an interval two are inside, one on its end."""
        rows = rows_of([10, 10, 10, 10], [10, 10, 10, 10], lower=[10, 5, 11, np.nan], upper=[12, 15, 12, np.nan])
        assert scores.coverage(rows) == pytest.approx(2 / 3)
        assert np.isnan(scores.coverage(rows_of([1, 1, 1, 1], [1, 1, 1, 1])))

    def test_what_nobody_forecast_is_filled_and_said(self):
        """The stand-in's number where a contender has none; forecasts below 0 count as 0."""
        truth = rows_of([10, 10, 10, 10], [0, 0, 0, 0]).drop(columns=["yhat", "lower", "upper"])
        own = rows_of([0, 0, 0, 0], [7, -3, 7, 7]).iloc[:3]
        found = scores.scored(truth, own, rows_of([0, 0, 0, 0], [4, 4, 4, 4]))
        assert found["yhat"].tolist() == [7, 0, 7, 4]
        assert found["is_filled"].tolist() == [False, False, False, True]

    def test_the_expected_value_is_kept_where_a_contender_gives_one(self):
        """The bias of both is told; where there is no expected value the forecast is one."""
        truth = rows_of([10, 10, 10, 10], [0, 0, 0, 0]).drop(columns=["yhat", "lower", "upper"])
        own = rows_of([0, 0, 0, 0], [9, 9, 9, 9], mean=[10, 10, 10, np.nan])
        found = scores.scored(truth, own, own)
        assert scores.bias(found) == pytest.approx(-0.1)
        assert scores.bias(found, "mean") == pytest.approx(-0.025)

    def test_thirds_are_of_the_series_by_what_they_sold_before(self):
        """Three series, one in each third, by their mean and not their number."""
        known = pd.DataFrame({"unique_id": [0, 0, 1, 2], "y": [5.0, 7, 1, 100]})
        assert scores.thirds(known).to_dict() == {0: "middle", 1: "low", 2: "high"}


class TestBootstrap:
    def test_a_contender_that_is_a_tenth_better_everywhere_is_so_in_every_draw(self):
        """The draws are the same for all: the difference of proportional errors has no spread, though WAPE has."""
        chance = np.random.default_rng(1)
        error = chance.random((40, 6)) + 0.1
        draws = scores.bootstrap({"a": 0.9 * error, "b": error}, np.full((40, 6), 5.0), draws=200)
        assert scores.difference(draws, "a", "b") == pytest.approx((-0.1, -0.1))
        assert draws["b"].std() > 0

    def test_origins_are_drawn_as_well_as_series(self):
        """All series alike and one origin hard: WAPE moves with how often that origin is drawn."""
        error = np.zeros((30, 6))
        error[:, 2] = 6.0
        draws = scores.bootstrap({"a": error}, np.ones((30, 6)), draws=500)["a"]
        assert {round(value, 6) for value in draws} <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
        assert draws.mean() == pytest.approx(1.0, abs=0.15)

    def test_tables_are_by_series_and_origin(self):
        """Two steps of a series at one origin are one sum."""
        rows = rows_of([10, 10, 1, 1], [12, 9, 1, 1])
        assert scores.error_table(rows).tolist() == [[3.0], [0.0]]
        assert scores.sold_table(rows).tolist() == [[20.0], [2.0]]


class TestGiven:
    def test_nothing_after_the_origin_is_given_but_what_is_known_ahead(self):
        """Other sales after an origin leave what contenders get there as it was."""
        frame, later = sales(), sales()
        first = sampled("x", frame, 4, "SUN")
        origin = first.origins()[0]
        later.loc[later["ds"] > origin, "quantity"] += 1000
        one, other = first.given(origin), sampled("x", later, 4, "SUN").given(origin)
        pd.testing.assert_frame_equal(one.known, other.known)
        pd.testing.assert_frame_equal(one.ahead, other.ahead)
        assert one.known["ds"].max() == origin
        assert "y" not in one.ahead

    def test_the_series_are_whole_stores(self):
        """Three wanted of stores with two each: two stores, the same ones every time."""
        one, other = (sampled("x", sales(), 3, "SUN") for _ in range(2))
        assert one.series.groupby("unit").size().tolist() == [2, 2]
        pd.testing.assert_frame_equal(one.series, other.series)
        assert one.digest == other.digest

    def test_weeks_without_a_row_are_0_and_those_before_the_first_sale_are_none(self):
        """Rows 5 to 9 and 20 of an article are taken out: it begins in week 10, and sold 0 in week 20."""
        rows = sales()
        number = rows.groupby(["unit", "SKU_ID"]).cumcount()
        mine = (rows["unit"] == "store 1") & (rows["SKU_ID"] == "sku 1")
        found = sampled("x", rows[~(mine & ((number < 10) | (number == 20)))], 6, "SUN")
        series = found.series.query("unit == 'store 1' and SKU_ID == 'sku 1'")["unique_id"].iloc[0]
        weeks = found.frame[found.frame["unique_id"] == series].set_index("ds")["y"]
        assert weeks.index[0] == rows["ds"].min() + pd.Timedelta(weeks=10)
        assert weeks[rows["ds"].min() + pd.Timedelta(weeks=20)] == 0
        assert len(weeks) == 50

    def test_the_truth_has_every_reported_week_once(self):
        """Six origins four weeks apart: the last 24 weeks of each series, promotions marked."""
        found = sampled("x", sales(), 6, "SUN")
        truth = found.truth(found.origins())
        assert truth.groupby("unique_id")["ds"].nunique().eq(HORIZON * REPORTED).all()
        assert not truth.duplicated(["unique_id", "ds"]).any()
        assert truth["is_promo"].mean() == pytest.approx(1 / 8)


class TestPeers:
    def test_the_mean_is_of_the_last_weeks(self):
        """The last four of weeks that grow by 1: 1.5 below the last, for all weeks to come."""
        found = sampled("x", sales(), 6, "SUN")
        given = found.given(found.origins()[0])
        last = given.known.groupby("unique_id")["y"].last()
        forecast = mean_of(given, 4)
        assert (forecast["yhat"] == forecast["unique_id"].map(last) - 1.5).all()
        assert len(forecast) == 6 * HORIZON

    def test_regressors_that_tell_nothing_of_their_own_are_left_out(self):
        """A constant one, and one that is twice another."""
        columns = pd.DataFrame({"a": [1.0, 2, 3, 5], "flat": 7.0, "twice": [2.0, 4, 6, 10], "b": [0.0, 1, 0, 0]})
        assert varying(columns) == ["a", "b"]


class TestCache:
    def test_what_is_kept_is_not_forecast_again(self, tmp_path: Path):
        """A second run asks only for the origin whose file is missing."""
        sample = sampled("x", sales(), 6, "SUN")
        asked: list[pd.Timestamp] = []

        def run(given):
            asked.append(given.origin)
            return mean_of(given, 4)

        contender = Contender("it", "it", "nothing", run)
        cache = Cache(tmp_path, sample)
        cache.fill(contender, sample.origins())
        cache.path("it", sample.origins()[2]).unlink()
        cache.fill(contender, sample.origins())
        assert asked == [*sample.origins(), sample.origins()[2]]
        kept = cache.read(contender, sample.origins())
        assert len(kept) == 6 * HORIZON * REPORTED
        assert set(kept["origin"]) == set(sample.origins())

    def test_a_part_is_a_column_of_what_another_forecast(self, tmp_path: Path):
        """It has that column's number and no interval; where the column or an origin is missing there is nothing."""
        sample = sampled("x", sales(), 6, "SUN")
        whole = Contender("whole", "", "", lambda given: mean_of(given, 4).assign(part=7.0, lower=1.0))
        cache = Cache(tmp_path, sample)
        cache.fill(whole, sample.origins())
        part = cache.read(Contender("part", "", "", whole.run, ("whole", "part")), sample.origins())
        assert (part["yhat"] == 7).all()
        assert part["lower"].isna().all()
        assert cache.read(Contender("other", "", "", whole.run, ("whole", "other")), sample.origins()) is None
        assert cache.read(whole, [*sample.origins(), ORIGIN]) is None

    def test_forecasts_of_other_sales_are_not_taken_for_these(self, tmp_path: Path):
        """The folder is named by what the sales are."""
        sample = sampled("x", sales(), 6, "SUN")
        changed = sample.frame.assign(y=sample.frame["y"] + 1)
        other = Sample("x", changed, sample.series, "SUN")
        assert Cache(tmp_path, sample).folder != Cache(tmp_path, other).folder


class TestOurs:
    def test_the_sales_handed_to_the_product_end_at_the_origin(self):
        """Weeks of nothing have no row, a promoted week has its discount and says that it is one."""
        given = self.given()
        rows = accuracy_chain.sales_of(given)
        assert rows["date"].max() == given.origin.date()
        promoted = rows[rows["is_promo"]]
        assert set(promoted["Promo_discount_perc"]) == {20.0}
        assert rows.loc[~rows["is_promo"], "Promo_discount_perc"].isna().all()
        empty = replace(given, known=given.known.assign(y=0.0, promo_days=0.0))
        assert accuracy_chain.sales_of(empty).empty

    def test_the_plan_has_every_promotion_known_eight_weeks_ahead(self):
        """Those of past weeks and of the four to come, and one row that says that there are no others."""
        given = self.given()
        plan = accuracy_chain.plan_of(given)
        n_promoted = sum((rows["promo_days"] > 0).sum() for rows in (given.known, given.ahead))
        assert len(plan) == 1 + n_promoted
        assert plan["ends_on"].iloc[1:].max() == given.ahead.loc[given.ahead["promo_days"] > 0, "ds"].max().date()
        first = plan.iloc[1]
        assert first["known_from"].date() == first["ends_on"] - timedelta(weeks=8)

    def test_a_history_is_the_series_of_the_sample(self):
        """Each combination with its weeks up to the origin, and its own promotions of the weeks to come."""
        given = self.given()
        found = list(accuracy_ours.histories(given))
        assert len(found) == 6
        combination, weeks, planned = found[0]
        assert str(combination) == "store 0/A/sku 0"
        assert weeks["ds"].max() == given.origin
        assert planned.days.sum() == 7
        assert found[1][2].days.sum() == 0

    @staticmethod
    def given() -> Given:
        found = sampled("x", sales(), 6, "SUN")
        return found.given(found.origins()[0])


class TestReport:
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Cache:
        """Two contenders' forecasts of sales that grow by 1: one late by the mean of 4 weeks, one of 8."""
        found = Cache(tmp_path, sampled("x", sales(), 6, "SUN"))
        for contender in MEANS:
            found.fill(contender, found.sample.origins())
        return found

    def test_the_best_comes_first_and_only_what_is_kept_is_shown(self, cache: Cache):
        """The mean of 4 weeks is 2.5 to 5.5 low, that of 8 2 more; a third contender has no forecasts."""
        none = Contender("none", "nobody", "nothing", lambda given: given.ahead)
        file = accuracy_report.judged(cache, [none, *MEANS[::-1]])
        assert accuracy_report.by_wape(file) == ["mean4", "mean8"]
        rows = file.results["mean4"].rows
        assert (rows["y"] - rows["yhat"]).tolist() == pytest.approx((rows["step"] + 1.5).tolist())
        lines = accuracy_report.report([file]).splitlines()
        assert "6 series of 3 whole stores" in lines[0]
        assert [line.split(" | ")[0] for line in lines[4:6]] == ["| **mean of 4**", "| mean of 8"]
        assert lines[-2:] == ["- **mean of 8**: nothing.", "- **mean of 4**: nothing."]

    def test_weeks_of_one_kind_keep_every_series(self, cache: Cache):
        """Three of the six series have no promotion: they have no errors there, and are drawn all the same."""
        file = accuracy_report.judged(cache, MEANS)
        rows = accuracy_report.only(file.results["mean4"].rows, "promotion")
        assert scores.sold_table(rows).shape == (6, REPORTED)
        assert scores.wape(rows) == pytest.approx(scores.wape(rows[rows["is_promo"]]))


MEANS = [
    Contender("mean4", "mean of 4", "nothing", lambda given: mean_of(given, 4)),
    Contender("mean8", "mean of 8", "nothing", lambda given: mean_of(given, 8)),
]
