"""Channels send to real receivers on loopback, and say why they could not, without a secret."""

import importlib.util
from pathlib import Path

import pytest

from wdbc_assets import safe_text
from wdbc_assets.monitoring.alerts import channels
from wdbc_assets.monitoring.alerts.channels import NotSent
from wdbc_assets.settings import AlertChannel, alert_channels
from wdbc_assets_tests.misbehaving_server.certificates import make_certificate
from wdbc_assets_tests.monitoring.alerts.episodes import message
from wdbc_assets_tests.monitoring.alerts.receivers import HANG, Webhook, mail_server


def channel(url: str) -> AlertChannel:
    (parsed,) = alert_channels.parse(f"error={url}")
    safe_text.remember_whole(url)
    return parsed


def test_a_webhook_receives_title_text_tone_and_key() -> None:
    with Webhook() as receiver:
        channels.send(channel(receiver.url), message())
    (request,) = receiver.requests
    assert (request.path, request.key) == ("/hook", "a-key")
    assert (request.title, request.text, request.body["type"]) == ("title a-key", "a body", "failure")


def test_a_url_with_a_query_of_its_own_keeps_it() -> None:
    with Webhook() as receiver:
        channels.send(channel(f"{receiver.url}?+X-Team=oncall"), message())
    (request,) = receiver.requests
    assert (request.headers["X-Team"], request.key) == ("oncall", "a-key")


@pytest.mark.fault("O12")
@pytest.mark.parametrize(("status", "reason"), [(429, "429"), (500, "500"), (403, "403")])
def test_a_status_that_is_no_success_is_a_failure_with_its_reason(status: int, reason: str) -> None:
    with Webhook(status) as receiver, pytest.raises(NotSent) as refused:
        channels.send(channel(receiver.url), message())
    assert reason in refused.value.what


@pytest.mark.fault("O12")
def test_a_receiver_that_does_not_answer_is_a_failure_after_the_time_limit() -> None:
    with Webhook(HANG) as receiver, pytest.raises(NotSent):
        channels.send(channel(f"{receiver.url}?rto=0.3"), message())


@pytest.mark.fault("X10")
def test_no_failure_shows_a_secret_of_the_url() -> None:
    with Webhook(500) as receiver, pytest.raises(NotSent) as refused:
        channels.send(channel(f"json://ann:pa55word99@{receiver.address}/t0ken-1234567"), message())
    shown = f"{refused.value} {refused.value.where}"
    assert "pa55word99" not in shown
    assert "t0ken-1234567" not in shown


@pytest.mark.fault("X10")
def test_a_url_that_apprise_does_not_know_is_a_failure_without_the_url() -> None:
    with pytest.raises(NotSent) as refused:
        channels.send(channel("nosuchservice://t0ken-1234567/x"), message())
    assert refused.value.what == "Apprise does not accept the channel's URL"
    assert "t0ken" not in str(refused.value)


def test_without_apprise_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotSent) as refused:
        channels.send(channel("json://127.0.0.1"), message())
    assert "wdbc_assets[alerts]" in refused.value.hint


def test_mail_is_sent_after_starttls_with_the_key_in_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))
    with mail_server(certificate, user="ann", password="pa55word") as mailbox:
        target = "smtp=127.0.0.1&mode=starttls&from=wdbc@example.org&to=oncall@example.org"
        channels.send(channel(f"mailtos://ann:pa55word@127.0.0.1:{mailbox.port}?{target}"), message())
        with pytest.raises(NotSent):
            channels.send(channel(f"mailtos://ann:wrong-word@127.0.0.1:{mailbox.port}?{target}"), message())
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["oncall@example.org"]
    assert b"Idempotency-Key: a-key" in (envelope.content or b"")


def test_mail_is_not_sent_to_a_server_with_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    with mail_server(make_certificate(tmp_path), user="ann", password="pa55word") as mailbox:
        target = "smtp=127.0.0.1&mode=starttls&from=wdbc@example.org&to=oncall@example.org"
        with pytest.raises(NotSent):
            channels.send(channel(f"mailtos://ann:pa55word@127.0.0.1:{mailbox.port}?{target}"), message())
    assert mailbox.envelopes == []


def test_telegram_receives_the_text_with_the_key_in_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    with Webhook() as receiver:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://{receiver.address}/bot")
        channels.send(channel("tgram://123456789:abcdefghijklmnopqrstuvwxyz0123456/12315544"), message())
    (request,) = [request for request in receiver.requests if request.path.endswith("/sendMessage")]
    assert "a body" in request.body["text"]
    assert request.body["text"].rstrip().endswith("Idempotency-Key: a-key")


def test_slack_receives_the_text_with_the_key_in_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    with Webhook() as receiver:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{receiver.address}/services")
        channels.send(channel("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/%23oncall"), message())
    (request,) = receiver.requests
    assert request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "Idempotency-Key: a-key" in str(request.body)
