"""Paths that are no readable file: each is refused at once, by name, and nothing hangs."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.sources import SourceRefused, files
from wdbc_assets_tests.misbehaving_server import TABLE

NOBODY = 65534


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom permissions bind: root may read everything."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


def refusal(path: Path, largest_bytes: int = 10**6) -> SourceRefused:
    with pytest.raises(SourceRefused) as raised:
        files.read(path, largest_bytes=largest_bytes)
    assert raised.value.where == str(path)
    assert raised.value.hint
    return raised.value


def test_a_file_is_read_whole_also_behind_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "wdbc.data").write_bytes(TABLE)
    (tmp_path / "link").symlink_to("wdbc.data")
    assert files.read(tmp_path / "wdbc.data", largest_bytes=len(TABLE)) == TABLE
    assert files.read(tmp_path / "link", largest_bytes=len(TABLE)) == TABLE


@pytest.mark.fault("S15")
def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("missing")
    assert refusal(tmp_path / "missing").what == "the file does not exist"
    assert refusal(tmp_path / "link").what == "the file does not exist"


@pytest.mark.fault("S15")
def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).what == "the source is a folder, not a regular file"
    assert refusal(tmp_path).hint == "Give the path of the file in it."


@pytest.mark.fault("S15")
def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "wdbc.data").what == "a component of the path is not a folder"


@pytest.mark.fault("S15")
def test_a_pipe_that_nobody_writes_to_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").what == "the source is a pipe, not a regular file"


@pytest.mark.fault("S15")
def test_a_pipe_put_in_the_place_of_a_file_after_the_first_look_does_not_hang_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    seen = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda self, **_: seen)
    assert refusal(tmp_path / "pipe").what == "the source is a pipe, not a regular file"


@pytest.mark.fault("S15")
def test_a_device_and_a_socket_are_refused(tmp_path: Path) -> None:
    assert refusal(Path("/dev/zero")).what == "the source is a device, not a regular file"
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(tmp_path):
        listening.bind("socket")  # by a short name: the path of a socket may have 107 characters
    assert refusal(tmp_path / "socket").what == "the source is a socket, not a regular file"


@pytest.mark.fault("S15")
def test_a_loop_of_symbolic_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").symlink_to("back")
    (tmp_path / "back").symlink_to("there")
    assert refusal(tmp_path / "there").what == "the path is a loop of symbolic links"


@pytest.mark.fault("S15")
def test_a_file_that_this_user_may_not_read_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "wdbc.data")
        path.write_bytes(TABLE)
        path.chmod(0)
        with without_privileges():
            assert refusal(path).what == "this user has no permission to read the file"


@pytest.mark.fault("S15")
def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("a" * 300)).what == "the path is too long"


@pytest.mark.fault("S07")
def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wdbc.data"
    path.touch()
    os.truncate(path, 2**40)  # a terabyte that takes no room, and is not read
    assert refusal(path, largest_bytes=1000).what == "the content is larger than 1,000 bytes"
