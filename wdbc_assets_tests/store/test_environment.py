"""What a manifest states of the machine: enough to explain other last digits, and nothing that names anybody."""

import getpass
import platform
import socket
from pathlib import Path

import pytest

from wdbc_assets.store import environment
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store
from wdbc_assets_tests.store.artifacts import put


def test_a_manifest_states_libraries_and_machine(local: Store) -> None:
    put(local, b"content")
    manifest = local.handle("raw_data").manifest
    assert manifest.libraries["python"] == platform.python_version()
    assert manifest.machine == environment.machine()
    assert {"system", "architecture", "processor"} <= set(manifest.machine)
    assert Manifest.from_json(manifest.to_json(), where="") == manifest


@pytest.mark.fault("X01")
def test_no_name_of_a_machine_or_a_user_is_among_it() -> None:
    said = " ".join(environment.machine().values()).lower().split()
    assert socket.gethostname().lower() not in said
    assert getpass.getuser().lower() not in said


def test_a_machine_that_does_not_name_its_processor_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path / "missing", tmp_path / "nameless"):
        (tmp_path / "nameless").write_text("processor : 0\n")
        monkeypatch.setattr(environment, "_PROCESSORS", place)
        assert environment._processor.__wrapped__() == platform.processor()
