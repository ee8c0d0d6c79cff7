"""The reference of the library, Markdown, made from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import skucast

_HEAD = """# The library

Made from the docstrings of `src/skucast/api/` by `make docs`; edit those, not this page.

```python
import skucast as sk

sales = sk.read_sales("sales.csv")
forecaster = sk.Forecaster().fit(sales)
forecaster.predict(h=4)
```

[The notebooks](notebooks/README.md) show what it is for. Why it is so: [decision 50](decisions/0050-the-library.md).
"""

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Examples):")


def reference() -> str:
    """Return the page of all public names, Markdown."""
    names = sorted(name for name in skucast.__all__ if name != "__version__")
    return "\n".join([_HEAD, *(line for name in names for line in _of(name))]).strip() + "\n"


def _of(name: str) -> Iterator[str]:
    public = getattr(skucast, name)
    if not callable(public):
        yield from (f"## `sk.{name}`", "", ", ".join(f"`{each}`" for each in public), "")
        return
    yield from _described(f"sk.{name}", public, "##")
    if inspect.isclass(public):
        for own, each in vars(public).items():
            if not own.startswith("_") and (inspect.isfunction(each) or isinstance(each, property)):
                yield from _described(f"{name}.{own}", each, "###")


def _described(title: str, public: Any, heading: str) -> Iterator[str]:
    yield from (f"{heading} `{title}`", "")
    if not isinstance(public, property):
        signature = str(inspect.signature(public)).replace("'", "")
        yield from ("```python", f"{title.rpartition('.')[2]}{signature}", "```", "")
    yield from _markdown(inspect.getdoc(public) or "")
    yield ""


def _markdown(docstring: str) -> Iterator[str]:
    """The docstring's text; its sections as bold words and lists, examples as they are."""
    section = ""
    for line in docstring.splitlines():
        if found := _SECTION.fullmatch(line.strip()):
            if section == "Examples":
                yield "```"
            section = found[1]
            yield from (f"**{section}**", "")
            if section == "Examples":
                yield "```pycon"
        elif section in ("Args", "Attributes", "Raises") and re.match(r"    \w", line):
            name, _, meaning = line.strip().partition(": ")
            yield f"- `{name}`: {meaning}"
        elif section == "Examples":
            yield line.removeprefix("    ")
        else:
            yield line.strip() if section in ("", "Returns") else f"  {line.strip()}".rstrip()
    if section == "Examples":
        yield "```"
