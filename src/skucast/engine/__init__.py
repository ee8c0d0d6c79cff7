"""The forecast engine: fit one Prophet model, roll it forward with its own predictions as lag, store it.

The seam for training, backtests and prediction is three calls: `fit`, `roll_forward`, and `artifact.dumps`/`loads`.
"""
