"""Every kind of stored file, damaged in every way, under every command: named, never used, never a crash nor a wait.

In CI a sample, the same one each time. All of it: `MUTATIONS=all pytest wdbc_assets_tests/store/test_mutations.py`;
of a store of one's own, with the slow commands: `MUTATIONS=all MUTATIONS_OF=FOLDER`, which is copied and not changed.
"""

import hashlib
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from wdbc_assets.cli import wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets_tests import builders
from wdbc_assets_tests.store import mutations

ALL = os.environ.get("MUTATIONS") == "all"
OF = os.environ.get("MUTATIONS_OF", "")
SAMPLE = 16
SECONDS = 120  # far more than any of these commands takes
VERSION = "VERSION"  # stands for the first digits of the earlier champion

COMMANDS: list[list[str]] = [
    ["status"], ["status", "--json"], ["champion"], ["history", "--verify"], ["gc"], ["gc", "--apply"],
    ["shadow", "status"], ["predict", "batch.csv", "scores.csv"], ["export", "exported"],
    ["promote", "--dry-run"], ["rollback", "--reason", "r"], ["rollback", "--to", VERSION, "--reason", "r"],
    ["shadow", "stop"], ["shadow", "start"],
]  # fmt: skip
SLOW: list[list[str]] = [["run"], ["verify"], ["explore"], ["report"], ["promote"], ["evaluate", "--protocol", "quick"]]

NAMED_BY: list[tuple[str, list[str], frozenset[str]]] = [
    ("store.json", ["status"], frozenset({"deleted"})),
    ("champion/current.json", ["champion"], frozenset()),
    ("champion/history.jsonl", ["history"], frozenset()),
    ("champion/history.json", ["history"], frozenset()),
    ("champion/promoted/*", ["champion"], frozenset()),
    ("champion/versions/*/*", ["gc", "champion"], frozenset()),
    ("champion/evidence/*", ["history", "--verify"], frozenset()),
    ("champion/experiment.json", ["shadow", "status"], frozenset({"deleted", "emptied"})),
    ("champion/challengers/*", ["gc"], frozenset()),
    ("champion/pairs/*/*/*/*", ["shadow", "status"], frozenset({"deleted", "emptied", "one byte altered"})),
    ("*/refused.json", ["status"], frozenset({"deleted", "a list", "null"})),
    ("*/current.json", ["status"], frozenset()),
    ("runs/*/*", ["gc"], frozenset({"deleted", "a folder"})),  # an empty folder says as little as no file
    ("*/versions/*/*", ["status"], frozenset()),
]
"""Which command names damage to which file, and the kinds that leave a file as it may be."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "results"
    if OF:
        shutil.copytree(OF, folder, symlinks=True)
    else:
        mutations.make(folder)
    return folder


@pytest.fixture
def batch(environment: Path) -> Path:
    path = environment / "batch.csv"
    path.write_bytes(builders.bundled_uci_bytes())
    return path


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def ask(command: Sequence[str], version: str = "") -> tuple[int, str]:
    """Run a command in this process; return its exit code and all that it said. A crash or a wait is an error."""

    def waited(_number: int, _frame: object) -> None:
        raise AssertionError(f"{command} still waits after {SECONDS} s")

    signal.signal(signal.SIGALRM, waited)
    signal.alarm(SECONDS)
    try:
        result = CliRunner().invoke(wdbc, [version if word == VERSION else word for word in command])
    finally:
        signal.alarm(0)
    error = result.exception
    if error is not None and not isinstance(error, WdbcError | click.ClickException | SystemExit):
        raise AssertionError(f"{command}: {type(error).__name__}") from error
    if isinstance(error, WdbcError):
        return 1, f"{result.output}{error.what} {error.where} {error.hint}"
    return result.exit_code, result.output


def restored(whole: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder, symlinks=True)


def earlier(whole: Path) -> str:
    """The champion that is not in production."""
    current = (whole / "champion/current.json").read_text()
    return next(path.stem for path in (whole / "champion/promoted").iterdir() if path.stem not in current)


def cases(whole: Path) -> Iterator[tuple[str, str]]:
    """Every file with every kind of damage, or a sample of them: those whose digest comes first."""
    every = [(path.relative_to(whole).as_posix(), kind) for path in mutations.stored(whole) for kind in mutations.KINDS]
    # Versions differ from machine to machine: they take no part in the choice.
    by_digest = sorted(every, key=lambda case: hashlib.sha256(f"{Path(case[0]).parts[0]}{case[1]}".encode()).digest())
    yield from every if ALL else by_digest[:: max(1, len(by_digest) // SAMPLE)]


def naming(path: str, kind: str) -> list[str] | None:
    """The command that has to name this damage, None if there is nothing to name."""
    for pattern, command, harmless in NAMED_BY:
        if Path(path).match(pattern):
            return None if kind in harmless else command
    return None


def surviving(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.fault("F13")
@pytest.mark.fault("F14")
@pytest.mark.fault("F16")
def test_whatever_is_damaged_is_named_and_nothing_crashes_waits_or_is_lost(
    whole: Path, environment: Path, batch: Path
) -> None:
    folder = environment / "results"
    assert batch.exists()
    restored(whole, folder)
    version, sound = earlier(whole)[:12], {" ".join(command): ask(command) for command in COMMANDS[:4]}
    counted: Counter[str] = Counter()
    failed = []
    for path, kind in cases(whole):
        counted["cases"] += 1
        try:
            _try(whole, folder, (path, kind), version, counted)
        except AssertionError as error:
            failed.append(f"{path} {kind}: {error}")
    restored(whole, folder)
    assert {" ".join(command): ask(command) for command in COMMANDS[:4]} == sound
    assert not failed, "\n".join(failed)
    assert counted["commands"] > counted["cases"] >= SAMPLE
    print(dict(counted))  # noqa: T201 -- the figures of the long form


def _try(whole: Path, folder: Path, case: tuple[str, str], version: str, counted: Counter[str]) -> None:
    path, kind = case
    command = naming(path, kind)
    said = ""
    for asked in [*COMMANDS, *(SLOW if OF else [])]:
        restored(whole, folder)
        mutations.KINDS[kind](folder / path)
        before = surviving(folder)
        code, output = ask(asked, version)
        counted["commands"] += 1
        counted[f"exit {code}"] += 1
        lost = {name for name in before - surviving(folder) if not name.startswith("champion/experiment")}
        assert not lost, f"{asked} removed {sorted(lost)[:3]}"
        if command is not None and asked[0] in command:
            said += output if code or _says(output) else ""
    assert command is None or said, f"{command} does not name it"


def _says(output: str) -> bool:
    return any(
        word in output
        for word in ("damaged", "missing", "problem", "was altered", "never been materialized", "in production")
    )


def _without_promoted(folder: Path) -> None:
    shutil.rmtree(folder / "champion/promoted")


def _missing(*names: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for name in names:
            (folder / "champion" / name).unlink()

    return damage


def _with(kind: str, name: str) -> Callable[[Path], None]:
    return lambda folder: mutations.KINDS[kind](folder / "champion" / name)


WRECKS: dict[str, Callable[[Path], None]] = {
    "one line": _with("one byte altered", "history.jsonl"),
    "no history": _missing("history.jsonl"),
    "no head": _missing("history.json"),
    "an empty history": _with("emptied", "history.jsonl"),
    "a folder for a history": _with("a folder", "history.jsonl"),
    "a pipe for a history": _with("a pipe", "history.jsonl"),
    "a folder for a head": _with("a folder", "history.json"),
    "a huge history": _with("huge", "history.jsonl"),
    "no pointer": _missing("current.json"),
    "a folder for a pointer": _with("a folder", "current.json"),
    "neither history nor head nor pointer": _missing("history.jsonl", "history.json", "current.json"),
    "no manifests": _without_promoted,
}


@pytest.mark.fault("F13")
@pytest.mark.parametrize("wreck", WRECKS)
def test_there_is_a_way_back_by_the_tool(whole: Path, environment: Path, batch: Path, wreck: str) -> None:
    assert batch.exists()
    folder = environment / "results"
    restored(whole, folder)
    version = earlier(whole)
    WRECKS[wreck](folder)
    code, output = ask(["rollback", "--to", version[:12], "--reason", "it was damaged"])
    assert code == 0, output
    assert version in (folder / "champion/current.json").read_text()
    code, output = ask(["history"])
    assert "it was damaged" in output
    assert ask(["predict", "batch.csv", "scores.csv"])[0] == 0
    aside = [path.name for path in (folder / "champion").iterdir() if ".damaged-" in path.name]
    assert len(aside) == (wreck.startswith(("a folder", "a pipe"))), "what was in its place stays as evidence"
    if wreck == "one line":
        assert len((folder / "champion/history.jsonl").read_bytes().splitlines()) == 4, "the damaged line stays"


@pytest.mark.fault("F12")
def test_a_damaged_history_is_not_believed_and_says_which_champions_there_are(whole: Path, environment: Path) -> None:
    folder = environment / "results"
    restored(whole, folder)
    mutations.KINDS["one byte altered"](folder / "champion/history.jsonl")
    code, output = ask(["rollback", "--reason", "r"])
    assert code == 1
    assert "wdbc rollback --to VERSION" in output
    assert earlier(whole)[:12] in output


@pytest.mark.fault("F13")
@pytest.mark.parametrize("wreck", ["no pointer", "neither history nor head nor pointer"])
def test_a_champion_that_was_lost_is_not_taken_for_none(whole: Path, environment: Path, wreck: str) -> None:
    restored(whole, environment / "results")
    WRECKS[wreck](environment / "results")
    for command in (["promote", "--dry-run"], ["promote", "--force", "--reason", "r"]):
        code, output = ask(command)
        assert code == 1
        assert "cannot determine what is in production" in output or "never been materialized" in output, output
