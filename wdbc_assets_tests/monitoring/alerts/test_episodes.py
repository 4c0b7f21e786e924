"""Episodes: what opens and closes them, and what a person is sent. Time is moved by the tests."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from wdbc_assets import safe_text
from wdbc_assets.monitoring.alerts import episodes
from wdbc_assets.monitoring.alerts.causes import Occurrence
from wdbc_assets.monitoring.alerts.episodes import Episode, Silence
from wdbc_assets_tests.monitoring.alerts.episodes import START, after, occurrence

DAY = timedelta(days=1)


class Watch:
    """Looks at what a test says exists, and keeps what a person would be sent."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.silences: list[Silence] = []

    def look(self, now: datetime, *occurrences: Occurrence) -> list[str]:
        return self.look_by_detector(now, {"failed_runs": occurrences})

    def look_by_detector(self, now: datetime, found: Mapping[str, Iterable[Occurrence]]) -> list[str]:
        """Return the kinds of the notifications of this look."""
        self.episodes = episodes.updated(self.episodes.values(), found, now)
        kinds: list[str] = []
        for episode in list(self.episodes.values()):
            kind = episodes.due(episode, self.silences, now=now, remind_after=DAY)
            if kind is not None:
                self.episodes[episode.id] = episodes.noted(episode, kind, now)
                kinds.append(kind)
        return kinds

    @property
    def only(self) -> Episode:
        (episode,) = self.episodes.values()
        return episode


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.mark.fault("O13")
def test_a_hundred_identical_failures_are_one_message_and_their_end_another(watch: Watch) -> None:
    kinds = [
        watch.look(after(minutes=number), occurrence(text=f"run {number} failed", version="0ddba11"))
        for number in range(100)
    ]
    assert kinds == [["opened"], *[[]] * 99]
    assert watch.only.text == "run 99 failed"
    assert watch.only.since == START
    assert watch.look(after(minutes=101)) == ["closed"]
    assert watch.look(after(minutes=102)) == []


def test_a_reminder_comes_once_a_day_until_somebody_acknowledges(watch: Watch) -> None:
    sent = [watch.look(after(hours=6 * number), occurrence()) for number in range(9)]
    assert sent == [["opened"], [], [], [], ["reminder"], [], [], [], ["reminder"]]
    watch.episodes = {id_: replace(one, acknowledged=True) for id_, one in watch.episodes.items()}
    assert watch.look(after(days=5), occurrence()) == []
    assert watch.look(after(days=6)) == ["closed"]


@pytest.mark.fault("O13")
def test_a_cause_that_comes_and_goes_is_reported_as_flapping_once_and_closed_when_quiet(watch: Watch) -> None:
    sent = []
    for minute in range(0, 60, 2):
        sent += watch.look(after(minutes=minute), *[occurrence(version=f"run{minute}")] * (minute % 4 == 0))
    assert sent == ["opened", "closed", "flapping"]
    assert len(watch.episodes) == 1
    assert watch.look(after(minutes=60)) == []
    assert watch.look(after(minutes=90)) == ["closed"]
    assert watch.look(after(minutes=91)) == []


def test_after_a_quiet_time_the_next_failure_is_an_episode_of_its_own(watch: Watch) -> None:
    watch.look(START, occurrence(version="first"))
    watch.look(after(minutes=1))
    assert watch.look(after(minutes=17), occurrence(version="second")) == ["opened"]
    assert sorted(watch.episodes) == ["failed-run:job-train:first", "failed-run:job-train:second"]


def test_the_same_state_that_was_closed_long_ago_opens_again_with_another_key(watch: Watch) -> None:
    watch.look(START, occurrence())
    first = episodes.Notification("opened", replace(watch.only, notifications=0)).key
    watch.look(after(minutes=1))
    watch.episodes = episodes.updated(watch.episodes.values(), {"failed_runs": [occurrence()]}, after(hours=1))
    assert episodes.due(watch.only, [], now=after(hours=1), remind_after=DAY) == "opened"
    assert episodes.Notification("opened", watch.only).key != first


def test_a_detector_that_could_not_look_leaves_its_episodes_open(watch: Watch) -> None:
    watch.look(START, occurrence())
    assert watch.look_by_detector(after(minutes=1), {"disk_space": []}) == []
    assert watch.only.state == "open"


def test_a_silence_has_an_end_and_then_what_is_still_open_is_sent(watch: Watch) -> None:
    watch.silences = [Silence("failed-run:job-train", after(hours=8), "known", "ada")]
    assert watch.look(START, occurrence(), occurrence(subject="job explore")) == ["opened"]
    assert watch.look(after(hours=7), occurrence(), occurrence(subject="job explore")) == []
    assert watch.look(after(hours=8), occurrence(), occurrence(subject="job explore")) == ["opened"]


def test_what_began_and_ended_in_a_silence_is_never_sent(watch: Watch) -> None:
    watch.silences = [Silence("failed-run", after(hours=8), "known", "ada")]
    assert watch.look(START, occurrence()) == []
    assert watch.look(after(hours=1)) == []
    assert watch.look(after(hours=9)) == []


def test_several_problems_of_one_subject_are_one_episode_with_all_texts(watch: Watch) -> None:
    both = [occurrence(cause="damaged-store", subject="champion", text=text) for text in ("one", "two")]
    assert watch.look(START, *both) == ["opened"]
    assert watch.only.text == "one; two"


@pytest.mark.fault("X10")
def test_an_episode_keeps_one_bounded_line_without_secrets(watch: Watch) -> None:
    safe_text.remember("https://ann:s3cr3t-word@example.org/")
    watch.look(START, occurrence(text="s3cr3t-word\nand \x1b[31m" + "long " * 1000))
    assert "s3cr3t-word" not in watch.only.text
    assert watch.only.text.isprintable()
    assert len(watch.only.text) <= 500


def test_episodes_are_listed_open_and_severe_ones_first(watch: Watch) -> None:
    watch.look(START, occurrence(subject="closed"))
    warning = occurrence(cause="overdue-asset", subject="warning")
    watch.look(after(hours=1), warning, occurrence(subject="error"))
    listed = [one.subject for one in episodes.in_order(watch.episodes.values())]
    assert listed == ["error", "warning", "closed"]


def test_a_closed_episode_is_dropped_after_its_time_but_never_an_open_one(watch: Watch) -> None:
    watch.look(START, occurrence())
    assert not episodes.is_outdated(watch.only, after(days=1000))
    watch.look(after(days=1))
    assert not episodes.is_outdated(watch.only, after(days=90))
    assert episodes.is_outdated(watch.only, after(days=92))


def test_a_clock_that_is_set_back_sends_nothing_twice(watch: Watch) -> None:
    assert watch.look(after(days=2), occurrence()) == ["opened"]
    assert watch.look(START, occurrence()) == []
    assert watch.look(after(days=2, minutes=1), occurrence()) == []
