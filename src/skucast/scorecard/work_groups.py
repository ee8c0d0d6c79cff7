"""Groups on the work list: an article that is wrong in nearly all its branches, a unit in nearly all its articles."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.contract import ALL
from skucast.core.targets import as_targets
from skucast.core.texts import Number, Place, Text, stored
from skucast.scorecard.alert_texts import gcloud_command, retrain_command
from skucast.scorecard.work_actions import ACTION_OF, ACTIONS, ENGINEER, WHAT

FEWEST = 3
"""So many combinations are folded into one line at least: two are read as fast as a group."""

NEARLY_ALL = 0.8
"""Share of what is forecast of a group that is wrong, from which on the group is the matter."""

SHOWN = 3
"""Combinations that the line of a group names: those that most is at stake of."""

Line = dict[str, Any]
_Names = tuple[str, ...]

PATTERNS: tuple[_Names, ...] = (("SKU_ID",), ("unit",), ("unit", "channel"))
"""What groups share. Of groups that overlap the larger one is formed first, of equal ones the one named first."""


@dataclass(frozen=True)
class _Group:
    pattern: _Names
    names: _Names
    n_all: int
    lines: Sequence[Line]

    @property
    def stake(self) -> float:
        return sum(_volume(line) for line in self.lines)


def line_id(kind: str, name: str) -> str:
    """Return the name of a line: the same for as long as it is about the same."""
    digest = hashlib.sha256(f"{kind}\n{name}".encode()).hexdigest()
    return f"line-{digest[:8]}"


def folded(lines: Sequence[Line], forecast: pd.DataFrame, retrain_job: str) -> list[Line]:
    """Return the lines of combinations with those of a group as one, the largest first.

    `forecast` has the combinations that are forecast: KEY; where nothing is, there are no groups. A group's volume is
    that of all its lines.
    """
    if forecast.empty:
        return sorted(lines, key=lambda line: -_volume(line))
    everything = [*forecast[KEY].itertuples(index=False, name=None), *map(_names, lines)]
    groups = [group for pattern in PATTERNS for group in _wrong_groups(lines, set(everything), pattern)]
    taken: set[_Names] = set()
    found: list[Line] = []
    for group in sorted(groups, key=lambda each: (-len(each.lines), -each.stake, each.names)):
        mine = [line for line in group.lines if _names(line) not in taken]
        if len(mine) >= FEWEST:
            taken |= set(map(_names, mine))
            found.append(_group_line(group, mine, retrain_job))
    found += [line for line in lines if _names(line) not in taken]
    return sorted(found, key=lambda line: -_volume(line))


def names_in(line: Mapping[Any, Any]) -> list[str]:
    """Return the combinations that a line is about: those of a group's line, one each line of its `members`."""
    return [each for each in str(line["members"]).split("\n") if each]


def _wrong_groups(lines: Sequence[Line], everything: set[_Names], pattern: _Names) -> Iterator[_Group]:
    places = [KEY.index(name) for name in pattern]
    sizes = Counter(tuple(names[place] for place in places) for names in everything)
    wrong: dict[_Names, list[Line]] = {}
    for line in lines:
        wrong.setdefault(tuple(line[name] for name in pattern), []).append(line)
    for names, of_one in wrong.items():
        if len(of_one) >= FEWEST and len(of_one) >= NEARLY_ALL * sizes[names]:
            yield _Group(pattern, names, sizes[names], of_one)


def _group_line(group: _Group, lines: Sequence[Line], retrain_job: str) -> Line:
    """One line for those of a group that no other group has; what most of them are is what it says."""
    by_stake = sorted(lines, key=lambda line: (-_volume(line), line["about"]))
    shared = dict(zip(group.pattern, group.names, strict=True))
    about = "/".join(_written(shared[name]) if name in shared else ALL for name in KEY)
    rules = _most([rule for line in lines for rule in line["rules"].split(",")])
    reason = _most([line["reason"] for line in lines])
    matter = reason or rules
    trainable = [line["trainable"] for line in by_stake if line["trainable"]]
    target = about if len(trainable) == group.n_all else as_targets(trainable)
    why = _why(group, by_stake)
    loud = [line for line in lines if pd.isna(line["quiet_until"])]
    return {
        **lines[0],
        "line_id": line_id("group", about),
        "kind": "group",
        **{name: shared.get(name, ALL) for name in KEY},
        "about": about,
        "members": "\n".join(line["about"] for line in by_stake),
        "trainable": "\n".join(trainable),
        "alert_ids": ",".join(line["alert_ids"] for line in by_stake),
        "rules": rules,
        "reason": reason,
        "action": ACTION_OF[matter],
        "to_do": ACTIONS[ACTION_OF[matter]],
        "what": WHAT[rules],
        "why": str(why),
        "why_json": stored(why),
        "planned": ", ".join(sorted({day for line in lines for day in line["planned"].split(", ") if day})),
        "engineer": ENGINEER[matter] if trainable else by_stake[0]["engineer"],
        "command": retrain_command(target) if trainable else None,
        "gcloud_command": gcloud_command(target, retrain_job) if trainable else None,
        "at_stake": _summed(lines, "at_stake"),
        "size": _summed(lines, "size"),
        "opened": min(line["opened"] for line in lines),
        "is_new": all(line["is_new"] for line in lines),
        "quiet_until": pd.NaT if loud else min(line["quiet_until"] for line in lines),
    }


def _summed(lines: Sequence[Line], name: str) -> float:
    """The sum of what is known, NaN where nothing is."""
    known = [line[name] for line in lines if line[name] == line[name]]
    return sum(known) if known else float("nan")


def _why(group: _Group, by_stake: Sequence[Line]) -> Text:
    worst = tuple(
        Text("{name} ({volume})", name=line["about"], volume=Number(_volume(line))) for line in by_stake[:SHOWN]
    )
    places: dict[str, Place] = {"n": len(by_stake), "all": group.n_all, "worst": worst}
    if group.pattern == ("SKU_ID",):
        return Text("the article is wrong in {n} of its {all} units and channels, most in {worst}", **places)
    if group.pattern == ("unit",):
        return Text("{n} of {all} forecasts of the unit are wrong, most {worst}", **places)
    return Text("{n} of {all} forecasts of the channel in this unit are wrong, most {worst}", **places)


def _most(values: Sequence[str]) -> str:
    """What most of them are, of equally many the first by name."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


def _names(line: Mapping[Any, Any]) -> _Names:
    return tuple(line[name] for name in KEY)


def _volume(line: Mapping[Any, Any]) -> float:
    return line["at_stake"] if line["at_stake"] == line["at_stake"] else 0.0


def _written(name: str) -> str:
    """A name as it stands in targets, a slash or star in it written otherwise."""
    return str(Combination(name, name, name)).split("/")[0]
