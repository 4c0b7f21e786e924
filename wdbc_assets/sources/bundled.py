"""The copy of the data that scikit-learn ships, converted to the format of UCI's file.

It is read as a file, because importing scikit-learn takes more than a second. Values and row order equal UCI's in all
17,070 cells. The ids are missing in the copy, and its labels are inverted.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from wdbc_assets.sources import files
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.limits import DEFAULT
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.source import FetchContext, Source

FEATURES = 30
LABELS = {b"0": b"M", b"1": b"B"}  # scikit-learn codes benign as 1
HINT = "Reinstall scikit-learn 1.9, or set the source to uci or to a path."


class Bundled(Source):
    """The copy that scikit-learn ships."""

    remote = False
    usage = "bundled (the copy that scikit-learn ships)"
    names: ClassVar[Mapping[str, str]] = {"bundled": "bundled"}

    def read(self, _context: FetchContext, /) -> Received:
        """Return the copy in the format of UCI's file."""
        return Received(content())


def content() -> bytes:
    """Return 569 lines `id,diagnosis,30 values` without a header. The id is the row number; values are unchanged.

    Raises:
        SourceRefused: scikit-learn or its file is missing, or the file has an unexpected layout.
    """
    path = data_file()
    header, _, table = files.read(path, largest_bytes=DEFAULT.largest_bytes).partition(b"\n")
    rows = table.splitlines()
    if header.split(b",")[:2] != [b"%d" % len(rows), b"%d" % FEATURES]:
        raise SourceRefused("the table that scikit-learn ships is not the one expected", where=str(path), hint=HINT)
    return b"".join(_uci_row(number, row, path) for number, row in enumerate(rows, start=1))


def data_file() -> Path:
    """Return the path of the table in the installed scikit-learn; the file may not exist.

    Raises:
        SourceRefused: scikit-learn is not installed.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise SourceRefused("the bundled copy comes with scikit-learn, which is not installed", hint=HINT)
    return Path(package.origin).parent / "datasets" / "data" / "breast_cancer.csv"


def _uci_row(number: int, row: bytes, path: Path) -> bytes:
    values, _, target = row.rpartition(b",")
    if target not in LABELS or values.count(b",") != FEATURES - 1:
        raise SourceRefused(
            "the table that scikit-learn ships is not the one expected", where=f"{path}, row {number}", hint=HINT
        )
    return b"%d,%s,%s\n" % (number, LABELS[target], values)
