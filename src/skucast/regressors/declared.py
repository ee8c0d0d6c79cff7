"""What people declare of further regressors: the setting REGRESSORS, a file or the TOML itself."""

from __future__ import annotations

import re
from pathlib import Path

from skucast.core.declared import OF_REGRESSORS, Regressor
from skucast.core.errors import InputError
from skucast.core.first_bytes import first_bytes
from skucast.core.tables.forecasts import COMPONENTS
from skucast.regressors.built_in import REGRESSORS
from skucast.regressors.declarations import TABLE_OF, Form, read_declarations

TAKEN = frozenset({*REGRESSORS, *COMPONENTS, *(use.part for use in OF_REGRESSORS.values())})
"""Names of regressors that are built in, and of what a forecast is made of."""

OWN = Form(taken=TAKEN)

_IS_TOML = re.compile(rf"\s*(\[+\s*{TABLE_OF}|{TABLE_OF}\s*=)")
"""How TOML begins that is no path: on one line as in `regressor = [{name = "price", kind = "price"}]`."""


MOST_BYTES = 1_000_000


def declared_of(setting: str) -> tuple[Regressor, ...]:
    """Return the declarations that REGRESSORS names, a file or the TOML itself; none without any.

    Raises:
        InputError: the file cannot be read, is no TOML, or a declaration does not fit; the first fault is named.
    """
    if not setting.strip():
        return ()
    if "\n" in setting or _IS_TOML.match(setting):
        return read_declarations(setting, "REGRESSORS", Path(), OWN)
    path = Path(setting)
    try:
        content = first_bytes(path, MOST_BYTES)
        if len(content) > MOST_BYTES:
            raise InputError(f"REGRESSORS: {path} has more than {MOST_BYTES:,} bytes, no declarations in TOML")
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise InputError(f"REGRESSORS: {path} cannot be read ({why})") from None
    return read_declarations(text, f"REGRESSORS: {path}", path.parent, OWN)
