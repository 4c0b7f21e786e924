"""File formats that are not text tables, recognized by their first bytes, with a hint for each.

`csv_layouts` and `sources` use this list to refuse content; compressed tables are unpacked before.
"""

import re
from dataclasses import dataclass

START_BYTES = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

TABLE = "Give the file wdbc.data as UCI publishes it, or a CSV whose header names its 32 columns."
PATIENTS = (
    "Give a CSV whose first line names the 30 measurements, in any order. It may have an id, and needs no diagnosis."
)
UTF_8 = "Save it as UTF-8: in a spreadsheet choose `CSV UTF-8`; otherwise convert it, for example with iconv."
_EXPORT = (
    "Export the table: in the spreadsheet choose File, Save As, `CSV UTF-8 (Comma delimited)`, and give that file."
)
_TO_CSV = "Read it with the program that wrote it, and export the table as CSV."
_FROM_R = "In R: write.csv(table, 'wdbc.csv', row.names = FALSE)."
UNPACK = "Unpack it, and give the one file that is the table. One gzip or zip around it is unpacked, no more."
_LOOK = "Open the source and look: it may ask for a login, or have moved."


@dataclass(frozen=True)
class Format:
    """A file format: its name in messages, and its hint."""

    name: str
    hint: str


WORKBOOK = Format("an Excel workbook (.xlsx)", _EXPORT)
SPREADSHEET = Format("an OpenDocument spreadsheet (.ods)", _EXPORT)
DOCUMENT = Format("a document of an office program", "Export its table as CSV.")
HTML = Format("an HTML page", _LOOK)

_SIGNS: tuple[tuple[bytes, Format], ...] = (
    (b"PK\x03\x04", Format("a zip archive", UNPACK)),
    (b"PK\x05\x06", Format("an empty zip archive", UNPACK)),
    (b"PK\x07\x08", Format("a part of a zip archive", UNPACK)),
    (b"\x1f\x8b", Format("a gzip archive", UNPACK)),
    (b"BZh9", Format("a bzip2 archive", UNPACK)),
    (b"\xfd7zXZ\x00", Format("an xz archive", UNPACK)),
    (b"\x28\xb5\x2f\xfd", Format("a zstd archive", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Format("a 7z archive", UNPACK)),
    (b"Rar!\x1a\x07", Format("a rar archive", UNPACK)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format("an Excel workbook (.xls) or another old Office file", _EXPORT)),
    (b"%PDF", Format("a PDF document", "Find the table that the document was made from: WDBC is published as a CSV.")),
    (b"PAR1", Format("a Parquet file", "Give it by itself, or in a folder of tables; here a CSV is needed.")),
    (b"ARROW1\x00", Format("an Arrow file", _TO_CSV)),
    (b"Obj\x01", Format("an Avro file", _TO_CSV)),
    (b"\x89HDF", Format("an HDF5 file", _TO_CSV)),
    (b"\x93NUMPY", Format("a NumPy array", _TO_CSV)),
    (b"SQLite format 3", Format("a SQLite database", _TO_CSV)),
    (b"RDX2\n", Format("a file of R's own (.RData)", _FROM_R)),
    (b"RDX3\n", Format("a file of R's own (.RData)", _FROM_R)),
    (b"X\n\x00\x00", Format("a file of R's own (.rds)", _FROM_R)),
    (b"$FL2", Format("an SPSS file", _TO_CSV)),
    (b"<stata_dta>", Format("a Stata file", _TO_CSV)),
    (b"\x89PNG", Format("a picture", "Give the table itself.")),
    (b"\xff\xd8\xff", Format("a picture", "Give the table itself.")),
    (b"\xff\xfe", Format("text in UTF-16", UTF_8)),
    (b"\xfe\xff", Format("text in UTF-16", UTF_8)),
    (b"{\\rtf", Format("a document in Rich Text Format (RTF)", "Save it as plain text in UTF-8.")),
    (b"{", Format("a JSON document", "Export the table as CSV.")),
    (b"[", Format("a JSON document", "Export the table as CSV.")),
)
_ARFF = re.compile(rb"(?:[ \t]*(?:%[^\r\n]*)?\r?\n)*[ \t]*@relation\b", re.IGNORECASE)
_TAR = (257, b"ustar")


def recognise(content: bytes) -> Format | None:
    """Return the format of content that is recognizably not a text table, else None."""
    head = content[:START_BYTES].removeprefix(BYTE_ORDER_MARK)
    # A sign of two bytes may begin with a blank to `lstrip`, and text may begin with blank lines.
    start = head.lstrip()
    for sign, kind in _SIGNS:
        if head.startswith(sign) or start.startswith(sign):
            return kind
    if head[_TAR[0] :].startswith(_TAR[1]):
        return Format("a tar archive", UNPACK)
    if _ARFF.match(start):
        return Format("a Weka file (.arff)", _TO_CSV)
    if start.startswith(b"<"):
        page = start.lower()
        is_page = b"<html" in page or page.startswith(b"<!doctype html")
        return HTML if is_page else Format("a document in HTML or XML", _LOOK)
    return None
