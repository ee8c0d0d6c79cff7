"""One model over all combinations: what each learns from the others."""
