"""What deployment tests stand on: the settings of the repository, and the tools that only some machines have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import check
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def deployed() -> dict[str, str]:
    """Return deploy/settings.env, with a tag."""
    settings = check.read_settings((ROOT / "deploy" / "settings.env").read_text(encoding="utf-8"))
    return {**settings, "IMAGE_TAG": "one"}


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder with the tools that stand in for Google's APIs and build images; skip where there is none."""
    if "DEPLOY_TOOLS" not in os.environ:
        pytest.skip("DEPLOY_TOOLS names no folder with gcloud_recorder.py, api_schema_check.py and run-image.sh")
    return Path(os.environ["DEPLOY_TOOLS"])


@pytest.fixture(scope="session")
def gcloud(tools: Path) -> None:
    """Skip where Google's command line is missing."""
    missing = [name for name in ("gcloud", "bq", "openssl") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
