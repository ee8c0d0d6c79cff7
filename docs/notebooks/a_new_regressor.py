# %% [markdown]
# # A new regressor
#
# Prices move these sales, and no model knows them: the sales have a column `price` that is not used. A regressor is
# declared, not programmed.

# %%
import pandas as pd
import sample

import skucast as sk

pd.set_option("display.width", 120, "display.max_columns", 12, "display.float_format", "{:.2f}".format)

sales, plan = sk.read_sales(sample.sales()), sample.plan()
settings = {"holiday_country": "RU", "forecaster": "prophet", "tune": "off"}
price = {"name": "price", "kind": "price", "history": "sales:price", "week": "mean", "unknown": "last"}

# %% [markdown]
# A price is two regressors: the price, and how far it lies above its last 13 weeks. What is known of it in the weeks to
# come, and since when, is said in rows; here prices are known four weeks ahead.

# %%
weekly = sales.assign(week=sales["ds"] - pd.to_timedelta(sales["ds"].dt.day_of_week, unit="D"))
weekly = weekly.groupby(["unit", "channel", "SKU_ID", "week"], as_index=False)["price"].first()
known = weekly[["unit", "channel", "SKU_ID"]].assign(
    name="price",
    starts_on=weekly["week"],
    ends_on=weekly["week"] + pd.Timedelta(days=6),
    value=weekly["price"],
    known_from=weekly["week"] - pd.Timedelta(weeks=4),
)
known.tail(2)

# %% [markdown]
# Does it pay? The same backtest without and with it. Each model takes the price in only if its own backtest is better
# for it.

# %%
without = sk.Forecaster(**settings).fit(sales, plan).cross_validation(n_windows=4, h=4)
with_price = sk.Forecaster(**settings, regressors=[price]).fit(sales, pd.concat([plan, known]))
backtest = with_price.cross_validation(n_windows=4, h=4)
both = without.rename(columns={"skucast": "without"}).assign(with_price=backtest["skucast"])
sk.compare(both, ["without", "with_price"], against="without")

# %% [markdown]
# Which of the models use it, and how much of the error it took away:

# %%
names = sorted(sales["unique_id"].unique())
pd.DataFrame({name: with_price.model(name).card.backtest["regressors"]["price"] for name in names}).T

# %% [markdown]
# And what if it were dearer by a tenth in the second week? For the weeks after it the last price
# that is known stands in (`unknown`).

# %%
tea = {"name": "price", "unique_id": "Perm/KA/Tea", "starts_on": "2026-11-30", "ends_on": "2026-12-06"}
dearer = pd.DataFrame([{**tea, "value": 1.1 * weekly.loc[weekly["SKU_ID"] == "Tea", "price"].iloc[-1]}])
told = with_price.predict(h=4).assign(dearer=with_price.predict(h=4, known=dearer)["skucast"])
told.loc[told["unique_id"] == "Perm/KA/Tea", ["ds", "skucast", "dearer", "regressors"]]
