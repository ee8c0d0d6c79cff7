"""How a run is set up, speaks and ends: settings, logs, outcomes, signals."""
