"""Regressors: what is known of a week besides its sales, the same way for history and future."""
