"""What a `Forecaster` is asked for: names, objects and declarations become what the settings have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from skucast.core.errors import InputError
from skucast.core.other_models import OURS
from skucast.forecast.others.protocol import Model
from skucast.regressors.declarations import TABLE_OF


def declared_as_text(declared: object) -> object:
    """Return declarations of regressors as the setting has them: of a list, one of them or a path; all else as it is.

    Raises:
        InputError: one of a list is no declaration.
    """
    if isinstance(declared, Path):
        return str(declared)
    each_one = [declared] if isinstance(declared, Mapping) else declared
    if not isinstance(each_one, list | tuple):
        return declared
    for each in each_one:
        if not isinstance(each, Mapping):
            raise InputError(
                f"regressors: found {each!r}: expected declarations such as {{'name': 'price', 'kind': 'price'}}"
            )
    tables = ["\n".join(f"{key} = {json.dumps(str(value))}" for key, value in each.items()) for each in each_one]
    return "\n".join(f"[[{TABLE_OF}]]\n{table}" for table in tables)


def models_asked(models: Sequence[str | Model] | Model | str) -> tuple[list[str], tuple[Model, ...]]:
    """Return the names that are asked for, and the objects; one object is a list of one.

    Raises:
        InputError: it is no list, name or model.
    """
    if callable(getattr(models, "predict", None)):
        asked: Sequence[str | Model] = [models]  # type: ignore[list-item]
    elif isinstance(models, Iterable):
        asked = models.split(",") if isinstance(models, str) else list(models)
    else:
        raise InputError(f"models: found {models!r}: expected a list of names such as 'ets' and of models")
    names = [each.strip().lower() for each in asked if isinstance(each, str)]
    return names, tuple(each for each in asked if not isinstance(each, str))


def taking_part(
    blend: Sequence[str] | str, names: Sequence[str], own: Sequence[Model]
) -> tuple[list[str], tuple[Model, ...]]:
    """Return the models by name that take part in the blend, and the objects.

    Raises:
        InputError: one is not among the models.
    """
    asked = [each.strip() for each in (blend.split(",") if isinstance(blend, str) else blend)]
    objects = {getattr(each, "name", None): each for each in own}
    wrong = [each for each in asked if each not in objects and each.lower() not in names]
    if wrong:
        there = ", ".join(map(str, [*(name for name in names if name not in OURS), *objects])) or "none"
        raise InputError(f"blend: {', '.join(wrong)}: expected names of models beside ours, there are {there}")
    by_name = [each.lower() for each in asked if each not in objects]
    return by_name, tuple(objects[each] for each in dict.fromkeys(asked) if each in objects)
