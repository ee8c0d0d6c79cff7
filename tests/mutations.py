"""Damaged and hostile files of the store, made at random from good ones: `python tests/mutations.py N [SEED]` tries N.

Each is read as a job reads it, and what is read is used as a forecast uses it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from builders import CUTOFF
from stubs import card, stub_model, weeks_of

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast import artifact, evidence, learnt
from skucast.forecast.artifact import StoredModel
from skucast.forecast.evidence import Evidence, OriginEvidence
from skucast.forecast.forecasting import Start, forecast_all, start, start_without_model
from skucast.forecast.intervals import PROBABILITIES, Group, Spread
from skucast.forecast.joint.correlations import DEFAULT
from skucast.forecast.learnt import BlendModel
from skucast.forecast.panel import model as panel_model
from skucast.forecast.panel.model import PanelModel
from skucast.forecast.panel.trees import Forest
from skucast.forecast.plausible import MOST_TIMES
from skucast.forecast.prophet.model import Holiday, Regressor
from skucast.forecast.prophet.spec import LAG

A, B = Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2")
SALES = [100.0] * 29 + [140.0]

EXTREME: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**63, 10**30, 10**400, -(10**400), 0.5, -0.0, 1e-320, 1e15, 1e300, -1e300, 1.7e308),
    *(float("nan"), float("inf"), float("-inf"), None, True, False),
    *("", "x", "\ud800", "\n", "9999-12-31", "2026-W01-1", "20261122", "0001-01-01", "2026-02-30", "y_lag1", "1e300"),
    *([], {}, [[]], [None], {"a": {}}, "promo_days", "x" * 50_000, "2026-05-10 " * 3_000, [0.0] * 3_000, [[]] * 3_000),
)


@dataclass(frozen=True)
class Kind:
    """A kind of file: a good one, how it is read, and how what was read is used."""

    name: str
    payload: bytes
    read: Callable[[bytes], Any]
    use: Callable[[Any], None]


def kinds(horizon: Any) -> list[Kind]:
    """Return the kinds of files that a store has."""
    model = stub_model(
        regressors=(Regressor(LAG, 0.5, 100.0, 100.0), Regressor("promo_days", 0.1, 1.0, 2.0)),
        holidays=(Holiday("День", 0.3, "2026-05-10 2026-11-29*4"),),
        delta=(0.1, -0.05),
        changepoints=(0.25, 0.5),
        yearly=(0.1, -0.2),
        history='{"ds": ["2026-11-15"], "y": [40.0], "promo_days": [0.0]}',
    )
    forest = Forest(2, (0,), (0, 1), (0.5, 1.0), (1, -2), (-1, -3), (True, False), (2, 0), (0.1, 0.2), (0.5, 0.9, 1.1))
    panel = PanelModel(str(CUTOFF), {"horizon_weeks": 4}, ("level", "depth"), (forest,) * 2, (forest,), forest, forest)
    groups = [
        Group(step, third, promo, 60, tuple(np.linspace(-1, 1, len(PROBABILITIES)).tolist()), 0.1)
        for step in (1, 2)
        for third in range(3)
        for promo in (False, True)
    ]
    weights = {str(A): (0.2, 0.5, 0.3)}
    joint = {"blend": DEFAULT}
    blend = BlendModel(
        str(CUTOFF),
        ("prophet", "panel", "panel_log"),
        ("2026-05-24",),
        (0.2, 0.5, 0.3),
        weights,
        {"blend": groups},
        joint,
    )
    told = [[1.0, 2.0, None, 3.0], [1.0, 2.0, 3.0, 4.0]]
    kept = Evidence(str(CUTOFF), {"a": 1}, (str(A), str(B)), {"2026-05-24": OriginEvidence(told, told, told, told)})
    own = card(str(A))
    return [
        Kind("model", artifact.dumps([model], own).payload, artifact.loads, lambda read: _forecast(read, horizon)),
        Kind("panel", panel_model.dumps(panel).payload, panel_model.loads, lambda read: _asked(read.content)),
        Kind("blend", learnt.dumps(blend).payload, learnt.loads, lambda read: _blended(read.content)),
        Kind("evidence", evidence.dumps(kept).payload, evidence.loads, lambda read: _remembered(read.content)),
    ]


def mutated(payload: bytes, choose: random.Random) -> bytes:
    """Return a damaged copy: its bytes, the text of its content, or some parts of it, these with a fitting checksum."""
    how = choose.random()
    if how < 0.15:
        return _bytes_changed(payload, choose)
    text = pickle.loads(payload)["content"]
    if how < 0.35:
        return sealed(_text_changed(text, choose))
    content = json.loads(text)
    for _ in range(choose.choice((1, 1, 1, 2, 5))):
        _part_changed(content, choose)
    return sealed(json.dumps(content, sort_keys=True, ensure_ascii=choose.random() < 0.1))


def sealed(text: str) -> bytes:
    """Return a file with this text as its content."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return pickle.dumps({"format": 1, "sha256": digest, "content": text}, protocol=5)


def _bytes_changed(payload: bytes, choose: random.Random) -> bytes:
    found = bytearray(payload)
    for _ in range(choose.choice((1, 2, 8))):
        at, n = choose.randrange(len(found)), choose.choice((1, 4, 30))
        match choose.randrange(4):
            case 0:
                found[at] ^= 1 << choose.randrange(8)
            case 1:
                del found[at : at + n]
            case 2:
                found[at:at] = choose.choice((b"]", b"}", b"(", b"\x94", b"h\x00", b"\x8c\x01x", b"c", b"R", b".")) * n
            case _:
                found[at : at + n] = choose.randbytes(n)
        if not found:
            return b""
    return bytes(found)


def _text_changed(text: str, choose: random.Random) -> str:
    at = choose.randrange(len(text))
    piece = choose.choice(("[", "{", "]", "}", '"', ",", ":", "9", "-", "e", ".", "null", "\\u0000", "NaN", "1e400"))
    return text[:at] + piece * choose.choice((1, 1, 2, 400, 20_000)) + text[at + choose.choice((0, 1, 5)) :]


def _part_changed(content: Any, choose: random.Random) -> None:
    """Change one part, as deep in it as chance leads."""
    at = content
    while True:
        places = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not places:
            return
        place = choose.choice(places)
        below = at[place]
        if isinstance(below, dict | list) and below and choose.random() < 0.85:
            at = below
            continue
        match choose.randrange(8):
            case 0:
                del at[place]
            case 1 if isinstance(at, dict):
                at[choose.choice(("x", "format", "k" * 5_000, ""))] = copy.deepcopy(below)
            case 1 | 2 if isinstance(at, list):
                at.extend(copy.deepcopy(at) * choose.choice((1, 50)))
            case 3 if isinstance(below, float):
                at[place] = below * choose.choice((-1, 1e3, 1e9, 1e100, 1e-100))
            case _:
                at[place] = copy.deepcopy(choose.choice(EXTREME))
        return


# --- What is read is used -------------------------------------------------------------------------------------------


def _forecast(read: StoredModel, horizon: Any) -> None:
    good = StoredModel((stub_model(),), card(str(B)), "2026-11-22-good")
    weeks = weeks_of(SALES)

    def begun(combination: Combination, stored: StoredModel) -> Start:
        try:
            return start(combination, weeks, stored, horizon)
        except ModelError:  # as `run_each` makes an outcome of it
            return start_without_model(combination, weeks, horizon)

    def instead(combination: Combination) -> Start:
        assert combination == A, "a good model was taken for a bad one"
        return start_without_model(combination, weeks, horizon)

    with np.errstate(all="ignore"):
        rows = forecast_all([begun(A, read), begun(B, good)], horizon, instead)
    numbers = rows[["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]].to_numpy(dtype="float64")
    assert np.isfinite(numbers).all()
    assert rows["yhat"].max() <= MOST_TIMES * max(SALES)
    assert rows.loc[rows["SKU_ID"] == "B2", "yhat"].tolist() == [120.0, 110.0, 105.0, 102.5]


def _asked(panel: PanelModel) -> None:
    features = np.zeros((3, 4, len(panel.features)))
    with np.errstate(all="ignore"):
        panel.predict(features, np.ones(3))


def _blended(blend: BlendModel) -> None:
    weights = blend.weights_for([A, B])
    assert weights is None or np.isfinite(weights).all()
    for groups in blend.spread.values():
        spread = Spread.of(groups)
        assert spread is None or np.isfinite(spread.quantiles).all()


def _remembered(kept: Evidence) -> None:
    found = kept.forecast(CUTOFF, [A, B], 4)
    assert found is None or found.absolute.shape == (2, 4)


# --- Many of them ---------------------------------------------------------------------------------------------------


def tried(kind: Kind, payload: bytes) -> str:
    """Return what became of a file: refused, in one line that ends, or used; any other error is raised."""
    try:
        read = kind.read(payload)
    except ModelError as error:
        return "refused" if str(error).isprintable() and 0 < len(str(error)) < 1_000 else f"said badly: {error}"
    kind.use(read)
    return "used"


def main(n: int, seed: int) -> None:
    """Try so many, and print what became of them and how long the longest took."""
    import resource

    from test_forecasting import HORIZON

    choose, every, counts = random.Random(seed), kinds(HORIZON), Counter[str]()
    before, started, longest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), 0.0
    for place in range(n):
        kind = every[place % len(every)]
        payload = mutated(kind.payload, choose)
        begun = time.process_time()
        try:
            counts[f"{kind.name} {tried(kind, payload)}"] += 1
        except Exception:
            sys.stdout.write(f"seed {seed}, file {place}, {kind.name}: {payload[:3000]!r}\n")
            raise
        longest = max(longest, time.process_time() - begun)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    say = sys.stdout.write
    say(f"{n:,} files, seed {seed}: {dict(sorted(counts.items()))}\n")
    seconds = time.process_time() - started
    say(f"{seconds:.0f} s of processor time, the longest {longest:.3f} s, {grown // 1024} MB more\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
