"""The reference of all settings, Markdown, made from their groups."""

from __future__ import annotations

from collections.abc import Iterator

from skucast.runtime.groups.field import SALES_JOBS, Group, jobs_of, shown_default
from skucast.runtime.settings import GROUPS


def reference() -> str:
    """Return the page of all settings, Markdown: a heading for each group, then its settings."""
    return "\n".join([_HEAD, *(line for group in GROUPS for line in _group_lines(group))]).strip() + "\n"


_HEAD = """# Settings

Made from `src/skucast/runtime/groups/` by `make docs`; edit those, not this page.

Each is a flag (`--business-tz`), a variable (`BUSINESS_TZ`) and has a default; a secret is a variable only. A flag wins
over its variable, a variable over the file `.env`, `.env` over the default. All mistakes are reported together.
"""


def _group_lines(group: type[Group]) -> Iterator[str]:
    yield f"## {group.title[0].upper()}{group.title[1:]}"
    yield ""
    yield str(group.__doc__)
    yield ""
    yield "| variable | default | scripts | meaning |"
    yield "|---|---|---|---|"
    for name, setting in group.model_fields.items():
        if jobs := jobs_of(setting):
            yield f"| `{name.upper()}` | {shown_default(setting)} | {_scripts(jobs)} | {setting.description} |"
    yield ""


def _scripts(jobs: list[str]) -> str:
    if set(SALES_JOBS) <= set(jobs):
        return "all"
    return ", ".join({"train": "run_all"}.get(job, job) for job in jobs)
