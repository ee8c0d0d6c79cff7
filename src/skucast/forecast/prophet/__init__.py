"""One Prophet model per combination: its settings chosen, fitted, rolled forward with its own predictions as lag."""
