"""One look from end to end: a problem in a store reaches a receiver on loopback, whatever is killed or away."""

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts import detectors, outbox, sending
from wdbc_assets.orchestration import alert_sensor, alerting, resources
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.orchestration.instance import open_instance
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.monitoring.alerts.receivers import HANG, Webhook
from wdbc_assets_tests.orchestration import killed_alerts


@pytest.fixture
def store(environment: Path) -> Store:
    return open_store(str(environment / "results"), relative_to=environment)


@pytest.fixture
def instance(empty_history: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance() as opened:
        yield opened


def look_and_send(store: Store) -> alerting.Look:
    """Look, and send in this process."""
    config = settings.load()
    result = alerting.look(store, config, None)
    sending.deliver(settings.home(), config.alert_channels())
    return result


def refuse(store: Store, run_id: str = "run-1") -> None:
    store.note_refusal("raw_data", run_id=run_id, reasons=["the source is empty"])


@pytest.mark.fault("O13")
def test_many_failures_are_one_message_and_their_end_is_another(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with Webhook() as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        for number in range(20):
            refuse(store, f"run-{number}")
            alerting.look(store, settings.load(), None)
        look_and_send(store)
        store.forget_refusal("raw_data")
        look_and_send(store)
    assert [request.title for request in receiver.requests] == [
        "wdbc: refused: raw_data",
        "wdbc: closed: refused: raw_data",
    ]
    assert "id: refused-asset:raw_data:run0" in receiver.requests[0].text


def test_each_channel_receives_its_severity_and_higher_ones(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with Webhook() as errors, Webhook() as all_:
        monkeypatch.setenv("WDBC_ALERTS", f"error={errors.url} warning={all_.url}")
        refuse(store)
        monkeypatch.setenv("WDBC_SOURCE", "/nowhere/wdbc.data")
        look_and_send(store)
        assert [request.title for request in errors.requests] == [request.title for request in all_.requests]
        assert errors.requests[0].title.endswith("(and 1 more)"), "what is found together is one message"


def test_what_is_open_when_the_first_channel_is_configured_is_sent_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(store)
    assert [episode.state for episode in look_and_send(store).episodes] == ["open"]
    with Webhook() as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        look_and_send(store)
    assert len(receiver.requests) == 1


@pytest.mark.fault("O12")
def test_kill_9_anywhere_between_a_problem_and_its_message_loses_nothing(tmp_path: Path) -> None:
    with Webhook() as receiver:
        command = [sys.executable, "-m", killed_alerts.__name__, str(tmp_path), receiver.address]
        root = Path(__file__).resolve().parents[2]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
    keys = defaultdict(list)
    for request in receiver.requests:
        keys[request.path].append(request.key)
    assert len(keys) == killed_alerts.REPETITIONS
    assert all(len(set(sent)) == 1 for sent in keys.values()), "what is sent twice has the same key"
    twice = [path for path, sent in keys.items() if len(sent) == 2]
    assert twice == ["/5", "/11"], "only what was sent and not removed is sent again"


@pytest.mark.slow
@pytest.mark.fault("O12")
def test_fifty_kills_at_any_instant_lose_no_alert_and_change_no_order(tmp_path: Path) -> None:
    with Webhook() as receiver:
        command = [sys.executable, "-m", killed_alerts.__name__, str(tmp_path), receiver.address, "random"]
        root = Path(__file__).resolve().parents[2]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr
    once = list({request.key: request.title for request in receiver.requests}.values())
    opened, closed = "wdbc: refused: raw_data", "wdbc: closed: refused: raw_data"
    assert once == [opened, closed] * (killed_alerts.RANDOM_KILLS // 2), "by a receiver that honours the key"


@pytest.mark.fault("O12")
def test_the_end_of_a_run_waits_at_most_two_seconds_for_a_channel_that_hangs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(store)
    with Webhook(HANG) as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        began = time.monotonic()
        assert alerting.after_run(store, settings.load(), None) is None
        assert time.monotonic() - began < alerting.RUN_SECONDS + 0.5


@pytest.mark.fault("O12")
def test_a_look_that_takes_too_long_is_reported_and_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "RUN_SECONDS", 0.05)
    monkeypatch.setattr(alerting, "look", lambda *_: time.sleep(0.5))
    monkeypatch.setattr(alerting, "send", lambda *_, **__: None)
    problem = alerting.after_run(store, settings.load(), None)
    assert problem is not None
    assert problem.what == "alerts could not be derived within 0.05 s after the run"
    for thread in threading.enumerate():
        if thread.name == alerting.THREAD:
            thread.join()


@pytest.mark.fault("O12")
def test_an_outbox_that_cannot_be_written_is_reported_and_raises_nothing(store: Store, environment: Path) -> None:
    (environment / "home" / outbox.FILE).mkdir(parents=True)
    problem = alerting.after_run(store, settings.load(), None)
    assert problem is not None
    assert problem.what.startswith("alerts cannot be recorded")
    assert problem.where == str(environment / "home" / outbox.FILE)


def test_a_bug_at_the_end_of_a_run_is_reported_by_its_type(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "look", lambda *_: 1 / 0)
    problem = alerting.after_run(store, settings.load(), None)
    assert problem is not None
    assert problem.what == "alerts failed: unexpected ZeroDivisionError, a bug in wdbc"


@pytest.mark.fault("X10")
def test_no_value_of_a_patient_reaches_an_alert_whatever_may_be_shown(
    store: Store, instance: dg.DagsterInstance, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = environment / "broken.data"
    broken.write_text("8675309,Canary," + ",".join(["12.345678"] * 30) + "\n")
    monkeypatch.setenv("WDBC_SHOW_VALUES", "true")
    monkeypatch.setenv("WDBC_SOURCE", str(broken))
    with Webhook() as receiver:
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        run = defs.resolve_job_def("refresh").execute_in_process(instance=instance, raise_on_error=False)
        assert not run.success
        alerting.look(store, settings.load(), detectors.opened(instance))
        sending.deliver(settings.home(), settings.load().alert_channels())
    (request,) = receiver.requests
    sent = request.title + request.text
    assert "failed run: job refresh" in sent
    assert "refused: raw_data" in sent
    assert not [value for value in ("8675309", "Canary", "12.345678") if value in sent]


def tick(instance: dg.DagsterInstance) -> str | None:
    with dg.build_sensor_context(instance=instance, resources={"store": resources.StoreResource()}) as context:
        result = alert_sensor.alerts.evaluate_tick(context)
    assert not result.run_requests
    return result.skip_message


def test_the_sensor_sends_and_says_what_is_open(
    store: Store, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(store)
    with Webhook() as receiver:
        assert tick(instance) == "WDBC_ALERTS is not set: there is nobody to alert."
        monkeypatch.setenv("WDBC_ALERTS", f"error={receiver.url}")
        assert tick(instance) == "1 open alerts; 1 new messages."
        assert tick(instance) == "1 open alerts; 0 new messages."
        store.forget_refusal("raw_data")
        assert tick(instance) == "0 open alerts; 1 new messages."
    assert len(receiver.requests) == 2


def test_the_sensor_is_off_by_default_and_looks_every_half_minute() -> None:
    sensor = defs.get_repository_def().get_sensor_def("alerts")
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 30


@pytest.mark.fault("O12")
def test_a_tick_fails_with_the_reason_if_the_outbox_cannot_be_written(
    instance: dg.DagsterInstance, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (environment / "home" / outbox.FILE).mkdir()
    monkeypatch.setenv("WDBC_ALERTS", "error=json://127.0.0.1:9/")
    with pytest.raises(WdbcError, match="alerts cannot be recorded"):
        tick(instance)
