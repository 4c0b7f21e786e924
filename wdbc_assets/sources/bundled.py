"""The copy of the data that scikit-learn ships, brought into the form of UCI's file.

It is read as a file, for importing scikit-learn costs a second and more. Its values and row order are UCI's in all
17,070 cells; only the ids are missing there, and the labels are inverted.
"""

import importlib.util
from pathlib import Path

from wdbc_assets.sources import files
from wdbc_assets.sources.errors import SourceRefused
from wdbc_assets.sources.limits import DEFAULT

FEATURES = 30
LABELS = {b"0": b"M", b"1": b"B"}  # scikit-learn codes benign as 1
HINT = "Install scikit-learn 1.9 again, or set the source to uci or to a path."


def content() -> bytes:
    """569 lines `id,diagnosis,30 values` without a header; the id is the row's number, from 1; values as shipped.

    Raises:
        SourceRefused: scikit-learn, or the file in it, is missing or has another form.
    """
    path = data_file()
    header, _, table = files.read(path, largest_bytes=DEFAULT.largest_bytes).partition(b"\n")
    rows = table.splitlines()
    if header.split(b",")[:2] != [b"%d" % len(rows), b"%d" % FEATURES]:
        raise SourceRefused("the table that scikit-learn ships is not the one expected", where=str(path), hint=HINT)
    return b"".join(_in_the_form_of_uci(number, row, path) for number, row in enumerate(rows, start=1))


def data_file() -> Path:
    """Where the installed scikit-learn keeps the table; it need not be there.

    Raises:
        SourceRefused: scikit-learn is not installed.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise SourceRefused("the bundled copy comes with scikit-learn, which is not installed", hint=HINT)
    return Path(package.origin).parent / "datasets" / "data" / "breast_cancer.csv"


def _in_the_form_of_uci(number: int, row: bytes, path: Path) -> bytes:
    values, _, target = row.rpartition(b",")
    if target not in LABELS or values.count(b",") != FEATURES - 1:
        raise SourceRefused(
            "the table that scikit-learn ships is not the one expected", where=f"{path}, row {number}", hint=HINT
        )
    return b"%d,%s,%s\n" % (number, LABELS[target], values)
