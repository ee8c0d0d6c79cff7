"""Student's t: the figures of the tables in every textbook, and SciPy's."""

from __future__ import annotations

import pytest
from scipy.stats import t

from skucast.scorecard.student import below, quantile


@pytest.mark.parametrize(
    ("share", "freedom", "expected"), [(0.95, 1, 6.314), (0.95, 2, 2.920), (0.975, 5, 2.571), (0.975, 30, 2.042)]
)
def test_the_figures_of_the_tables(share: float, freedom: int, expected: float) -> None:
    """To the three digits that the tables have."""
    assert quantile(share, freedom) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 8, 51, 52, 1000, 20_001])
@pytest.mark.parametrize("share", [0.005, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_it_is_scipy_s(share: float, freedom: int) -> None:
    """Of both kinds of freedom, odd and even, in both tails."""
    assert quantile(share, freedom) == pytest.approx(t.ppf(share, freedom), rel=1e-9, abs=1e-9)
    assert below(quantile(share, freedom), freedom) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize(("share", "freedom"), [(0.0, 3), (1.0, 3), (0.5, 0), (float("nan"), 3)])
def test_what_has_no_quantile_is_refused(share: float, freedom: int) -> None:
    """Infinity would make every override useless."""
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        quantile(share, freedom)
