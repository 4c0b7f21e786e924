"""Lines of a table in a file."""

import gc
import hashlib
import tempfile

import pytest

from wdbc_assets.domain.data import lines
from wdbc_assets.domain.data.lines import LinesFile

TABLE = b"".join(b"%d,M\n" % number for number in range(lines.PART + 9))


@pytest.fixture
def found() -> LinesFile:
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- LinesFile closes it
    file.write(TABLE)
    return LinesFile(file)


def test_a_file_has_the_identity_of_its_content(found: LinesFile) -> None:
    assert (found.rows, found.size) == (lines.PART + 9, len(TABLE))
    assert found.sha256 == hashlib.sha256(TABLE).hexdigest()
    assert found.read() == TABLE


def test_the_parts_are_the_content_whatever_else_is_read_meanwhile(found: LinesFile) -> None:
    parts = []
    for first, part in found.parts():
        parts.append((first, part))
        found.read()
    assert [first for first, _ in parts] == [1, lines.PART + 1]
    assert b"".join(part for _, part in parts) == TABLE


def test_the_file_is_closed_with_its_object() -> None:
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- LinesFile closes it
    found = LinesFile(file)
    assert not file.closed
    del found
    gc.collect()
    assert file.closed
