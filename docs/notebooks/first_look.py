# %% [markdown]
# # First look at your sales
#
# What arrives, what becomes of it, what is forecast, and how far one can trust it. `sample.sales()` stands for your
# own: `sk.read_sales("sales.csv")`, `sk.read_sales("duckdb:local/warehouse.duckdb")` or a frame.

# %%
import pandas as pd
import sample

import skucast as sk

pd.set_option("display.width", 120, "display.max_columns", 12, "display.float_format", "{:.2f}".format)

sales = sk.read_sales(sample.sales())
sales.head(3)

# %% [markdown]
# Lines as they were sold, several a day if you like. Nothing is cleaned yet: `fit` does that, by the rules of the jobs,
# and trains one model for each series and one over all of them.

# %%
forecaster = sk.Forecaster(holiday_country="RU").fit(sales, plan=sample.plan())
forecaster.notes

# %% [markdown]
# The weeks that the models were fitted to. A week whose sales are not known (out of stock, not delivered, an outlier
# that nothing explains) has no `y`: it is no 0.

# %%
weeks = forecaster.history
weeks.groupby("unique_id")["y"].describe()[["count", "mean", "std", "min", "max"]]

# %% [markdown]
# The next four weeks: the number, its 80 % interval, and beside it what each of the blended models says.

# %%
forecasts = forecaster.predict(h=4, level=[80, 95])
forecasts[forecasts["unique_id"] == "Perm/KA/Tea"][
    ["ds", "skucast", "skucast-lo-80", "skucast-hi-80", "skucast-lo-95", "skucast-hi-95", "prophet", "panel"]
]

# %%
sk.plot(forecasts, "Perm/KA/Tea", history=weeks.tail(26 * 6), components=True)

# %% [markdown]
# What the number is made of adds up to it.

# %%
parts = sk.explain(forecasts)
parts[parts["unique_id"] == "Perm/KA/Tea"].pivot_table(index="ds", columns="component", values="value")
