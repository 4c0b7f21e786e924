"""Work that hangs is waited for no longer than stated."""

import signal
import threading
import time

import pytest

from wdbc_assets.sources import deadline


def never_called() -> None:
    pytest.fail("work that was done in time was given up")


def test_work_done_in_time_gives_what_it_returns() -> None:
    assert deadline.within(5, lambda: "done", give_up=never_called) == "done"


def test_work_done_in_time_raises_what_it_raises() -> None:
    def work() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        deadline.within(5, work, give_up=never_called)


@pytest.mark.fault("S02")
def test_work_that_hangs_is_given_up_when_the_time_has_passed() -> None:
    given_up = threading.Event()
    begin = time.monotonic()
    with pytest.raises(deadline.DeadlinePassed):
        deadline.within(0.2, lambda: given_up.wait(10), give_up=given_up.set)
    assert 0.2 <= time.monotonic() - begin < 1.2
    assert given_up.is_set()


@pytest.mark.fault("O11")
def test_an_interrupt_ends_the_waiting_at_once_and_gives_the_work_up() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    given_up = threading.Event()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            deadline.within(10, lambda: given_up.wait(10), give_up=given_up.set)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begin < 1.2
    assert given_up.is_set()


@pytest.mark.fault("S02")
def test_work_that_cannot_be_cut_keeps_no_process_alive() -> None:
    release = threading.Event()
    with pytest.raises(deadline.DeadlinePassed):
        deadline.within(0.0, lambda: release.wait(10), give_up=lambda: None)
    left = [thread for thread in threading.enumerate() if thread.name == deadline.THREAD_NAME]
    release.set()
    assert left
    assert all(thread.daemon for thread in left)
