# %% [markdown]
# # Write your own model
#
# A model is anything with a name, `fit` and `predict`. Here are three: one of a few lines, a regressor of scikit-learn
# on lags, and ours. (With StatsForecast installed, `"ets"`, `"theta"` or `"sba"` in the list bring its models.)

# %%
import pandas as pd
import sample
from sklearn.ensemble import HistGradientBoostingRegressor

import skucast as sk

pd.set_option("display.width", 120, "display.max_columns", 12, "display.float_format", "{:.2f}".format)

sales, plan = sk.read_sales(sample.sales()), sample.plan()


class Lifted:
    """The mean of the last eight weeks without a promotion, and what promotions of this depth brought before."""

    name = "lifted"

    def fit(self, history):
        plain = history[history["promo_discount_perc"] == 0]
        self.level = plain.groupby("unique_id")["y"].apply(lambda y: y.tail(8).mean())
        promoted = history[history["promo_discount_perc"] > 0]
        lift = promoted["y"] / promoted["unique_id"].map(plain.groupby("unique_id")["y"].mean()) - 1
        self.per_point = (lift / promoted["promo_discount_perc"]).mean()
        return self

    def predict(self, h, known):
        lift = 1 + self.per_point * known["promo_discount_perc"]
        return known.assign(lifted=known["unique_id"].map(self.level) * lift)


# %% [markdown]
# Each is fitted at every origin, on the clean history that was known then; promotions of the weeks to come are those
# that the plan said then.

# %%
boosted = sk.on_lags(HistGradientBoostingRegressor(max_iter=60, random_state=0), lags=[1, 2, 3, 4, 52], name="boosted")
settings = {"holiday_country": "RU", "forecaster": "prophet", "tune": "off"}
forecaster = sk.Forecaster(models=["prophet", boosted, Lifted()], **settings).fit(sales, plan)
backtest = forecaster.cross_validation(n_windows=4, h=4)
sk.compare(backtest, ["skucast", "boosted", "lifted", "mean_4", "last_year"])

# %% [markdown]
# A metric of one's own is a function of rows with `y` and `yhat`; it stands beside those of the scorecard.


# %%
def worst_week(rows):
    """Return the largest error of a week, pieces."""
    return (rows["yhat"] - rows["y"]).abs().max()


sk.evaluate(backtest, ["wape", "bias_ratio", worst_week], models=["skucast", "boosted", "lifted"])

# %% [markdown]
# By weeks ahead, and what they say of the weeks to come:

# %%
sk.evaluate(backtest, ["wape"], models=["skucast", "boosted", "lifted"], by=["step"])

# %%
forecaster.predict(h=2)[["unique_id", "ds", "skucast", "boosted", "lifted"]].head(4)
