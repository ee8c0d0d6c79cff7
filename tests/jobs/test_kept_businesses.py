"""What many tests begin with is made once for all of them, whichever comes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from business import Business


def test_a_step_is_made_once_for_the_same_settings_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tests that set the same share it, a third that sets another value has its own, whoever is the first."""
    made = []

    def begun(name: str) -> list[str]:
        def make(business: Business) -> None:
            business.folder.mkdir()
            (business.folder / "by").write_text(name)
            made.append(name)

        business = Business(tmp_path / name, tmp_path / "kept")
        business.once("a step", make)
        business.once("another", lambda _: made.append(f"{name} again"))
        return [made[-1], (business.folder / "by").read_text()]

    (tmp_path / "kept").mkdir()
    assert begun("one") == ["one again", "one"]
    monkeypatch.setenv("TUNE", "off")
    assert begun("two") == ["two again", "two"]
    monkeypatch.delenv("TUNE")
    assert begun("three") == ["two again", "one"]
