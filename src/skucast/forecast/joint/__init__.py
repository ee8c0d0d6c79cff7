"""Forecasts of all combinations and weeks together: how their errors go together, and what their sums may be."""
