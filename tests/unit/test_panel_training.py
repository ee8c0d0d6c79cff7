"""Forests of one panel are trained together, and shared out among workers."""

from collections import Counter

import numpy as np

from skucast.forecast.panel.training import Rows, dealt, tasks, train_forests

N_ROWS = 400


def rows() -> Rows:
    """Return weeks of a made-up business whose sales follow the first feature."""
    chance = np.random.default_rng(7)
    features = chance.normal(size=(N_ROWS, 3))
    shares = np.exp(0.3 * features[:, 0] + 0.1 * chance.normal(size=N_ROWS))
    return Rows(features, shares, chance.uniform(1, 9, N_ROWS), np.arange(N_ROWS), ("first", "second", "third"))


def test_forests_that_are_trained_together_are_those_that_are_trained_alone() -> None:
    """One cut of the features serves both targets, and every objective and seed."""
    wanted = [tasks()[number] for number in (0, 3, 6)]
    assert [task.name for task in wanted] == ["absolute 1", "log 1", "lower 1"]
    assert train_forests(wanted, rows()) == [train_forests([task], rows())[0] for task in wanted]


def test_every_forest_is_dealt_to_one_worker_and_none_has_much_more_than_another() -> None:
    """Of eight forests of which three take twice as long, two workers have five and six parts of eleven."""
    hands = dealt(tasks(), 2)
    assert Counter(task.name for hand in hands for task in hand) == Counter(task.name for task in tasks())
    assert sorted(sum(2 if task.part == "absolute" else 1 for task in hand) for hand in hands) == [5, 6]
    assert [len(hand) for hand in dealt(tasks(), 20)] == [1] * 8
    assert dealt(tasks(), 0) == [sorted(tasks(), key=lambda task: task.part != "absolute")]
