"""Sums of forecasts: they add up, and their intervals know how errors go together."""

import json
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.tables.totals import TOTALS
from skucast.core.tables.validation import validate
from skucast.forecast.intervals import PROBABILITIES
from skucast.forecast.joint import paths, sums
from skucast.forecast.joint.correlations import DEFAULT, FACTORS, Correlations, correlations_of, group_codes
from skucast.forecast.joint.marginals import SCORES, rows_of
from skucast.forecast.joint.sums import totals_of

Floats = npt.NDArray[np.float64]
CUTOFF = pd.Timestamp("2026-11-22")
PARTS = [(f"u{n % 4}", f"c{n % 3}", f"s{n % 7}") for n in range(84)]
NOTHING = Correlations(6, dict.fromkeys(FACTORS, 0.0), dict.fromkeys((*FACTORS, "own"), 0.0))
SD = 0.4


def rows(level: Floats, *, quantiles: bool = True, steps: int = 4) -> pd.DataFrame:
    """Return forecasts of `PARTS`: each week is normal about its level, with SD as its share."""
    n = len(level)
    at = pd.DataFrame(PARTS[:n], columns=KEY).loc[np.repeat(np.arange(n), steps)].reset_index(drop=True)
    step = np.tile(np.arange(1, steps + 1), n)
    yhat = np.repeat(level, steps)
    end = NormalDist().inv_cdf(0.9) * SD
    scores = [NormalDist().inv_cdf(each) for each in PROBABILITIES]
    texts = [json.dumps({f"{p:g}": y * (1 + SD * z) for p, z in zip(PROBABILITIES, scores, strict=True)}) for y in yhat]
    return at.assign(
        cutoff=CUTOFF,
        ds=CUTOFF + pd.to_timedelta(7 * step, unit="D"),
        step=step,
        yhat=yhat,
        yhat_mean=yhat,
        yhat_lower=yhat * (1 - end),
        yhat_upper=yhat * (1 + end),
        quantiles=texts if quantiles else None,
        final=np.nan,
        override_id=None,
    )


@pytest.fixture(scope="module")
def level() -> Floats:
    """Return the sales per week of each combination."""
    return np.random.default_rng(1).gamma(2.0, 20.0, len(PARTS)) + 5


def of(totals: pd.DataFrame, name: str, step: int = 0) -> pd.DataFrame:
    """Return the rows of a level and step."""
    return totals[(totals["level"] == name) & (totals["step"] == step)]


def test_totals_add_up_in_every_direction(level: Floats) -> None:
    """Units, channels, pairs and articles each sum to the total of a week, the weeks to all weeks; the table fits."""
    made = rows(level).assign(yhat_mean=lambda x: x["yhat"] * 1.1)
    made.loc[:3, "yhat_mean"] = np.nan  # of one combination nothing but yhat is known
    made["final"] = made["yhat"]
    made.loc[40, "final"], made.loc[41, "final"] = made.loc[40, "yhat"] * 3, 0.0
    made.loc[[40, 41, 42], "override_id"] = "o"  # the last one says what the model does: it counts all the same
    totals = totals_of(rows_of(made), DEFAULT)
    validate(TOTALS, totals.assign(correlation_source="default", run_id="r", created_at=pd.Timestamp.now("UTC")))
    expected = made["yhat_mean"].fillna(made["yhat"])
    final = expected.mask(made["override_id"].notna(), made["final"])
    for name, values in (("yhat", expected), ("sum_yhat", made["yhat"]), ("final", final)):
        for step in range(5):
            right = values[(made["step"] == step) | (step == 0)].sum()
            for each in ("total", "unit", "channel", "unit_channel", "SKU_ID"):
                assert of(totals, each, step)[name].sum() == pytest.approx(right, rel=1e-12)
        assert of(totals, "combination")[name].sum() == pytest.approx(values.sum(), rel=1e-12)
    one = of(totals, "unit_channel").set_index(["unit", "channel"]).loc[("u1", "c2"), "yhat"]
    assert one == pytest.approx(expected[(made["unit"] == "u1") & (made["channel"] == "c2")].sum())
    whole = of(totals, "total").iloc[0]
    assert (whole["ds_from"], whole["ds"], whole["n_combinations"]) == (
        CUTOFF + pd.Timedelta(days=7),
        made["ds"].max(),
        84,
    )
    assert list(totals[totals["level"] == "combination"]["step"].unique()) == [0]


def test_the_interval_of_a_sum_lies_between_independence_and_the_sum_of_bounds(level: Floats) -> None:
    """Of independent weeks it is as narrow as the root of the sum of squares; what goes together makes it wider."""
    made = rows(level)
    alone, together = (of(totals_of(rows_of(made), each), "total").iloc[0] for each in (NOTHING, DEFAULT))
    width = alone["yhat_upper"] - alone["yhat_lower"]
    right = 2 * NormalDist().inv_cdf(0.9) * SD * np.sqrt((made["yhat"] ** 2).sum())
    assert width == pytest.approx(right, rel=0.05)
    assert together["yhat_upper"] - together["yhat_lower"] > 2 * width
    assert together["yhat_upper"] < made["yhat_upper"].sum()
    assert together["yhat_lower"] > made["yhat_lower"].sum()


def test_what_goes_together_wholly_has_nearly_the_sum_of_bounds(level: Floats) -> None:
    """All in common and lasting, but a tenth: the total is as uncertain as its parts."""
    made = rows(level)
    all_in_common = Correlations(6, {**NOTHING.shares, "all": 0.9}, {**NOTHING.lasting, "all": 1.0})
    total = of(totals_of(rows_of(made), all_in_common), "total").iloc[0]
    share = (total["yhat_upper"] - total["yhat_lower"]) / (made["yhat_upper"] - made["yhat_lower"]).sum()
    assert share == pytest.approx(np.sqrt(0.9), abs=0.03)


def test_the_order_of_the_rows_and_the_size_of_the_chunks_change_no_number_that_matters(
    level: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shuffled rows give the same totals; chunks that end within an article give the same points, and its interval."""
    made = rows(level)
    totals = totals_of(rows_of(made), DEFAULT)
    assert totals_of(rows_of(made.sample(frac=1.0, random_state=1)), DEFAULT).equals(totals)
    monkeypatch.setattr(paths, "CHUNK_CELLS", 5 * 4 * paths.N_PATHS)
    chunked = totals_of(rows_of(made), DEFAULT)
    np.testing.assert_allclose(chunked["yhat"], totals["yhat"], rtol=1e-12)
    for name in ("yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(of(chunked, "SKU_ID")[name], of(totals, "SKU_ID")[name], rtol=0.1)


def planted(n_origins: int, seed: int, shares: dict[str, float], lasting: float) -> Floats:
    """Return normal scores (O, S, 4) of which each factor makes a share; of that a part lasts over the steps."""
    random = np.random.default_rng(seed)
    codes = group_codes(PARTS)
    own = 1 - sum(shares.values())

    def part(share: float, n_groups: int) -> Floats:
        stays = random.standard_normal((n_origins, n_groups, 1)) * np.sqrt(share * lasting)
        found: Floats = stays + random.standard_normal((n_origins, n_groups, 4)) * np.sqrt(share * (1 - lasting))
        return found

    found = part(own, len(PARTS))
    for name, share in shares.items():
        found += part(share, int(codes[name].max()) + 1)[:, codes[name]]
    return found


@pytest.mark.slow
def test_planted_correlations_are_recovered() -> None:
    """Of 400 origins: shares of 0.1, 0.15, 0.05 and 0.3 to 0.03, and what lasts of them, 0.5, to 0.1."""
    shares = {"all": 0.1, "unit": 0.15, "channel": 0.05, "SKU_ID": 0.3}
    scores = planted(400, 1, shares, 0.5)
    scores[:, 3] = np.nan  # one combination is not known
    found = correlations_of(scores, np.ones_like(scores), group_codes(PARTS))
    assert found.shares == pytest.approx(shares, abs=0.03)
    assert found.lasting == pytest.approx(dict.fromkeys((*FACTORS, "own"), 0.5), abs=0.1)


def test_few_origins_are_drawn_towards_the_defaults() -> None:
    """Of two origins without any correlation some is assumed; nothing known: the defaults; never less than nothing."""
    scores = planted(2, 1, {}, 0.0)
    found = correlations_of(scores, np.ones_like(scores), group_codes(PARTS))
    assert 0.01 < found.shares["all"] < DEFAULT.shares["all"]
    assert found.shares["SKU_ID"] < 0.2
    assert correlations_of(np.full_like(scores, np.nan), np.ones_like(scores), group_codes(PARTS)) is DEFAULT
    found.check()


@pytest.mark.slow
def test_one_unit_or_articles_of_one_place_each_are_no_riddle() -> None:
    """A business of one unit: what it has in common is told once, by all or by its unit; all shares stay shares."""
    parts = [("u", "c", f"s{n}") for n in range(84)]
    scores = planted(200, 2, {"all": 0.4}, 0.25)
    found = correlations_of(scores, np.ones_like(scores), group_codes(parts))
    found.check()
    assert sum(found.shares[name] for name in ("all", "unit", "channel")) == pytest.approx(0.4, abs=0.07)


def test_the_interval_covers_what_it_says(level: Floats) -> None:
    """On 600 simulated sales with planted correlations 78 to 82 % of the totals of all weeks lie inside."""
    shares = {"all": 0.05, "unit": 0.1, "channel": 0.02, "SKU_ID": 0.3}
    correlations = Correlations(6, shares, dict.fromkeys((*FACTORS, "own"), 0.4))
    totals = totals_of(rows_of(rows(level)), correlations)
    sold = level[None, :, None] * (1 + SD * planted(3000, 9, shares, 0.4))
    total = of(totals, "total").iloc[0]
    sums = sold.sum(axis=(1, 2))
    assert 0.78 <= np.mean((sums >= total["yhat_lower"]) & (sums <= total["yhat_upper"])) <= 0.82
    inside = []
    for unit in of(totals, "unit", 2).itertuples():
        mine = [place for place, each in enumerate(PARTS) if each[0] == unit.unit]
        sums = sold[:, mine, 1].sum(axis=1)
        inside.append(np.mean((sums >= unit.yhat_lower) & (sums <= unit.yhat_upper)))
    assert 0.78 <= np.mean(inside) <= 0.82


def test_a_row_without_quantiles_is_spread_by_its_interval(level: Floats) -> None:
    """Lower end, middle and upper end stand at 10, 50 and 90 %; two stored quantiles are no more than an interval."""
    made = rows(level[:3]).assign(yhat_upper=lambda x: x["yhat"] * 3)
    texts = [json.dumps({"0.1": 1.0, "0.9": 2.0})] * 4 + [None] * 4 + made["quantiles"].tolist()[8:]
    its = rows_of(made.assign(quantiles=texts))
    table = its.tables(slice(0, 3))
    at = [int(np.argmin(np.abs(SCORES - NormalDist().inv_cdf(each)))) for each in (0.1, 0.5, 0.9)]
    for place in (0, 1):
        row = table[place, 0, at]
        np.testing.assert_allclose(row, [its.lower[place, 0], its.yhat[place, 0], its.upper[place, 0]], rtol=0.03)
    assert table[2, 0, at[2]] == pytest.approx(its.yhat[2, 0] * (1 + SD * NormalDist().inv_cdf(0.9)), rel=0.03)
    assert (table[:2] >= 0).all()


def test_what_is_no_longer_sold_adds_nothing_and_fewer_weeks_are_said(level: Floats) -> None:
    """A forecast of 0 has no spread; a combination of two weeks counts in those, and has no sum of four of its own."""
    made = rows(level[:6], quantiles=False)
    made.loc[made.index[:4], ["yhat", "yhat_mean", "yhat_lower", "yhat_upper"]] = 0.0
    made = made.drop(index=[6, 7])  # the second one's third and fourth week
    totals = totals_of(rows_of(made), NOTHING)
    assert of(totals, "total", 2)["n_combinations"].tolist() == [6]
    assert of(totals, "total", 3)["n_combinations"].tolist() == [5]
    alone = of(totals, "combination").set_index(KEY)
    assert PARTS[1] not in alone.index
    assert alone.loc[PARTS[0], ["yhat", "yhat_lower", "yhat_upper"]].tolist() == [0.0, 0.0, 0.0]


def test_very_many_sums_have_fewer_versions(level: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for 2,000 versions of units' channels there are 500: the interval is about the same."""
    made = rows(level)
    wide = of(totals_of(rows_of(made), DEFAULT), "total").iloc[0]
    monkeypatch.setattr(sums, "MOST_BYTES", 1)
    few = of(totals_of(rows_of(made), DEFAULT), "total").iloc[0]
    assert few["yhat"] == wide["yhat"]
    assert few["yhat_upper"] - few["yhat_lower"] == pytest.approx(wide["yhat_upper"] - wide["yhat_lower"], rel=0.15)


def test_errors_that_are_all_nothing_tell_nothing() -> None:
    """Forecasts of a constant that were always right: the defaults, and no division by nothing."""
    right = np.zeros((6, len(PARTS), 4))
    assert correlations_of(right, np.ones_like(right), group_codes(PARTS)) == DEFAULT
