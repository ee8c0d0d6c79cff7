# %% [markdown]
# # Why is this SKU bad?
#
# A backtest says which series is forecast badly; what it is made of and what was known says why.

# %%
import pandas as pd
import sample

import skucast as sk

pd.set_option("display.width", 120, "display.max_columns", 12, "display.float_format", "{:.2f}".format)

forecaster = sk.Forecaster(holiday_country="RU", forecaster="prophet").fit(sample.sales(), plan=sample.plan())
backtest = forecaster.cross_validation(n_windows=3, h=4)
by_series = sk.evaluate(backtest, ["wape", "bias_ratio", "coverage"], models=["skucast", "mean_4"], by=["unique_id"])
by_series.pivot(index="unique_id", columns="metric", values="skucast").sort_values("wape", ascending=False)

# %% [markdown]
# One of them sold far less than was forecast (`bias_ratio` above 0). At which origin?

# %%
worst = by_series[by_series["metric"] == "wape"].nlargest(1, "skucast")["unique_id"].iloc[0]
of_worst = backtest[backtest["unique_id"] == worst]
sk.evaluate(of_worst, ["wape", "bias_ratio"], models=["skucast", "last_week"], by=["cutoff"])

# %%
sk.plot(backtest, worst, history=forecaster.history[lambda weeks: weeks["ds"] >= "2026-05-01"])

# %% [markdown]
# Its level fell at once, and stayed. Before the fall the model was as good as elsewhere; after it last week's sales
# beat the model by far. What the model made of it:

# %%
parts = sk.explain(of_worst)
parts[parts["component"].isin(["level", "promo", "carry_over"])].pivot_table(
    index="cutoff", columns="component", values="value"
)

# %% [markdown]
# Its `level` is still that of before: nine weeks of a hundred and ten do not outweigh the others, and `carry_over`
# (last week's sales) pulls too little. Its card has seen that too: a naive method beats it clearly, so that forecasts
# instead (`status` naive_better) where the model would stand alone; a blend weighs the model down. In the jobs such a
# shift is an alert with its reason.

# %%
card = forecaster.model(worst).card
card.n_weeks, card.backtest["pooled"], card.naive

# %%
forecaster.predict()[["unique_id", "method", "status"]].drop_duplicates()
