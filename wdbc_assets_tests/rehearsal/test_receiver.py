"""The receiver of the rehearsal's alerts."""

import requests

from wdbc_assets.rehearsal.receiver import Receiver


def send(receiver: Receiver, key: str) -> int:
    address = receiver.url.replace("json:", "http:")
    body = {"title": "drift", "message": "texture_mean"}
    return requests.post(address, json=body, headers={"Idempotency-Key": key}, timeout=10).status_code


def test_a_message_that_is_sent_twice_counts_once() -> None:
    with Receiver() as receiver:
        assert [send(receiver, "a"), send(receiver, "a"), send(receiver, "b")] == [200, 200, 200]
        assert [alert.title for alert in receiver.alerts] == ["drift", "drift"]


def test_one_that_is_out_of_order_takes_nothing_and_says_so() -> None:
    with Receiver() as receiver:
        receiver.is_down = True
        assert send(receiver, "a") == 503
        assert (receiver.alerts, receiver.refused) == ([], 1)
        receiver.is_down = False
        assert send(receiver, "a") == 200
        assert len(receiver.alerts) == 1
