"""What runs did: trainings, executions, publishes, loads."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import COMBINATION, RUN, Column, Table, count, instant, ratio, text, week

DEMAND_CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new", "seasonal", "inactive")

OUTCOMES = ("saved", "unchanged", "kept", "skipped", "failed", "rolled_back")
"""What becomes of a combination in a training; `rolled_back`: by hand an earlier version was made live again."""

REGISTRY = Table(
    label="registry",
    name="distributor_model_registry",
    meaning="One row per run and combination: what was trained, how it did in its backtest, what became of it. "
    "Rows are written while models are made; of a combination the newest (`created_at`) holds.",
    columns=(
        text("run_id", "training run"),
        *COMBINATION,
        week("cutoff", "last week the model was trained on"),
        text(
            "outcome",
            "saved; unchanged: the same model again; kept: the new one backtests worse, the stored one stays; skipped; "
            "failed; rolled_back: an earlier version was made live by hand",
            allowed=OUTCOMES,
        ),
        text("reason", "why, in words; NULL when saved and there is nothing to say", nullable=True),
        text(
            "model_version",
            "immutable version of the model that the row is about: the one that was made, or, kept or skipped, the one "
            "that is live, and the figures are its own; NULL when there is none",
            nullable=True,
        ),
        text("previous_version", "version that was live before; NULL when none was", nullable=True),
        Column("n_weeks", "INT64", "weeks", "known weeks of history", nullable=True),
        text("hyperparameters", "settings of the models that are averaged, best first, JSON", nullable=True),
        text(
            "tuning",
            "how the settings were chosen: grid, origins, WAPE of the choice and the default; of a history too short "
            "for a model, the method that stands in and the WAPE of each; JSON",
            nullable=True,
        ),
        Column("is_converged", "BOOL", "true/false", "false where a fit met the bound on its steps", nullable=True),
        Column("backtest_origins", "INT64", "origins", "rolling origins of the backtest", nullable=True),
        ratio("backtest_wape", "WAPE of the backtest, all steps pooled"),
        text("backtest_by_step", "WAPE of the backtest per step, JSON; what later steps really face", nullable=True),
        ratio("backtest_wape_last_year", "WAPE of the baseline on the same weeks"),
        ratio("backtest_wape_perfect_plan", "WAPE had every promotion of those weeks been planned"),
        text(
            "backtest_promotions",
            "whose promotions the backtest knew: the plan's as of each origin, those that came to pass (the plan is "
            "younger than an origin), or the recent average (there is no plan)",
            nullable=True,
            allowed=("plan", "perfect_plan", "expected"),
        ),
        ratio("backtest_wape_weather", "WAPE with weather in the model; NULL = weather is off"),
        text(
            "weather",
            "whether weather lowered the error and was kept; perfect_weather = no forecast had been kept at the "
            "origins, so what was observed stood in for one; NULL = weather is off",
            nullable=True,
            allowed=("kept", "dropped", "kept, perfect_weather", "dropped, perfect_weather"),
        ),
        Column("fit_s", "FLOAT64", "seconds", "time of the final fit", nullable=True),
        instant(
            "created_at", "when the model was made live, or, where the row changes nothing, when the live one was read"
        ),
        text(
            "demand_class",
            "kind of demand: seasonal (its weeks come, or it rests between two), inactive, new (13 weeks), else by the "
            "mean number of weeks between sales (seldom from 1.32) and the squared coefficient of variation of what is "
            "sold (varied from 0.49); NULL in rows of before",
            nullable=True,
            allowed=DEMAND_CLASSES,
        ),
        Column(
            "compared_origins",
            "INT64",
            "origins",
            "origins at which the settings of the live model and the new ones were compared; NULL = they were not",
            nullable=True,
        ),
        ratio("champion_wape", "WAPE of the live model's settings at these origins"),
        ratio("challenger_wape", "WAPE of the new settings at the same origins, with the same knowledge"),
        text(
            "naive_method",
            "the naive method that did best at the origins of the backtest; NULL in rows of before",
            nullable=True,
        ),
        ratio("naive_wape", "its WAPE there"),
        Column(
            "is_beaten",
            "BOOL",
            "true/false",
            "the naive method did better than the model, which is stored and does not forecast alone",
            nullable=True,
        ),
        text(
            "request",
            "digest of what a training asked for by which a model was kept: its recipe and when one is kept; with the "
            "same one it is not trained against again at this cutoff; NULL where none was kept",
            nullable=True,
        ),
    ),
    key=("run_id", *KEY),
    partition="run_id",
    cluster=tuple(KEY),
)

RUNS = Table(
    label="runs",
    name="distributor_forecast_runs",
    meaning="One row per task of an execution of a job: what it was asked, what came out, how long each step took.",
    columns=(
        text("task_id", "the task: the run_id, with /NUMBER where an execution has several tasks"),
        text("run_id", "the execution"),
        text(
            "job",
            "predict, monitor, train, retrain, load, loads, names, rollback, models, promotions, override or alerts",
        ),
        instant("run_at", "start"),
        week("cutoff", "last complete week at the start; NULL if the run stopped before", nullable=True),
        Column("exit_code", "INT64", "code", "0 done, 1 failed, 2 bad settings or input"),
        text("error", "the line that was shown; NULL when done", nullable=True),
        Column("n_combinations", "INT64", "combinations", "asked for"),
        Column("n_failed", "INT64", "combinations", "failed"),
        Column("n_rows", "INT64", "rows", "written to the job's table"),
        text("counts", "combinations by status, JSON"),
        text("seconds", "time by step, JSON"),
        text("data_report", "what was found and repaired in the sales, JSON; NULL if none was read", nullable=True),
        text("sources", "share of the rows by what was known ahead of promotions and weather, JSON", nullable=True),
        text("version", "version of skucast"),
        text(
            "plan_files",
            "what was refused of each planner's file that was read, its sentence and places, JSON; NULL if none was",
            nullable=True,
        ),
        text(
            "scope",
            "what it was about: all combinations, TARGET_COMBINATIONS, a what-if; NULL in rows of before it was said",
            nullable=True,
            allowed=("all", "targets", "scenario"),
        ),
    ),
    key=("task_id",),
    partition="task_id",
    one_writer=True,
)

PUBLISHES = Table(
    label="publishes",
    name="distributor_publishes",
    meaning="One row per slice of a table and run that published it; on BigQuery also one per table that names no run, "
    "which every publish replaces, so that two publishers conflict. A table with rows here that is missing is never "
    "made anew by a write.",
    columns=(
        text("table_name", "the table"),
        text("partition_value", "what was replaced"),
        text("run_id", "execution that published"),
        Column("n_rows", "INT64", "rows", "rows published"),
        instant("published_at", "start of the run"),
        Column(
            "read_at",
            "TIMESTAMP",
            "UTC",
            "since when its inputs were read: a slice is not replaced by a run that read earlier; NULL = not known",
            nullable=True,
        ),
    ),
    key=("table_name", "partition_value", "run_id"),
)

RETRAINING_STATES = ("asked", "started", "done", "failed", "refused")
"""Said before anything is done, and what is known afterwards: an execution of Cloud Run has been started; trained here;
trained here, and that failed; nobody could be asked, and nothing was done."""

RETRAININGS = Table(
    label="retrainings",
    name="distributor_retrain_requests",
    meaning="One row per combination and week that monitoring has had trained anew, because its alert stays open.",
    columns=(
        week("cutoff", "last complete week when it was asked for"),
        count("attempt", "which try of this week it is, from 1 on: another only follows one that was refused", "tries"),
        *COMBINATION,
        text("alert_id", "alert that was open; of several the one that has been for longest"),
        count("n_open_weeks", "weeks that it had been open"),
        text(
            "state",
            "asked: nobody knows what became of it; started, as an execution on Cloud Run; done: trained by monitoring "
            "itself; failed: there, and in vain; refused: nothing was done",
            allowed=RETRAINING_STATES,
        ),
        text("execution", "execution that trains: on Cloud Run its name, else its run_id; NULL if none", nullable=True),
        text(
            "reason", "why it was refused or failed, or what is not known; NULL if nothing is to be said", nullable=True
        ),
        *RUN,
    ),
    key=("cutoff", "attempt", *KEY),
    partition="cutoff",
    cluster=tuple(KEY),
)

LOADS = Table(
    label="loads",
    name="distributor_loads",
    meaning="One row per file or delivery that was appended, so that the same one is never appended twice.",
    columns=(
        text("batch_id", "SHA-256 of the file's bytes, or the name of a generated delivery"),
        text("table_name", "table that received the rows"),
        text("source", "file name, as given"),
        Column("n_rows", "INT64", "rows", "rows appended"),
        instant("loaded_at", "when"),
    ),
    key=("table_name", "batch_id"),
)

SAMPLE_SOURCE = "sample distributor"
"""Source of the deliveries that the demo makes up, in the loads table."""
