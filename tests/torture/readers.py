"""Every reader of what comes from outside: good inputs of each, how they are changed, and what may come of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from builders import CUTOFF, excel
from business import TRAINED, Business, business_lines
from models import coming
from mutating import Mutate, any_of, of_bytes, of_fields, of_sealed, of_workbook
from plans import CLOCK, HEADER, KNOWN, RUN_AT, line, nothing_else
from stubs import card, stub_model

from skucast.core.errors import InputError, ModelError, SkucastError
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.targets import parse_targets, resolve_targets
from skucast.forecast import artifact
from skucast.forecast.artifact import dumps
from skucast.forecast.prophet.model import Holiday
from skucast.forecast.prophet.rollout import roll_forward
from skucast.jobs.panel_files import READERS as SHARED_READERS
from skucast.regressors.calendars import place_problems
from skucast.regressors.events import read_events
from skucast.regressors.promotion_files import read_plan
from skucast.runtime.reading import load_settings
from skucast.runtime.target_files import targets_in
from skucast.sales.loading import read_delivery, read_file


@dataclass(frozen=True)
class Reader:
    """A reader: its share of all mutations, good inputs, how they are changed, and which errors are its."""

    name: str
    share: float
    good: Sequence[bytes]
    mutate: Mutate
    read: Callable[[bytes], object]
    errors: type[SkucastError]


def every(folder: Path) -> list[Reader]:
    """Return all readers; the files that combinations share come of a small training in the folder."""
    models = _models()
    return [
        Reader("model", 0.42, models, any_of(of_bytes, of_sealed, of_sealed), _model, ModelError),
        *_shared(folder),
        Reader("plan csv", 0.01, [_plan_csv()], any_of(of_bytes, of_fields), _plan("plan.csv"), InputError),
        Reader("plan xlsx", 0.001, [_plan_xlsx()], of_workbook, _plan("plan.xlsx"), InputError),
        Reader("sales csv", 0.002, [_sales_csv()], any_of(of_bytes, of_fields), _sales(folder, "s.csv"), InputError),
        Reader("sales xlsx", 0.001, [_sales_xlsx()], of_workbook, _sales(folder, "s.xlsx"), InputError),
        Reader("targets", 0.25, _target_texts(), of_bytes, _targets, InputError),
        Reader("targets csv", 0.1, [_targets_csv()], any_of(of_bytes, of_fields), _target_file, InputError),
        Reader("settings", 0.006, _settings_texts(), of_bytes, _settings, InputError),
        Reader("events csv", 0.02, [_EVENTS], any_of(of_bytes, of_fields), _events(folder), InputError),
        Reader("locations csv", 0.004, [_LOCATIONS], any_of(of_bytes, of_fields), _locations(folder), InputError),
    ]


# --- Models and what they share -------------------------------------------------------------------------------------


def _models() -> list[bytes]:
    full = replace(
        stub_model(),
        yearly=(0.1, -0.2),
        holidays=(Holiday("День Победы", 0.3, "2026-05-10 2027-05-09"), Holiday("Новый год", -0.2, "2026-01-04*4")),
        delta=(0.1, -0.05),
        changepoints=(0.25, 0.5),
    )
    return [dumps([full], card()).payload, dumps([stub_model(), full], card()).payload]


_WEEKS = coming(4)


def _model(payload: bytes) -> None:
    """Read it, and forecast with what was read: a model that is accepted can be used."""
    stored = artifact.loads(payload)
    for model in stored.models:
        if date.fromisoformat(model.start) > CUTOFF:
            raise ModelError("it had seen weeks to come")
        try:
            roll_forward(model, _WEEKS, 100.0, seed=1, n_paths=0)
        except KeyError as missing:  # as it says: what a forecast does then is tested with the jobs
            raise ModelError(f"no regressor {missing}") from None


def _shared(folder: Path) -> list[Reader]:
    """The panel, its evidence and the blend, as a training of three combinations leaves them."""
    business = Business(folder / "business")
    lines = business_lines()
    kept = [lines[(lines[["unit", "channel", "SKU_ID"]] == names).all(axis=1)] for names in TRAINED[:3]]
    import pandas as pd

    business.sell(pd.concat(kept), "history")
    assert business("train", "--tune", "off", "--forecaster", "blend") == 0
    found = []
    for file, loads in SHARED_READERS.items():
        good = (business.models / file.path).read_bytes()
        mutate = any_of(of_bytes, of_sealed)
        name = Path(file.path).stem
        found.append(Reader(name, {"panel": 0.002, "blend": 0.06}.get(name, 0.12), [good], mutate, loads, ModelError))
    return found


# --- What people send -----------------------------------------------------------------------------------------------


def _plan_csv() -> bytes:
    lines = [
        line(),
        line(SKU_ID="B2", discount_perc="15"),
        nothing_else("Пермь", "KA"),
        line(cancelled="yes", note="x"),
    ]
    return "\n".join([HEADER, *lines]).encode()


def _plan_xlsx() -> bytes:
    names = ["unit", "channel", "SKU_ID", "starts_on", "ends_on", "discount_perc", "covers_through"]
    return excel(names, ["Пермь", "KA", "A1", date(2026, 11, 30), date(2026, 12, 6), 30, date(2026, 12, 31)])


def _plan(name: str) -> Callable[[bytes], object]:
    return lambda data: read_plan(name, data, KNOWN, RUN_AT, CLOCK)


def _sales_csv() -> bytes:
    header = "date,unit,channel,SKU_ID,quantity,Promo_discount_perc,stock"
    lines = [f"2026-11-{day:02},Пермь,KA,A{day % 3},{day * 3},{'' if day % 4 else 20},{day}" for day in range(1, 16)]
    return "\n".join([header, *lines]).encode()


def _sales_xlsx() -> bytes:
    rows = [line.split(",") for line in _sales_csv().decode().split("\n")]
    return excel(*[[float(cell) if cell.isdigit() else cell for cell in row] for row in rows])


def _sales(folder: Path, name: str) -> Callable[[bytes], object]:
    path = folder / name

    def read(data: bytes) -> object:
        path.write_bytes(data)
        delivery = read_delivery(path, SALES, {})
        return [len(piece) for piece in delivery.rows]

    return read


_EVENTS = "name,date,days_before,days_after,unit\nДень города,2026-06-12,1,2,Пермь\nЯрмарка,2026-09-05,0,,\n".encode()
_LOCATIONS = "unit,latitude,longitude,country,subdivision\nПермь,58.01,56.25,RU,\nЧайковский,56.77,54.11,,\n".encode()


def _events(folder: Path) -> Callable[[bytes], object]:
    path = folder / "events.csv"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return read_events(path)

    return read


def _locations(folder: Path) -> Callable[[bytes], object]:
    path = folder / "locations.csv"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        rows, _ = read_file(path, LOCATIONS, {})
        return list(place_problems(rows, "RU"))

    return read


# --- Targets and settings -------------------------------------------------------------------------------------------


def _target_texts() -> list[bytes]:
    texts = ["Пермь/KA/A1", "Пермь/KA/*;Чайковский/TF/9752", "*/ON TRADE/A1\n@worst:5", '["Пермь/KA/A1", "*/*/B2"]']
    return [text.encode() for text in texts]


def _targets(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return resolve_targets([each for each in parse_targets(text) if not each.startswith("@")], KNOWN)


def _targets_csv() -> bytes:
    return "unit,channel,SKU_ID\nПермь,KA,A1\nЧайковский,TF,9752\n*,KA,B2\n".encode()


def _target_file(data: bytes) -> object:
    return targets_in("targets.csv", data, {})


def _settings_texts() -> list[bytes]:
    pairs = [
        ["WEEKS_AHEAD=8", "ALERT_WAPE=0.4", "MAX_FAILED_SHARE=0.1", "TARGET_COMBINATIONS=Пермь/KA/*"],
        ["WAREHOUSE=duckdb:x.duckdb", "MODEL_STORE=models", "STAGING=staging", "AS_OF=2026-11-25", "WEEK_END=SUN"],
        ["ALERT_WEBHOOK_URL=https://example.org/hook", "SALES_COLUMNS=date=day,unit=shop", "BUSINESS_TZ=Europe/Moscow"],
        ["HOLIDAY_COUNTRY=RU", "TUNE=fast", "WORKERS=2", "WEATHER=false", "LOCALE=ru", "LOG_FORMAT=json"],
    ]
    return ["\n".join(each).encode() for each in pairs]


def _settings(data: bytes) -> object:
    """Read variables, one a line, as a process has them: without NUL, which no environment can hold."""
    before = dict(os.environ)
    try:
        for each in data.decode("utf-8", "replace").replace("\0", "").split("\n"):
            name, _, value = each.partition("=")
            if name and name not in ("HOME", "PATH", "PYTHONPATH"):
                os.environ[name[:2000]] = value
        return load_settings("retrain", [], "test")
    finally:
        os.environ.clear()
        os.environ.update(before)
