"""Facts before the cutoff, labels after it."""
