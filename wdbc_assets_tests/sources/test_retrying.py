"""The loop of tries, without a network: the waits between them, and where it ends."""

import dataclasses
import time

import pytest

from wdbc_assets.sources import SourceRefused, SourceUnavailable, retrying
from wdbc_assets.sources.limits import Limits
from wdbc_assets_tests.sources.builders import Waits, short

PASSING = retrying.Fault(what="busy", passing=True, hint="Wait.")
FINAL = retrying.Fault(what="gone", passing=False, hint="Look elsewhere.")


def persist(*outcomes: "str | retrying.Fault", waits: Waits, limits: Limits) -> str:
    coming = iter(outcomes)
    return retrying.persist(
        lambda: next(coming), where="there", limits=limits, clock=waits.clock(), report=lambda line: None
    )


@pytest.mark.fault("S01")
@pytest.mark.parametrize(("jitter", "asked"), [(0.0, [0.5, 1.0, 2.0, 4.0]), (0.999999, [0.25, 0.5, 1.0, 2.0])])
def test_waits_double_and_are_jittered_down_by_up_to_half(jitter: float, asked: list[float]) -> None:
    waits = Waits(jitter=jitter)
    persist(*[PASSING] * 4, "good", waits=waits, limits=short(tries=5, total_seconds=60))
    assert waits.asked == pytest.approx(asked, abs=1e-5)


@pytest.mark.fault("S01")
def test_no_wait_is_longer_than_the_longest() -> None:
    waits = Waits()
    persist(*[PASSING] * 6, "good", waits=waits, limits=short(tries=9, total_seconds=60, longest_wait_seconds=3))
    assert waits.asked == [0.5, 1, 2, 3, 3, 3]


@pytest.mark.fault("S02")
def test_the_waits_count_against_the_total_time() -> None:
    waits = Waits()
    with pytest.raises(SourceUnavailable, match=r"busy \(4 attempts in 3\.\d s\)"):
        persist(*[PASSING] * 9, waits=waits, limits=short(tries=9, total_seconds=7))
    assert waits.asked == [0.5, 1, 2]


@pytest.mark.fault("S04")
def test_an_error_that_is_not_transient_ends_the_tries() -> None:
    waits = Waits()
    with pytest.raises(SourceRefused) as raised:
        persist(PASSING, FINAL, "good", waits=waits, limits=short())
    assert (raised.value.what, raised.value.where, raised.value.hint) == ("gone", "there", "Look elsewhere.")
    assert waits.asked == [0.5]


def test_a_fault_that_knows_its_place_is_reported_there() -> None:
    with pytest.raises(SourceRefused) as raised:
        persist(dataclasses.replace(FINAL, where="behind a proxy"), waits=Waits(), limits=short())
    assert raised.value.where == "behind a proxy"


@pytest.mark.fault("S02")
def test_an_attempt_that_hangs_is_not_tried_again() -> None:
    tries: list[float] = []

    def hang() -> retrying.Fault:
        tries.append(time.monotonic())
        time.sleep(0.5)
        return PASSING

    with pytest.raises(SourceUnavailable, match=r"no complete response within 0\.1 s"):
        retrying.persist(
            hang, where="there", limits=short(total_seconds=0.1), clock=Waits().clock(), report=lambda line: None
        )
    assert len(tries) == 1
