"""The registry: the champion moves by decisions alone, one at a time, and a killed writer leaves nothing half done."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.registry import audit_log
from wdbc_assets.registry.decision_log import Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import parsing, paths
from wdbc_assets.store.backends import LocalFolder
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import decision, draft, is_consistent, judgement, promote, rollback, serving

PROMOTER = """
import sys
from pathlib import Path
from wdbc_assets.registry.decision_log import Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.registry.promotions import decision, draft
store = open_store(sys.argv[1], relative_to=Path("/"))
content = sys.argv[2].encode()
expected = open_registry(store).standing().version
print("evaluated", flush=True)
sys.stdin.readline()
try:
    open_registry(store).promote(draft(store, content), decision(), expected=expected)
except Superseded as error:
    sys.exit(error.what)
"""


def champion_files(folder: Path, version: str | None) -> list[Path]:
    return list((folder / "champion/versions" / str(version)).iterdir())


# One decision after the other


def test_a_promotion_moves_the_pointer_and_stands_in_the_history(store: Store) -> None:
    first = promote(store, b"a", verdict="first")
    second = promote(store, b"b", reason="better", forced=True, evidence="e" * 64)
    assert serving(store) == b"b"
    assert is_consistent(store)
    assert (first.number, first.before, second.before, second.after) == (1, None, first.after, second.after)
    standing = open_registry(store).standing()
    assert standing.since == standing.promotion == second
    assert (second.actor, second.reason, second.forced, second.evidence) == ("ada", "better", True, "e" * 64)
    assert [entry.after for entry in standing.earlier] == [first.after]


def test_a_refused_candidate_stands_in_the_history_and_moves_nothing(store: Store) -> None:
    promote(store, b"a", recipe="logistic")
    version = open_registry(store).standing().version
    kept = open_registry(store).keep(decision(verdict="cannot tell", recipe="svc"), expected=version)
    assert (kept.action, kept.before, kept.after, kept.recipe) == (audit_log.KEPT, version, version, "logistic")
    assert serving(store) == b"a"
    assert is_consistent(store)
    assert open_registry(store).standing().recipe == "logistic"


def test_evidence_is_read_back_as_it_was_kept_or_not_at_all(local: Store, folder: Path) -> None:
    registry = open_registry(local)
    digest = registry.keep_evidence(judgement())
    assert registry.evidence(digest) == judgement()
    promote(local, b"a", evidence=digest)
    assert registry.lost_evidence() == []
    path = folder / paths.evidence(digest)
    path.write_text(path.read_text().replace("better", "worse"))
    with pytest.raises(DamagedStore, match="evidence"):
        registry.evidence(digest)
    assert registry.lost_evidence() == ["the evidence of entry 1 is missing or was altered"]


@pytest.mark.fault("F13")
@pytest.mark.parametrize("facts", [{"verdict": 1}, {"verdict": {"name": 1}}, {"champion": []}, {"more": 1}])
def test_evidence_of_another_shape_is_damaged_though_its_digest_fits(local: Store, facts: dict[str, object]) -> None:
    content = json.dumps(parsing.plain(judgement()) | facts).encode()
    digest = hashlib.sha256(content).hexdigest()
    local.backend.replace(paths.evidence(digest), content)
    with pytest.raises(DamagedStore, match="evidence"):
        open_registry(local).evidence(digest)


# Back


def test_rollbacks_lead_further_back_and_not_to_and_fro(store: Store) -> None:
    registry = open_registry(store)
    for content in (b"a", b"b", b"c"):
        promote(store, content, recipe=content.decode())
    back = rollback(registry)
    assert (serving(store), back.action, back.recipe, back.verdict) == (b"b", audit_log.ROLLED_BACK, "b", None)
    assert rollback(registry).recipe == "a"
    assert serving(store) == b"a"
    with pytest.raises(WdbcError, match="no earlier champion"):
        rollback(registry)
    promote(store, b"d", recipe="d")
    assert rollback(registry).recipe == "a"
    assert is_consistent(store)


def test_a_rollback_to_a_version_is_by_its_first_digits(store: Store) -> None:
    first, second, third = (promote(store, content) for content in (b"a", b"b", b"c"))
    registry = open_registry(store)
    assert rollback(registry, str(first.after)[:12]).after == first.after
    assert rollback(registry, str(third.after)[:12]).after == third.after
    with pytest.raises(WdbcError, match="is already the champion"):
        rollback(registry, str(third.after))
    with pytest.raises(WdbcError, match="no champion version starts with 0123") as caught:
        rollback(registry, "0123")
    assert str(second.after)[:12] in caught.value.hint or str(first.after)[:12] in caught.value.hint
    with pytest.raises(WdbcError, match="more than one champion version"):
        rollback(registry, "")


def test_a_version_that_was_never_champion_is_nothing_to_go_back_to(store: Store) -> None:
    promote(store, b"a")
    candidate = draft(store, b"never evaluated")
    store.write(candidate)
    with pytest.raises(WdbcError, match="no champion version"):
        rollback(open_registry(store), candidate.manifest.version)


@pytest.mark.fault("V08")
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"else")], ids=["deleted", "swapped"])
def test_a_damaged_champion_is_named_and_the_earlier_one_can_be_gone_back_to(
    local: Store, folder: Path, damage: Callable[[Path], object]
) -> None:
    first, second = promote(local, b"a"), promote(local, b"b")
    (stored,) = champion_files(folder, second.after)
    damage(stored)
    registry = open_registry(local)
    (problems,) = registry.standing().problems
    assert problems.startswith(("stored file of champion is missing", "stored file of champion was altered"))
    with pytest.raises(DamagedStore) as caught:
        serving(local)
    assert "wdbc rollback" in caught.value.hint
    assert rollback(registry).after == first.after
    assert serving(local) == b"a"
    assert is_consistent(local)
    with pytest.raises(DamagedStore):  # and there is no way forward into the damage
        rollback(registry, str(second.after))
    assert serving(local) == b"a"


@pytest.mark.fault("V08")
def test_a_damaged_pointer_keeps_promotions_out_and_a_rollback_puts_back_what_the_history_says(
    local: Store, folder: Path
) -> None:
    promote(local, b"a")
    second = promote(local, b"b")
    (folder / "champion/current.json").write_text("{")
    registry = open_registry(local)
    standing = registry.standing()
    assert standing.manifest is None
    assert "pointer is damaged" in standing.problems[0]
    with pytest.raises(DamagedStore, match="pointer is damaged") as caught:
        registry.promote(draft(local, b"c"), decision(), expected=None)
    assert "wdbc rollback" in caught.value.hint
    assert rollback(registry).after == second.after
    assert serving(local) == b"b"
    assert is_consistent(local)


def test_a_pointer_that_was_put_back_by_hand_is_found(local: Store, folder: Path) -> None:
    first = promote(local, b"a")
    earlier = (folder / "champion/current.json").read_bytes()
    second = promote(local, b"b")
    (folder / "champion/current.json").write_bytes(earlier)
    (problems,) = open_registry(local).standing().problems
    pointed, logged = str(first.after)[:12], str(second.after)[:12]
    assert problems == f"the pointer is at {pointed}, but according to the audit log it is at {logged}"


# Two at once


def test_a_decision_on_a_champion_that_is_no_more_moves_nothing(store: Store) -> None:
    first = promote(store, b"a")
    registry = open_registry(store)
    promote(store, b"b")
    with pytest.raises(Superseded, match="another decision moved the champion in the meantime") as caught:
        registry.promote(draft(store, b"c"), decision(), expected=first.after)
    assert "wdbc promote" in caught.value.hint
    with pytest.raises(Superseded):
        registry.keep(decision(verdict="worse"), expected=first.after)
    assert serving(store) == b"b"
    assert len(registry.standing().history.entries) == 2


@pytest.mark.parametrize("round_", range(3))
def test_of_two_promotions_at_once_one_wins_and_one_gets_an_error(local: Store, folder: Path, round_: int) -> None:
    promote(local, b"a")
    command = [sys.executable, "-c", PROMOTER, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    rivals = [
        subprocess.Popen([*command, content], cwd=settings.project_root(), text=True, **pipes)  # type: ignore[call-overload]
        for content in ("b", "c")
    ]
    for rival in rivals:
        assert rival.stdout.readline() == "evaluated\n"
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    message = [rival.communicate(timeout=60)[1] for rival in rivals]
    codes = [rival.returncode for rival in rivals]
    assert sorted(codes) == [0, 1], message
    assert "another decision moved the champion in the meantime" in message[codes.index(1)]
    assert serving(local) == (b"b", b"c")[codes.index(0)]
    assert [entry.number for entry in open_registry(local).standing().history.entries] == [1, 2]
    assert is_consistent(local)


# Killed

KILLED = """
import os, signal, sys
from pathlib import Path
from wdbc_assets.store.backends import LocalFolder
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store
from wdbc_assets_tests.registry.promotions import promote, rollback
import hashlib
import json
from wdbc_assets.store import parsing
class Mortal(LocalFolder):
    writes = 0
    def replace(self, path, content):
        if Mortal.writes == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        Mortal.writes += 1
        super().replace(path, content)
store = Store(Mortal(Path(sys.argv[1])))
if sys.argv[3] == "promote":
    promote(store, b"b", recipe="svc")
else:
    rollback(open_registry(store))
"""


def killed_before(write: int, folder: Path, deed: str) -> int:
    command = [sys.executable, "-c", KILLED, str(folder), str(write), deed]
    return subprocess.run(command, cwd=settings.project_root(), check=False, timeout=60).returncode


@pytest.mark.parametrize(("deed", "after"), [("promote", b"b"), ("roll back", b"0")])
def test_a_decision_that_is_killed_at_any_write_is_either_not_made_or_finished_by_the_next(
    tmp_path: Path, deed: str, after: bytes
) -> None:
    outcomes = []
    for write in range(12):
        folder = tmp_path / str(write)
        store = Store(LocalFolder(folder))
        promote(store, b"0")
        promote(store, b"a")
        code = killed_before(write, folder, deed)
        assert code in (0, -signal.SIGKILL)
        seen = serving(store)  # a reader gets a whole champion: the one before, or the new one
        assert seen in (b"a", after)
        standing = open_registry(store).standing()
        entries = len(standing.history.entries)
        assert standing.history.problems == ()
        if standing.history.unfinished is not None:
            assert standing.problems == ("entry 3 is unfinished: the next decision completes it",)
        with open_registry(store).deciding():
            pass
        assert is_consistent(store)
        assert serving(store) == (after if entries == 3 else b"a")
        outcomes.append((code, seen, entries))
        if code == 0:
            break
    assert outcomes[-1] == (0, after, 3)
    assert (-signal.SIGKILL, b"a", 2) in outcomes  # killed before the entry: nothing was decided
    assert (-signal.SIGKILL, b"a", 3) in outcomes  # between entry and pointer
    assert (-signal.SIGKILL, after, 3) in outcomes  # between pointer and head


def test_an_unfinished_decision_is_finished_before_the_next_one_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = Store(LocalFolder(folder))
    promote(store, b"a")
    before = open_registry(store).standing().version
    for write in range(12):
        killed_before(write, folder, "promote")
        if len(open_registry(store).standing().history.entries) == 2:
            break
    assert open_registry(store).standing().version == before
    with pytest.raises(Superseded):  # for now the unfinished one is the champion
        open_registry(store).promote(draft(store, b"c"), decision(), expected=before)
    assert serving(store) == b"b"
    assert is_consistent(store)


def test_what_the_bundle_is_made_of_must_still_be_there(local: Store, folder: Path) -> None:
    source = local.draft("fitted_pipeline", {"recipe": "logistic"}, run_id="run-0")
    local.commit(source, run_id="run-0")
    (folder / paths.version_file(source.manifest, "fitted_pipeline.json")).unlink()
    with pytest.raises(DamagedStore, match="fitted_pipeline is missing"):
        open_registry(local).promote(draft(local, b"a"), decision(), expected=None, made_of=[source.manifest])
    assert serving(local) is None
    assert open_registry(local).standing().history.entries == ()
