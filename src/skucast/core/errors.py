"""The few errors that are caught by name; everything else is a bug and fails the run with its traceback."""

from __future__ import annotations

from collections.abc import Sequence

from skucast.core.quoting import MOST, one_line


class SkucastError(Exception):
    """Base of all errors raised on purpose; its text is one line that says what, where and what to do.

    What it quotes may be anything: breaks of lines are escaped, and of what is too long the middle is left out.
    """

    def __init__(self, *given: object) -> None:
        text, *others = given or ("",)
        is_plain = type(text) is str or (isinstance(text, str) and len(text) > MOST)
        super().__init__(*((one_line(str(text)) if is_plain else text), *others) if given else ())


class InputError(SkucastError):
    """Wrong settings, names or data from outside; the run stops with exit code 2 and writes nothing but its own row."""


class NoRoom(InputError):
    """A disk has no room left for a file that people look at; what was to be published can be published without it."""


class FileRefused(InputError):
    """A single file of people cannot be read, or moved, where it lies; nothing is known to be wrong with the others."""


class AlreadyLoaded(InputError):
    """The same content was appended to the table before; nothing was added."""


class Overlap(InputError):
    """Sales of days and combinations that are there already; nothing was added."""


class LoadsChanged(InputError):
    """Something was loaded, or taken back, since the rows were compared with the table; nothing was added."""


class ContractError(SkucastError):
    """A frame does not fit the contract of its table: nothing of it is written, and the run that made it failed."""


class TableError(ContractError, InputError):
    """A table that is there already is not as its contract says: other types, columns missing, rows that do not fit."""


class NothingToDo(SkucastError):
    """What the run was asked for is nothing today, such as the open alerts where none is; exit code 0."""


class RunFailed(SkucastError):
    """The run could not keep its promise (too many failures, missing models, late sales); exit code 1."""


class LostTable(RunFailed, InputError):
    """A table that was published to is gone: who reads or writes it stops with exit code 2; a repeat is no help."""


class Superseded(RunFailed):
    """A run that read its inputs later has published the slice: its rows stay, and these are not published."""


class ShardsMissing(RunFailed):
    """Tasks of the run have not staged their rows of a table (yet); `tasks` are their numbers."""

    def __init__(self, text: str, tasks: Sequence[int]) -> None:
        super().__init__(text)
        self.tasks = tasks


class ModelError(SkucastError):
    """A stored model is truncated, hostile or of an unknown format; its combination falls back."""


class ModelNotFound(ModelError):
    """No model is stored under this combination."""


class ModelTooNew(ModelNotFound):
    """Every stored model of this combination has seen weeks after the cutoff."""


class ModelOfOtherWeeks(ModelTooNew):
    """Every stored model has seen past the cutoff, because it was trained for weeks that end on another day."""


class StoreError(ModelError):
    """The store gave no usable answer within the deadline; what it holds is whole, the old or the new."""


class ObjectKept(StoreError):
    """A retention policy or a hold on the bucket keeps an object from being replaced or deleted."""


class StoreConflict(SkucastError):
    """Somebody else replaced the model after it was read; theirs is kept."""


class WarehouseError(SkucastError):
    """The warehouse gave no usable answer within the deadline; the run fails, its tables are whole."""


class WeatherError(SkucastError):
    """The weather service refused a place or gave a senseless answer; the run goes on with what is stored."""


class WeatherDown(WeatherError):
    """The weather service does not answer, or not in time; nobody else is asked for in this run."""


class FitError(SkucastError):
    """A history cannot be fitted (too few known weeks, not finite); the combination is recorded as failed."""
