"""The data report: what was found in the sales, and what was repaired."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class DataReport:
    """What was found in the sales and what was repaired; counts, and up to 20 examples of each kind."""

    n_lines: int
    n_combinations: int
    n_weeks: int
    first_week: str
    data_cutoff: str
    newest_day: str
    late_weeks: int
    n_placeholder_lines: int
    n_bad_quantity_lines: int
    n_zero_filled_weeks: int
    n_floored_weeks: int
    n_stockout_weeks: int
    n_censored_weeks: int
    n_partial_first_weeks: int
    n_stale_combinations: int
    n_future_lines: int = 0
    n_outlier_weeks: int = 0
    n_closed_weeks: int = 0
    n_missing_weeks: int = 0
    n_no_depth_weeks: int = 0
    stale_combinations: list[str] = field(default_factory=list)
    merged_spellings: list[str] = field(default_factory=list)
    joined_names: list[str] = field(default_factory=list)
    doubtful_names: list[str] = field(default_factory=list)
    left_out_names: list[str] = field(default_factory=list)
    rejected_names: list[str] = field(default_factory=list)
    feed_gap_weeks: list[str] = field(default_factory=list)
    late_units: list[str] = field(default_factory=list)
    unit_gaps: list[str] = field(default_factory=list)
    closed_units: list[str] = field(default_factory=list)
    outlier_weeks: list[str] = field(default_factory=list)
    closures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain builtins."""
        return asdict(self)

    def repairs(self) -> list[str]:
        """Return what was ignored, repaired or is unusual, in words; only what there is."""
        counts = {
            "inactive combinations": self.n_stale_combinations,
            "partial first weeks dropped": self.n_partial_first_weeks,
            "weeks out of stock": self.n_stockout_weeks,
            "weeks out of stock on some days": self.n_censored_weeks,
            "weeks with a promotion without a discount": self.n_no_depth_weeks,
            "placeholder lines ignored": self.n_placeholder_lines,
            "lines without a quantity ignored": self.n_bad_quantity_lines,
            "weeks of more returns than sales": self.n_floored_weeks,
            "weeks without rows counted as 0": self.n_zero_filled_weeks,
            "weeks without rows counted as unknown": self.n_missing_weeks,
            "weeks of closures counted as unknown": self.n_closed_weeks,
            "combinations in several spellings": len(self.merged_spellings),
        }
        return [f"{what}: {number:,}" for what, number in counts.items() if number]
