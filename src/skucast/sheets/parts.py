"""The parts of an Excel file: each is looked through before a library holds it, and what nobody made is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import IO, Any, Literal
from xml.parsers import expat

from skucast.core.texts import Text, wording
from skucast.sheets.limits import MAX_CELL, TooMuch

MAX_UNPACKED_BYTES = 100_000_000
"""Most that the parts of an Excel file may hold: a small one can be packed from gigabytes of blanks."""

MAX_PARTS = 10_000
MAX_OPENED = 10
"""How often all parts together may be opened: sheets can be thousands of names of one part."""

MAX_DEPTH = 64
"""Elements in each other: a sheet has 6, what lies beside it some 20."""

MAX_KEPT = 250_000
"""Elements that stay in memory until a part is read to its end: styles, names, what hangs on a sheet."""

MAX_FORGOTTEN = 1_100_000
"""Elements that are forgotten once they are read, one by one: the rows of a sheet, the texts of the workbook."""

MAX_WITHIN = 120_000
"""Elements in one of those: a row has 16,384 cells, each with a value and a formula."""

MAX_NAMES, MAX_NAME = 5_000, 1_000
"""Different names of elements and attributes in a part, and characters of one, its namespace among them."""

MAX_FORMAT = 255
"""Characters of a number format, as in Excel."""

MAX_SHARED = 50_000_000
"""Characters of formulas that are made of another cell's."""

_PIECE = 1 << 16
_UNFINISHED = 1 << 20
"""Bytes of one tag, comment or the like."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

Forgotten = Literal["row", "si", ""]


class Parts(zipfile.ZipFile):
    """An Excel file that gives no part which would take more memory or time than one that people made.

    `forgets` is what a reader of a part that it opens forgets when it has read it; what it reads whole it keeps.

    Raises:
        TooMuch: of any part, or of all.
    """

    def __init__(self, name: str, content: bytes, what: str) -> None:
        super().__init__(io.BytesIO(content))
        self.content = content
        self._name, self._what = name, what
        self.forgets: Forgotten = ""
        self._seen: dict[tuple[str, Forgotten], int] = {}
        self._left = MAX_OPENED * MAX_UNPACKED_BYTES
        if len(self.infolist()) > MAX_PARTS:
            raise self._too_much(wording("more than {n} parts"), MAX_PARTS)
        if sum(part.file_size for part in self.infolist()) > MAX_UNPACKED_BYTES:
            raise TooMuch(
                Text(
                    "{name}: unpacks to more than {n} MB; is it a {what}?",
                    name=name,
                    n=MAX_UNPACKED_BYTES // 10**6,
                    what=Text(what),
                )
            )

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """Return a whole part, of which everything is kept."""
        self._look_through(name, "")
        with super().open(name, pwd=pwd) as part:
            return part.read()

    def open(self, name: str | zipfile.ZipInfo, *given: Any, **named: Any) -> IO[bytes]:
        """Return a part to be read piece by piece."""
        self._look_through(name, self.forgets)
        return super().open(name, *given, **named)

    def hidden_rows(self, name: str) -> int:
        """Return how many rows with cells of a sheet that was opened are hidden."""
        return self._seen.get((name, "row"), 0)

    def _look_through(self, name: str | zipfile.ZipInfo, forgets: Forgotten) -> None:
        part = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        self._left -= part.file_size
        if self._left < 0:
            raise self._too_much(wording("sheets that are the same {n} times and more"), MAX_OPENED)
        if (part.filename, forgets) in self._seen:
            return
        look = _Look(forgets, self._too_much)
        with super().open(part) as stream:
            look.through(stream)
        self._seen[part.filename, forgets] = look.n_hidden

    def _too_much(self, of_what: str, n: int) -> TooMuch:
        return TooMuch(
            Text(
                "{name}: holds {of_what}, as no {what} does; copy its cells to a new file",
                name=self._name,
                of_what=Text(of_what, n=n),
                what=Text(self._what),
            )
        )


class _Look:
    """A look through one part."""

    def __init__(self, forgets: Forgotten, too_much: Callable[[str, int], TooMuch]) -> None:
        self._forgotten = f"{_MAIN}{forgets}"
        self._too_much = too_much
        self.n_hidden = 0
        self._names: set[str] = set()
        self._depth = self._kept = self._n_forgotten = self._characters = 0
        self._within = -1
        self._since = 0  # the depth at which the element lies that is forgotten
        self._is_hidden = False
        self._formulas: dict[str, int] = {}
        self._formula: str | None = None
        self._shared = 0

    def through(self, stream: IO[bytes]) -> None:
        """Look at all of it, until it is no XML: the library that reads it afterwards ends there as well."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        fed = 0
        try:
            while piece := stream.read(_PIECE):
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > _UNFINISHED:
                    raise self._too_much(wording("a tag of more than {n} bytes"), _UNFINISHED)
            parser.Parse(b"", True)
        except expat.ExpatError:
            return

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._characters = 0
        if self._depth > MAX_DEPTH:
            raise self._too_much(wording("more than {n} elements in each other"), MAX_DEPTH)
        if name not in self._names or not attributes.keys() <= self._names:
            self._learn(name, *attributes)
        if attributes:
            self._see(name, attributes)
        if self._within >= 0:
            self._within += 1
            if self._within > MAX_WITHIN:
                raise self._too_much(wording("more than {n} elements in one row or text"), MAX_WITHIN)
        elif name == self._forgotten:
            self._begin(attributes)
        else:
            self._kept += 1
            if self._kept > MAX_KEPT:
                raise self._too_much(wording("more than {n} elements besides its rows and texts"), MAX_KEPT)

    def _begin(self, attributes: dict[str, str]) -> None:
        self._within, self._since = 0, self._depth
        self._is_hidden = attributes.get("hidden") in {"1", "true"}
        self._n_forgotten += 1
        if self._n_forgotten > MAX_FORGOTTEN:
            raise self._too_much(wording("more than {n} rows or texts"), MAX_FORGOTTEN)

    def _end(self, name: str) -> None:
        if self._formula is not None and name == f"{_MAIN}f":
            self._share()
        if self._within >= 0 and self._depth == self._since:
            self.n_hidden += self._is_hidden and self._within > 0
            self._within = -1
        self._depth -= 1
        self._characters = 0

    def _text(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MAX_CELL:
            raise self._too_much(wording("a text of more than {n} characters"), MAX_CELL)

    def _doctype(self, *_: Any) -> None:
        raise self._too_much(wording("a document type"), 1)

    def _learn(self, *names: str) -> None:
        self._names.update(names)
        if len(self._names) > MAX_NAMES:
            raise self._too_much(wording("more than {n} names of elements"), MAX_NAMES)
        if max(map(len, names)) > MAX_NAME:
            raise self._too_much(wording("a name of more than {n} characters"), MAX_NAME)

    def _see(self, name: str, attributes: dict[str, str]) -> None:
        if len("".join(attributes.values())) > MAX_CELL:
            raise self._too_much(wording("a text of more than {n} characters"), MAX_CELL)
        if len(attributes.get("formatCode", "")) > MAX_FORMAT:
            raise self._too_much(wording("a number format of more than {n} characters"), MAX_FORMAT)
        if attributes.get("t") == "shared" and name == f"{_MAIN}f":
            self._formula = attributes.get("si", "")

    def _share(self) -> None:
        """Count what is made of a formula for a cell that names it, or learn how long it is."""
        formula, self._formula = self._formula or "", None
        if self._characters:
            self._formulas[formula] = self._characters
            return
        self._shared += self._formulas.get(formula, 0)
        if self._shared > MAX_SHARED:
            raise self._too_much(wording("formulas of more than {n} characters"), MAX_SHARED)
