"""The process in which a model file is tried: real ones, which crash, hang, swell, or are ended by others."""

import subprocess
import sys
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import isolation, skops_files
from wdbc_assets_tests import hostile

MISBEHAVIOUR = {
    "crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "crashes the process that loads it"),
    "abort": ("os.abort()", "crashes the process that loads it"),
    "endless": ("exec('while True: pass')", "s of CPU time"),
    "swell": ("bytearray(64 * 2**30)", "MB of memory"),
    "swell slowly": ("exec('x = bytearray(2**26)\\nwhile True: x = x + x')", "MB of memory"),
}
PASSING = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "no library": "importlib.import_module('nothing_of_that_name')",
    "waits": "time.sleep(600)",
    "ends": "os._exit(1)",
}


def child_that(expression: str, seconds: int = 20) -> list[str]:
    """The command of a process that does this in the place of loading a model."""
    code = f"""
import importlib, os, signal, sys, time
from wdbc_assets.store import isolation, skops_files
isolation._load_libraries = lambda: None
isolation._PROCESSOR_SECONDS = {seconds}
skops_files.from_skops = lambda content, **_: {expression}
sys.exit(isolation.main())
"""
    return [sys.executable, "-c", code]


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", MISBEHAVIOUR)
def test_a_model_that_crashes_hangs_or_swells_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expression, message = MISBEHAVIOUR[kind]
    monkeypatch.setattr(isolation, "_COMMAND", child_that(expression, 1 if kind == "endless" else 20))
    with pytest.raises(WdbcError, match=message) as refused:
        isolation.require_harmless(b"")
    assert not isinstance(refused.value, isolation.NotTried)


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_is_no_refusal(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_COMMAND", child_that(PASSING[kind]))
    monkeypatch.setattr(isolation, "_SECONDS", 20.0)
    with pytest.raises(isolation.NotTried):
        isolation.require_harmless(b"")


def test_no_process_to_be_had_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "run", none)
    with pytest.raises(isolation.NotTried, match="Too many open files"):
        isolation.require_harmless(b"")


@pytest.mark.fault("V19")
def test_a_real_file_that_no_bound_sees_crashes_that_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
from wdbc_assets.store import isolation, skops_files
skops_files._require_sound = lambda model: None
isolation.main()
"""
    monkeypatch.setattr(isolation, "_COMMAND", [sys.executable, "-c", code])
    with pytest.raises(WdbcError, match="SIGSEGV"):
        skops_files.from_skops(hostile.support_out_of_bounds())


@pytest.mark.fault("V19")
def test_a_real_model_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skops_files, "_known", set())
    assert skops_files.from_skops(hostile.machine()).classes_.tolist() == [0, 1]
