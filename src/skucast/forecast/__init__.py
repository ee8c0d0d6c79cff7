"""From history to forecast: fit, tune, backtest, store and roll forward."""
