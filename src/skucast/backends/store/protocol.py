"""Model stores: where model files live. Jobs know this protocol only, never a backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from skucast.core.errors import ModelError

if TYPE_CHECKING:
    from skucast.core.combination import Combination
    from skucast.core.model_files import ModelFile


@dataclass(frozen=True)
class Live:
    """The live file of a combination and the generation it was read at."""

    payload: bytes
    generation: str


class ModelStore(Protocol):
    """One live model file per combination, or per file that all share, and every version ever saved beside it.

    A live file is replaced whole or not at all, and only if it still is the generation that was read.
    """

    def stored(self) -> list[Combination]:
        """Return the combinations that have a live model, sorted."""

    def load(self, combination: ModelFile) -> Live:
        """Return the live file.

        Raises:
            ModelNotFound: there is none.
            ModelError: it cannot be read.
        """

    def load_many(self, combinations: Sequence[Combination]) -> dict[Combination, Live | ModelError]:
        """Return each combination's live file, or why there is none; one failure leaves the others alone."""

    def save(self, combination: ModelFile, payload: bytes, version: str, *, expected: str | None) -> str:
        """Keep the version, make it live, return its generation; `expected` is the one that was read, None = none.

        A version's name is its content's: what holds other bytes under it is damaged, and replaced, unless it is held.
        A live file of the same content is as good as one's own, whoever saved it: two runs on the same sales agree.

        Raises:
            StoreConflict: somebody else has put another one there since; theirs stays live, the version is kept.
            ObjectKept: a retention policy or a hold is on the live file; it stays, the version is kept.
            ModelError: the live file cannot be read; it stays, the version is kept.
        """

    def keep(self, combination: ModelFile, payload: bytes, version: str) -> None:
        """Keep the version beside the live file, which stays as it is."""

    def versions(self, combination: ModelFile) -> list[str]:
        """Return the kept versions, in the order they were first saved."""

    def with_versions(self) -> list[Combination]:
        """Return the combinations that have a kept version, whether or not they have a live model, sorted."""

    def delete_versions(self, combination: ModelFile, versions: Sequence[str], *, expected: str) -> None:
        """Delete kept versions, none of them the live one, if the live file still is the generation that was read.

        A version that is gone already is fine.

        Raises:
            StoreConflict: somebody else has replaced the live file since; what became live is kept as a version.
            ObjectKept: a retention policy or a hold keeps a version.
        """

    def probe(self) -> None:
        """Write a marker and remove it.

        Raises:
            InputError: the store cannot be written to; says what is missing.
            ObjectKept: it can, but the marker stays, as every live model would, under a retention policy or a hold.
        """

    def load_version(self, combination: ModelFile, version: str) -> bytes:
        """Return a kept version's file.

        Raises:
            ModelNotFound: there is no such version.
        """
