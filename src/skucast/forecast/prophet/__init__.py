"""The forecast engine: fit Prophet models, roll them forward with their own predictions as lag, store them.

The seam for training, backtests and prediction is three calls: `fit_window`, `roll_forward_all` (or, for the mean of a
few models, `roll_forward_mean`), and `artifact.dumps`/`loads`; tuning asks `map_fit.solve_grid` beside them.
"""
