#!/usr/bin/env python3
"""What is made from the files of deploy/, the settings and the contracts; standard library only.

    render.py file FILE                 ${NAME} becomes the variable
    render.py job JOB                   the same with templates/job.yaml, as this job of job_table.py has it
    render.py dockerfiles               write the three Dockerfiles from templates/Dockerfile (`make dockerfiles`)
    render.py tables FOLDER             a schema for bq per table, and in FOLDER/flags name, partition, cluster, meaning
    render.py bucket FOUND LIFECYCLE    what the bucket, as gcloud describes it, lacks: flags of `gcloud storage buckets
                                        update`, and own-rules if it has other lifecycle rules

In the job's template ${THIS_NAME} is a setting of the job, ${PREDICT_NAME} for predict; "# if: X" to "# end-if" stays
for jobs that have X: a variable, COMMAND, ARGS, a secret that is there (the variable X_SECRET_EXISTS is yes), or an
option that is set (OPTIONS of job_table.py).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from job_table import IMAGES, JOBS, OPTIONS

HERE = Path(__file__).resolve().parent
CONDITIONAL = re.compile(r"^ *# if: (\w+)\n(.*?)^ *# end-if\n", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""Ours are in capitals; ${resource.label.job_name} in an alert is for Cloud Monitoring."""


class UnknownName(Exception):
    """The file asks for a setting that nobody has set."""


def render(text: str, settings: Mapping[str, str]) -> str:
    """Return the text with the settings put in.

    Raises:
        UnknownName: a placeholder without a setting.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise UnknownName(f"${{{found[1]}}}: there is no such setting")
        return settings[found[1]]

    return PLACEHOLDER.sub(value, text)


def job_file(name: str, settings: Mapping[str, str]) -> str:
    """Return what `gcloud run jobs replace` takes for the job of this name in the table.

    Raises:
        UnknownName: as `render`.
    """
    job = JOBS[name]
    texts = {"ABOUT": job.about, "COMMAND": job.command, "ARGS": job.args}
    secrets = {each for each in job.secrets if settings.get(f"{each}_SECRET_EXISTS") == "yes"}
    options = {each for each in OPTIONS if settings.get(each)}
    parts = {*job.variables, *secrets, *options, *(each for each, text in texts.items() if text)}
    template = _template("job.yaml").replace("${THIS_", f"${{{name}_")
    return render(CONDITIONAL.sub(lambda found: found[2] if found[1] in parts else "", template), {**settings, **texts})


def dockerfile(name: str) -> str:
    """Return the Dockerfile of the image of this name in the table."""
    image = IMAGES[name]
    marks = {
        "TITLE": image.title,
        "IMAGE": name,
        "PARTS": "".join(map(_template, image.parts)),
        "SCRIPTS": " ".join(image.scripts),
        "SCRIPT": image.scripts[0],
    }
    return re.sub(r"@([A-Z]+)@", lambda found: marks[found[1]], _template("Dockerfile"))


def _template(name: str) -> str:
    return _text(HERE / "templates" / name)


def write_tables(folder: Path) -> None:
    """Write FOLDER/NAME.json, a schema, per table of the contracts but the sales, and FOLDER/flags for `bq mk`."""
    sys.path.insert(0, str(HERE.parent / "src"))
    from skucast.core.tables.every import TABLES
    from skucast.core.tables.sales import SALES

    flags = []
    for table in TABLES:
        if table is SALES:
            continue
        schema = [
            {
                "name": column.name,
                "type": column.type,
                "mode": "NULLABLE" if column.nullable else "REQUIRED",
                "description": f"{column.meaning} ({column.unit})",
            }
            for column in table.columns
        ]
        (folder / f"{table.name}.json").write_text(json.dumps(schema, ensure_ascii=False), encoding="utf-8")
        is_by_day = table.partition is not None and table.column(table.partition).type == "DATE"
        flags.append(
            "\x1f".join((table.name, table.partition if is_by_day else "", ",".join(table.cluster[:4]), table.meaning))
        )
    (folder / "flags").write_text("\n".join(flags) + "\n", encoding="utf-8")


def lacking(bucket: Mapping[str, Any], lifecycle: str) -> list[str]:
    """Return the flags that complete the bucket: versions, one kind of access, no public, and the file's rules.

    `own-rules` stands for rules of the bucket that are other than those of the file; they are not replaced.
    """
    flags = {
        "--versioning": bucket.get("versioning_enabled") is True,
        "--uniform-bucket-level-access": bucket.get("uniform_bucket_level_access") is True,
        "--public-access-prevention": bucket.get("public_access_prevention") == "enforced",
    }
    rules = bucket.get("lifecycle_config") or {}
    flags[f"--lifecycle-file={lifecycle}"] = bool(rules)
    flags["own-rules"] = not rules or rules == _read(lifecycle)
    return [flag for flag, is_there in flags.items() if not is_there]


def _text(path: str | Path) -> str:
    return Path(path).read_text(encoding="utf-8")


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text(path))
    return found


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    match argv:
        case ["file" | "job" as what, name]:
            try:
                text = job_file(name.upper(), os.environ) if what == "job" else render(_text(name), os.environ)
            except UnknownName as error:
                print(f"{what} {name}: {error}", file=sys.stderr)
                return 2
            sys.stdout.write(text)
        case ["dockerfiles"]:
            for name in IMAGES:
                (HERE.parent / f"Dockerfile.{name}").write_text(dockerfile(name), encoding="utf-8")
        case ["tables", folder]:
            write_tables(Path(folder))
        case ["bucket", found, lifecycle]:
            print(*lacking(_read(found), lifecycle), sep="\n")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
