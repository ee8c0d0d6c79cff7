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

A name that no setting has but that was probably meant for one stops the run before it starts, exit code 2, with what
was meant: in `.env` whatever looks like a setting, begins with `SKUCAST_`, or names one in a line that sets nothing
(`HORIZON_WEEKS: 2`); in the environment, which is everybody's, only what is a letter or so away from a setting of
several words (`HORIZON_WEEKZ`), or is one behind `SKUCAST_`. Other programs' names are left alone in both. Of a name
given twice in `.env` the last line counts.
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
