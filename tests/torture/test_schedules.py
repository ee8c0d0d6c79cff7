"""Schedules of a seed, and how they are made smaller."""

from __future__ import annotations

from schedules import LOCAL_FAULTS, Schedule, made, shrunk


def test_a_seed_is_a_schedule() -> None:
    """The same for the same seed; other seeds have other ones; all begin with a run and have faults here and there."""
    all_of_them = [made(seed, ["predict", "train"], LOCAL_FAULTS) for seed in range(200)]
    assert all_of_them == [made(seed, ["predict", "train"], LOCAL_FAULTS) for seed in range(200)]
    assert len({str(each) for each in all_of_them}) == 200
    assert all(each[0][0] == "start" for each in all_of_them)
    faults = {step[-2] for each in all_of_them for step in each if step[0] in ("go", "both")}
    assert faults == {None, *LOCAL_FAULTS}


def test_a_schedule_is_made_smaller_while_it_fails() -> None:
    """What fails if B comes after A, and nothing else matters, is A and B; a fault that does not matter goes too."""
    schedule: Schedule = [("send", number) for number in range(40)]
    schedule[7], schedule[31] = ("go", "A", "kill", 3), ("go", "B", "term", 1)

    def fails(part: Schedule) -> bool:
        names = [step[1] for step in part if step[0] == "go"]
        return names == ["A", "B"] and any("kill" in step for step in part)

    assert shrunk(schedule, fails) == [("go", "A", "kill", 3), ("go", "B", None, 0)]
