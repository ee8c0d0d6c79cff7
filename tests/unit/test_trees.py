"""Forests: LightGBM's predictions to the last bit, and no damage that is not refused."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skucast
from skucast.core.kept_files import kept
from skucast.forecast.panel import machine_code, trees
from skucast.forecast.panel.trees import Forest, forest_of

N_FEATURES = 6


def _code() -> bytes:
    """Return the code that this machine keeps."""
    trees.warm_up()
    cpu, features = machine_code._processor()
    code = kept(machine_code._folder() / f"walks-{machine_code._name_of(cpu, features)}.code")
    assert code is not None
    return code


def values_of(n_rows: int, seed: int = 0) -> np.ndarray:
    """Return rows with numbers, zeros, numbers all but zero, and missing values."""
    chance = np.random.default_rng(seed)
    values = chance.normal(size=(n_rows, N_FEATURES))
    for special in (np.nan, 0.0, -0.0, 1e-36, 1e30, -1e30):
        values[chance.random(values.shape) < 0.05] = special
    return values


def trained(n_trees: int = 20, **parameters: Any) -> lightgbm.Booster:
    values = values_of(600)
    target = np.clip(np.nan_to_num(values[:, 0]), -3, 3) * 2 + np.isnan(values[:, 1]) + (values[:, 2] == 0)
    given_always = {"verbose": -1, "num_threads": 1, "deterministic": True, "min_data_in_leaf": 5}
    return lightgbm.train(given_always | parameters, lightgbm.Dataset(values, target), n_trees)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"objective": "l1"},
        {"objective": "quantile", "alpha": 0.9},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"num_leaves": 2},
        {"min_data_in_leaf": 1000},
    ],
    ids=lambda parameters: ",".join(f"{name}={value}" for name, value in parameters.items()) or "squared error",
)
def test_a_forest_predicts_as_lightgbm_to_the_last_bit(parameters: dict[str, Any]) -> None:
    """Of whatever objective, with numbers, zeros and missing values, and of a tree that is one leaf."""
    booster = trained(**parameters)
    forest = forest_of(booster.dump_model())
    forest.check()
    asked = values_of(2000, seed=1)
    assert np.array_equal(forest.predict(asked), booster.predict(asked, num_threads=1))


def test_trees_that_are_no_sums_of_comparisons_are_refused() -> None:
    """A split by category, and a forest whose mean is taken."""
    values = np.random.default_rng(0).integers(0, 9, size=(500, 1)).astype("float64")
    data = lightgbm.Dataset(values, values[:, 0] % 3, categorical_feature=[0])
    with pytest.raises(ValueError, match="no comparison of a number"):
        forest_of(lightgbm.train({"verbose": -1, "num_threads": 1}, data, 2).dump_model())
    with pytest.raises(ValueError, match="mean"):
        forest_of({"average_output": True})


SMALL = Forest(
    n_features=2,
    roots=(0, -4),
    features=(0, 1),
    thresholds=(0.5, 1.5),
    left=(1, -1),
    right=(-3, -2),
    missing_left=(True, False),
    missing=(2, 0),
    means=(2.0, 1.5),
    leaves=(1.0, 2.0, 3.0, 10.0),
)


def test_a_forest_is_walked_as_written() -> None:
    """Up to the threshold to the left; what is missing as each node says; the leaves of all trees are added."""
    SMALL.check()
    asked = np.array([[0.5, 1.5], [0.5, 2.0], [0.6, 0.0], [np.nan, np.nan]])
    assert SMALL.predict(asked).tolist() == [11.0, 12.0, 13.0, 11.0]


@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, 5, 257])
def test_rows_go_down_together_as_each_alone(n_rows: int) -> None:
    """Whatever is left over when fours and blocks of rows are full: the same bits, also in a tree that is one leaf."""
    grown = forest_of(trained().dump_model())
    leaf = len(grown.leaves)
    forest = dataclasses.replace(grown, roots=(*grown.roots, -1 - leaf), leaves=(*grown.leaves, 0.5))
    values, groups = values_of(n_rows, seed=n_rows), np.arange(forest.n_features) % 3
    alone = [values[row : row + 1] for row in range(n_rows)]
    assert forest.predict(values).tolist() == [forest.predict(each)[0] for each in alone]
    added = forest.contributions(values, groups, 3)
    assert added.shape == (n_rows, 4)
    assert added.tolist() == [forest.contributions(each, groups, 3)[0].tolist() for each in alone]


def test_what_groups_of_features_add_is_the_way_of_the_means() -> None:
    """Both trees begin at 12; feature 0 leads from 2 to 1.5 or 3, feature 1 from 1.5 to 1 or 2."""
    asked = np.array([[0.5, 1.5], [0.5, 2.0], [0.6, 0.0]])
    found = SMALL.contributions(asked, np.array([0, 1]), 2)
    assert found.tolist() == [[-0.5, -0.5, 12.0], [-0.5, 0.5, 12.0], [1.0, 0.0, 12.0]]


@pytest.mark.parametrize("objective", ["l1", "l2", "quantile"])
def test_what_groups_of_features_add_is_the_prediction(objective: str) -> None:
    """To the last digits; and what all begin with is the mean over what was trained on."""
    booster = trained(objective=objective)
    forest = forest_of(booster.dump_model())
    asked = values_of(600)
    added = forest.contributions(asked, np.arange(N_FEATURES) // 2, 3)
    np.testing.assert_allclose(added.sum(axis=1), forest.predict(asked), rtol=0, atol=1e-12)
    assert np.ptp(added[:, -1]) == 0
    assert added[0, -1] == pytest.approx(booster.predict(asked, num_threads=1).mean())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"thresholds": (0.5,)}, "lack"),
        ({"means": (0.5,)}, "lack"),
        ({"features": (0, 2)}, "feature"),
        ({"features": (-1, 0)}, "feature"),
        ({"missing": (2, 3)}, "unknown kind"),
        ({"left": (0, -1)}, "back"),
        ({"left": (1, 0)}, "back"),
        ({"right": (-3, -1)}, "twice"),
        ({"right": (-3, -9)}, "not reached"),
        ({"roots": (0, 5)}, "not reached"),
        ({"roots": (0,)}, "not reached"),
        ({"leaves": (1.0, 2.0, 3.0)}, "not reached"),
    ],
)
def test_damage_is_refused(damage: dict[str, Any], reason: str) -> None:
    """A forest whose parts do not fit is refused before anything walks it."""
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(SMALL, **damage).check()


@given(data=st.data())
def test_a_forest_that_passes_can_be_walked(data: st.DataObject) -> None:
    """Whatever numbers stand in it: either it is refused, or each row ends in leaves that there are."""
    reference = st.integers(-6, 3)
    small = st.tuples(reference, reference)
    damaged = dataclasses.replace(
        SMALL,
        **{name: data.draw(small, label=name) for name in ("roots", "left", "right", "features", "missing")},
    )
    try:
        damaged.check()
    except ValueError:
        return
    assert np.isin(damaged.predict(np.zeros((1, 2))), np.add.outer(SMALL.leaves, SMALL.leaves)).all()


def test_rows_of_other_features_are_refused() -> None:
    """Neither more columns nor fewer."""
    with pytest.raises(ValueError, match="2 features expected"):
        SMALL.predict(np.zeros((1, 3)))


@pytest.mark.slow
def test_walks_are_kept_for_processes_without_a_compiler(tmp_path: Path) -> None:
    """What one process compiles is walked by the next one without numba; a damaged file is no code and made anew."""
    walked = "import sys; from skucast.forecast.panel import trees; trees.warm_up(); print('numba' in sys.modules)"
    command = [sys.executable, "-c", walked]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": "generic"}
    environment["PYTHONPATH"] = str(Path(skucast.__file__).parents[1])

    def is_compiled() -> bool:
        return subprocess.run(command, env=environment, check=True, capture_output=True).stdout.split() == [b"True"]

    assert is_compiled()
    (file,) = tmp_path.iterdir()
    kept = file.read_bytes()
    assert file.stat().st_mode & 0o444 == 0o444  # an image is run by another user than built it
    assert not is_compiled()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert is_compiled()
    assert file.read_bytes()[:32] == sha256(file.read_bytes()[32:]).digest()


def test_walks_are_compiled_in_memory_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be made or written to is no failure."""
    code = _code()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "folder"))
    monkeypatch.setattr(machine_code, "_compiled", lambda *_: code)
    stump = Forest(1, (0,), (0,), (0.0,), (-1,), (-2,), (False,), (0,), (0.5,), (0.0, 1.0))
    monkeypatch.setattr(trees, "loops", machine_code.loops.__wrapped__)
    assert stump.predict(np.array([[-1.0], [2.0]])).tolist() == [0.0, 1.0]


def test_code_for_other_processors_has_another_name() -> None:
    """A folder may be shared by machines; code of one that knows more would end the others' process."""
    assert machine_code._name_of("generic", "") != machine_code._name_of("generic", "+avx2")
