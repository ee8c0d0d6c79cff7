"""The vocabulary of everything else: combinations, weeks, runs, errors, the contracts of the tables."""
