"""The key of the pseudonyms is made once, for its owner only, and never replaced silently."""

from pathlib import Path

import pytest

from wdbc_assets.domain.data import incoming
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import pseudonym_key


@pytest.mark.fault("X09")
def test_the_key_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "pseudonym.key"
    key = pseudonym_key.load(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert pseudonym_key.load(path) == key
    assert [one.name for one in path.parent.iterdir()] == ["pseudonym.key"]


def test_a_damaged_key_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_bytes(b"short")
    with pytest.raises(WdbcError, match="has 5 bytes instead of 32"):
        pseudonym_key.load(path)
    assert path.read_bytes() == b"short"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WdbcError, match="cannot be read"):
        pseudonym_key.load(tmp_path / "file" / "pseudonym.key")


@pytest.mark.fault("X09")
def test_a_pseudonym_depends_on_the_key_and_the_id_and_is_empty_without_an_id() -> None:
    assert incoming.pseudonym(b"k" * 32, "842302") == "72b84cb3af5f443524c734799e7b8004"
    assert incoming.pseudonym(b"k" * 32, "842302") != incoming.pseudonym(b"j" * 32, "842302")
    assert incoming.pseudonym(b"k" * 32, "842302") != incoming.pseudonym(b"k" * 32, "842303")
    assert incoming.pseudonym(b"k" * 32, "") == ""
