"""The tools beside the four scripts: what each does with its arguments and settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from skucast.api.reference import reference as api_reference
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError, SkucastError
from skucast.core.run import BAD_INPUT, DONE, FAILED, Run
from skucast.core.tables.reference import reference as tables_reference
from skucast.core.texts import said_in
from skucast.dashboard.looker import ALIASES, parse_aliases, report_url, views_sql
from skucast.entry.alerts import change_alerts, show_alerts
from skucast.entry.app import run_job, start_run, until_interrupted
from skucast.entry.arguments import OWN, arguments_of
from skucast.entry.models import LOOKED_AT, change_models, show_models
from skucast.entry.overrides import LOOKED_AT as OF_OVERRIDES
from skucast.entry.overrides import change_overrides, look_at_overrides
from skucast.entry.promotions import LOOKED_AT as OF_PLAN
from skucast.entry.promotions import change_plan, show_plan
from skucast.runtime.logs import log, setup_logging
from skucast.runtime.outcome import RunReport
from skucast.runtime.reading import settings_from
from skucast.runtime.settings import Settings
from skucast.runtime.settings_reference import reference as settings_reference


def main(argv: Sequence[str] | None = None, prog: str = "skucast") -> int:
    """Run one tool and return its exit code: 0 done, 1 failed, 2 bad settings or input, 130 Ctrl-C, 143 SIGTERM.

    `prog` is how the tool was called, for its messages: the command `skucast`, or `python -m skucast`.
    """
    return until_interrupted(lambda: _main(sys.argv[1:] if argv is None else argv, prog))


def _main(argv: Sequence[str], prog: str) -> int:
    given = vars(arguments_of(prog).parse_args(argv))
    command = given.pop("command")
    own = {name: given.pop(name) for name in OWN if name in given}
    if command == "reference":
        return _reference(given["write"])
    if command == "compile":
        return _compile()
    try:
        settings = settings_from(given)
        run = start_run(command, settings)
    except InputError as error:
        if command == "doctor":
            from skucast.entry.doctor import wrong_settings

            return wrong_settings(error)
        print(error, file=sys.stderr)
        return BAD_INPUT
    if command == "doctor":
        from skucast.entry.doctor import doctor, doctor_of_data

        return (doctor_of_data if own["data"] else doctor)(settings, run)
    if command == "demo":
        try:
            from skucast.entry.demo.story import demo
        except ModuleNotFoundError as error:
            if error.name not in ("skucast.entry.demo", "skucast.entry.demo.story"):
                raise
            print(
                "the sample distributor is not part of this installation: run `make demo` in the repository",
                file=sys.stderr,
            )
            return BAD_INPUT

        return demo(settings)
    if command in _PRINTED:
        return _print(lambda: _PRINTED[command](own, settings))
    setup_logging(settings, run_id=run.run_id, job=command)
    if command == "freshness":
        from skucast.jobs.freshness import freshness

        return freshness(settings, run)
    if command == "alerts" and own["action"] == "list":
        return _shown(lambda: show_alerts(own, settings, run), settings.locale)
    if command == "compare-bigquery":
        from skucast.entry.rivals import compare_with_bigquery

        return _shown(lambda: compare_with_bigquery(own, settings, run), settings.locale)
    if command in _LISTED and own["action"] == "list":
        return _LISTED[command](settings, run)
    if command == "override" and own["action"] in OF_OVERRIDES:
        return _shown(lambda: look_at_overrides(own, settings, run), settings.locale)
    if command == "models" and own["action"] in LOOKED_AT:
        return _shown(lambda: show_models(own, settings, run), settings.locale)
    if command == "promotions" and own["action"] in OF_PLAN:
        return _shown(lambda: show_plan(own, settings, run), settings.locale)
    return run_job(lambda *parts: _COMMANDS[command](own, *parts), settings, run)


def _compile() -> int:
    from skucast.dashboard.packing import library
    from skucast.forecast.panel import trees
    from skucast.forecast.prophet import solver

    solver.warm_up()
    trees.warm_up()
    library()
    return DONE


def _print(made: Callable[[], str]) -> int:
    try:
        print(made())
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return DONE


def _reference(folder: Path | None) -> int:
    pages = {"settings.md": settings_reference(), "tables.md": tables_reference(), "../api.md": api_reference()}
    if folder is None:
        print("\n".join(pages.values()), end="")
        return DONE
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")
    return DONE


def _load(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport
) -> None:
    from skucast.jobs.declared import load_values
    from skucast.jobs.load import Rule, load_locations, load_sales
    from skucast.jobs.order_rules import load_order_rules

    path, columns = Path(str(own["file"])), None if own["columns"] is None else str(own["columns"])
    rule: Rule = "replace" if own["replace"] else "add" if own["add"] else "refuse"
    if own["table"] == "sales":
        load_sales(path, columns, rule, settings, warehouse, run, report)
    elif rule != "refuse":
        always = "added: a newer row counts" if own["table"] == "regressors" else "replaced"
        raise InputError(f"--replace and --add are about sales; {own['table']} are always {always}")
    elif own["table"] == "regressors":
        load_values(path, columns, settings, warehouse, run, report)
    elif own["table"] == "order_rules":
        load_order_rules(path, columns, settings, warehouse, run, report)
    else:
        load_locations(path, columns, settings, warehouse, run, report)


def _undo_load(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport
) -> None:
    from skucast.jobs.load import undo_load

    undo_load(str(own["load_id"]), settings, warehouse, run, report)


def _list_loads(settings: Settings, _: Run) -> int:
    """Show what was loaded; nothing is written, not even the run's row."""
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.entry.loads import show_loads
    from skucast.jobs.load import loads

    return _shown(lambda: show_loads(loads(open_warehouse(settings))), settings.locale)


def _decide_names(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport
) -> None:
    from skucast.jobs.names import Decision, decide

    decision: Decision = "merge" if own["action"] == "merge" else "split"
    other, part = (None if own[name] is None else str(own[name]) for name in ("other", "part"))
    decide(settings, warehouse, run, report, decision, str(own["name"]), other, part)


def _list_names(settings: Settings, run: Run) -> int:
    """Show what is to be known of names; nothing is written, not even the run's row."""
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.entry.names import show_names
    from skucast.jobs.names import list_names

    return _shown(lambda: show_names(list_names(settings, open_warehouse(settings), run)), settings.locale)


def _rollback(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport
) -> None:
    from skucast.jobs.rollback import Wanted, roll_back
    from skucast.jobs.stored_models import stored_as

    wanted = Wanted(version=None if own["version"] is None else str(own["version"]))
    roll_back([stored_as(store, str(own["target"]))], wanted, warehouse, store, run, report)


def _shown(show: Callable[[], None], language: str) -> int:
    """Show what somebody asks for; what is wrong with it is said in their language, as the answer is."""
    try:
        show()
    except SkucastError as error:
        log.error("%s", said_in(language, error.args[0]) if error.args else error)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    return DONE


def _looker_views(own: dict[str, object], settings: Settings) -> str:
    return views_sql(settings.warehouse, settings.table_names)


def _looker_url(own: dict[str, object], settings: Settings) -> str:
    template, aliases = own["template"], own["aliases"]
    return report_url(
        settings.warehouse,
        None if template is None else str(template),
        ALIASES if aliases is None else parse_aliases(str(aliases)),
    )


_COMMANDS = {
    "load": _load,
    "loads": _undo_load,
    "names": _decide_names,
    "rollback": _rollback,
    "models": change_models,
    "override": change_overrides,
    "promotions": change_plan,
    "alerts": change_alerts,
}
_LISTED = {"loads": _list_loads, "names": _list_names}
_PRINTED = {"looker-views": _looker_views, "looker-url": _looker_url}
