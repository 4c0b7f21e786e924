"""A service beside a champion or a challenger that would crash it, and beside a store that hangs."""

import dataclasses
import errno
import signal
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.serving.api import schemas
from wdbc_assets.serving.models import champion as watched
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import Champion, Refusal
from wdbc_assets.store import isolation
from wdbc_assets.store.manifest import stored_file, version_of
from wdbc_assets_tests import hostile
from wdbc_assets_tests.registry import promotions
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.models.test_champion import figure, version, with_file, workers
from wdbc_assets_tests.serving.running import Service

ONE = {"patients": [schemas.EXAMPLE]}
PATIENCE = 120.0  # a process that imports scikit-learn beside a busy test session

HANGING = """
import os, pathlib, time
MARK = pathlib.Path(os.environ["HANGS_WHILE"])
def hanging(read):
    def wait(path, *arguments, **named):
        while "/results/" in str(path) and MARK.exists():
            time.sleep(0.05)
        return read(path, *arguments, **named)
    return wait
pathlib.Path.read_bytes = hanging(pathlib.Path.read_bytes)
os.open = hanging(os.open)
"""


def promote_hostile(folder: Path, kind: str) -> None:
    with_file(champions.bundle("svc"), folder, "pipeline.skops", lambda _: hostile.KINDS[kind](), whole=True)


@pytest.mark.fault("V19")
@pytest.mark.parametrize("kind", ["support_out_of_bounds", "nested_lists"])
def test_a_champion_that_would_crash_or_hang_is_refused_and_workers_live(tmp_path: Path, kind: str) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", "2") as service:
        service.until(lambda: figure(service, "wdbc_champion{") == 2, PATIENCE)
        before = workers(service)
        promote_hostile(tmp_path, kind)
        service.until(lambda: "refused" in service.ask("/health/ready").json["refresh"], PATIENCE)
        service.until(lambda: figure(service, "wdbc_champion_refused") == 1, PATIENCE)
        assert version(service) == first.version
        assert workers(service) == before, "no worker died"
        scored = running.wdbc(tmp_path, "predict", str(patients_file(tmp_path)), "out.csv")
        assert scored.returncode == 1, scored.stderr
        assert scored.stderr.count("error:") == 1, scored.stderr
        assert "not a model file" in scored.stderr
        assert "Traceback" not in scored.stderr
        assert not (tmp_path / "out.csv").exists()
        second = champions.promote(tmp_path, champions.bundle("logistic", 43))
        service.until(lambda: version(service) == second.version, PATIENCE)
        service.until(lambda: figure(service, "wdbc_champion_refused") == 0, PATIENCE)


def patients_file(folder: Path) -> Path:
    path = folder / "patients.csv"
    rows = champions.patients(3)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.fault("V12")
@pytest.mark.fault("V19")
def test_a_challenger_that_would_crash_the_worker_never_answers(tmp_path: Path) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    challenge_hostile(tmp_path, "support_out_of_bounds", share=0.9)
    with running.serving(tmp_path) as service:
        service.until(lambda: "challenger under test was refused" in log(tmp_path), PATIENCE)
        assert all(version(service) == first.version for _ in range(20))
        assert service.ask("/v1/model").json["challenger"] is None


def challenge_hostile(folder: Path, kind: str, *, share: float) -> None:
    store = champions.store_in(folder)
    router = promotions.challenge(store, champions.bundle("svc"), recipe="svc", share=share)
    draft = store.draft("champion", champions.bundle("svc"), run_id="forged")
    contents = {**draft.contents, "pipeline.skops": hostile.KINDS[kind]()}
    files = {name: stored_file(content) for name, content in contents.items()}
    manifest = dataclasses.replace(router.challenger, files=files, version=version_of(files))
    store.write(dataclasses.replace(draft, contents=contents, manifest=manifest))
    forged = dataclasses.replace(router, challenger=manifest)
    (folder / "results/champion/experiment.json").write_bytes(forged.to_json())


def log(folder: Path) -> str:
    path = folder / "wdbc.jsonl"
    return path.read_text() if path.exists() else ""


# A refusal by a passing cause

PASSING = [MemoryError(), OSError(errno.EMFILE, "Too many open files"), ImportError(), isolation.NotTried("later")]


def failing_once(error: Exception, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the first opening of a bundle fail so, and no pause be long."""
    tries: list[int] = []
    opened = watched.opened

    def fail(contents: dict[str, bytes]) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return opened(contents)

    monkeypatch.setattr(watched, "opened", fail)
    monkeypatch.setattr("wdbc_assets.serving.models.challenger.opened", fail)
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.0)
    return tries


@pytest.mark.fault("V08")
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_refusal_by_a_passing_cause_is_tried_again(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(error, monkeypatch)
    first = champions.promote(tmp_path, champions.bundle())
    champion = Champion(champions.store_in(tmp_path))
    champion.look()
    assert champion.answering is None
    assert "refused" in champion.refresh
    champion.look()
    assert champion.now().served.version == first.version
    assert champion.refresh == watched.OK


@pytest.mark.fault("V08")
def test_a_refusal_for_good_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = failing_once(WdbcError("it is none"), monkeypatch)
    champions.promote(tmp_path, champions.bundle())
    champion = Champion(champions.store_in(tmp_path))
    for _ in range(3):
        champion.look()
    assert len(tries) == 1
    assert "it is none" in champion.refresh


@pytest.mark.fault("V12")
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_challenger_refused_by_a_passing_cause_is_tried_again(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(error, monkeypatch)
    champions.promote(tmp_path, champions.bundle())
    champions.challenge(tmp_path, champions.bundle("logistic", 43), share=0.5)
    router = ChallengerRouter(champions.store_in(tmp_path))
    router.look()
    assert router.variant is None
    router.look()
    assert router.variant is not None


def test_pauses_grow_up_to_a_minute() -> None:
    refusal, pauses = None, []
    for _ in range(8):
        refusal = Refusal.after(refusal, "version", MemoryError())
        pauses.append(refusal.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert Refusal.after(refusal, "another", MemoryError()).pause == 1


# A store that hangs


@pytest.fixture
def hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mark: as long as it is there, no file of the store can be read by the service."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HANGING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("HANGS_WHILE", str(tmp_path / "hangs"))
    return tmp_path / "hangs"


def stale(service: Service) -> bool:
    return figure(service, "wdbc_champion_stale") == 1


@pytest.mark.fault("F14")
@pytest.mark.parametrize("workers_", ["1", "2"])
def test_a_store_that_hangs_is_reported_and_followed_again_and_term_ends(
    tmp_path: Path, hangs: Path, workers_: str
) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", workers_) as service:
        service.until(lambda: figure(service, "wdbc_champion{") == int(workers_), PATIENCE)
        hangs.touch()
        service.until(lambda: stale(service), PATIENCE)
        service.until(lambda: "cannot be asked" in service.ask("/health/ready").json["refresh"], PATIENCE)
        assert version(service) == first.version
        hangs.unlink()
        second = champions.promote(tmp_path, champions.bundle("logistic", 43))
        service.until(lambda: version(service) == second.version, PATIENCE)
        service.until(lambda: not stale(service), PATIENCE)
        hangs.touch()
        service.until(lambda: stale(service), PATIENCE)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0


@pytest.mark.fault("F14")
def test_with_a_store_that_hangs_the_service_starts_and_is_not_ready(tmp_path: Path, hangs: Path) -> None:
    first = champions.promote(tmp_path, champions.bundle())
    hangs.touch()
    with running.serving(tmp_path) as service:
        refused = service.ask("/health/ready")
        assert refused.status == 503
        assert "cannot be asked" in refused.json["detail"]
        assert stale(service)
        hangs.unlink()
        service.until(lambda: service.ask("/health/ready").status == 200, PATIENCE)
        assert version(service) == first.version
