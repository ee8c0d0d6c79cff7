# %% [markdown]
# # Is the plan worth it?
#
# Twice the same backtest: once with the plan of promotions as it was known at each origin, once without a plan. Without
# one the models assume the recent average of promotions.

# %%
import pandas as pd
import sample

import skucast as sk

pd.set_option("display.width", 120, "display.max_columns", 12, "display.float_format", "{:.2f}".format)

sales, plan = sk.read_sales(sample.sales()), sample.plan()
settings = {"holiday_country": "RU", "forecaster": "prophet", "tune": "off"}
with_plan = sk.Forecaster(**settings).fit(sales, plan).cross_validation(n_windows=4, h=4)
without = sk.Forecaster(**settings).fit(sales).cross_validation(n_windows=4, h=4)

# %% [markdown]
# Side by side in one frame: any column of numbers is a model to `evaluate` and `compare`.

# %%
both = with_plan.assign(no_plan=without["skucast"]).rename(columns={"skucast": "planned"})
sk.compare(both, ["planned", "no_plan", "mean_4"], against="no_plan")

# %% [markdown]
# Where it matters: in the weeks with a promotion.

# %%
both["is_promoted"] = both["promo_source"] == "planned"
sk.evaluate(both, ["wape", "bias_ratio"], models=["planned", "no_plan"], by=["is_promoted"])

# %% [markdown]
# And what if? A plan that is known now changes its own weeks alone; nothing is stored.

# %%
forecaster = sk.Forecaster(**settings).fit(sales, plan)
offer = {"unique_id": "Perm/KA/Tea", "starts_on": "2026-12-07", "ends_on": "2026-12-13", "discount_perc": 30.0}
what_if = forecaster.predict(h=4, known=pd.DataFrame([offer]))
told = forecaster.predict(h=4).assign(with_offer=what_if["skucast"])
told.loc[told["unique_id"] == "Perm/KA/Tea", ["ds", "skucast", "with_offer", "promo_source"]]
