"""A delivered file appears in the inbox whole and claimed, or not at all."""

from pathlib import Path

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import adding, batch_keys
from wdbc_assets.monitoring.inbox import Inbox
from wdbc_assets_tests import builders, monitored


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox", tmp_path / "pseudonym.key")


def test_a_file_is_copied_and_claimed_and_its_content_is_a_batch_once(inbox: Inbox, tmp_path: Path) -> None:
    source = monitored.put(tmp_path, "patients.csv", monitored.patients(5))
    first = adding.add(source, inbox, [])
    assert not first.duplicate
    assert [path.name for path in inbox.folder.iterdir()] == [f"{first.batch}_patients.csv"]
    assert inbox.survey([]).batches == [first.batch]  # without waiting until it has settled
    assert adding.add(source, inbox, []) == adding.Added(first.batch, duplicate=True)
    inbox.acknowledge(first.batch)
    assert adding.add(source, inbox, [first.batch]).duplicate
    assert source.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no rows|empty"),
        (b"\x00\x01\x02\x03", "header|binary|column"),
        (builders.csv(builders.patient(area_mean=1.0), header=True), "none of its rows can be scored"),
    ],
)
def test_a_file_that_is_no_batch_changes_nothing_and_is_named(
    inbox: Inbox, tmp_path: Path, content: bytes, message: str
) -> None:
    source = tmp_path / "rubbish.csv"
    source.write_bytes(content)
    with pytest.raises(WdbcError, match=message) as refused:
        adding.add(source, inbox, [])
    assert str(source) in refused.value.where
    assert list(inbox.folder.iterdir()) == []


def test_what_a_killed_process_leaves_has_a_name_that_is_known_as_a_copy(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = monitored.put(tmp_path, "patients.csv", monitored.patients(5))
    with monkeypatch.context() as killed:
        killed.setattr(adding, "_require_batch", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        killed.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            adding.add(source, inbox, [])
    (left,) = inbox.folder.iterdir()
    assert batch_keys.is_copy(left.name)
    assert inbox.survey([]).batches == []


def test_a_folder_and_a_missing_file_are_refused(inbox: Inbox, tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "missing.csv"):
        with pytest.raises(WdbcError, match="not a file"):
            adding.add(source, inbox, [])


def test_an_inbox_that_cannot_be_a_folder_is_named_with_its_setting(tmp_path: Path) -> None:
    source = monitored.put(tmp_path, "patients.csv", monitored.patients(5))
    with pytest.raises(WdbcError, match="cannot be copied") as refused:
        adding.add(source, Inbox(source / "inbox", tmp_path / "key"), [])
    assert "WDBC_INBOX" in refused.value.hint
