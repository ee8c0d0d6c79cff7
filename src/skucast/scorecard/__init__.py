"""Forecasts meet actuals: metrics, roll-ups, alerts and their probable reasons."""
