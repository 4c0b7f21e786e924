"""`WDBC_ALERTS`: its form, and that its URLs are secrets everywhere."""

import pytest

from wdbc_assets import safe_text, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.settings import alert_channels

TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz"


def test_entries_are_separated_by_space_and_urls_by_commas() -> None:
    text = f"error=mailto://u:p@h.org?to=a@b.org,c@d.org,tgram://{TOKEN}/1  warning=json://h.org/x,tgram://2/3"
    channels = alert_channels.parse(text)
    assert [(channel.name, channel.least, channel.url) for channel in channels] == [
        ("mailto", "error", "mailto://u:p@h.org?to=a@b.org,c@d.org"),
        ("tgram", "error", f"tgram://{TOKEN}/1"),
        ("json", "warning", "json://h.org/x"),
        ("tgram-2", "warning", "tgram://2/3"),
    ]
    assert TOKEN not in repr(channels)


def test_a_warning_channel_receives_errors_too_and_a_repeated_url_is_one_channel() -> None:
    (channel,) = alert_channels.parse("error=json://h warning=json://h")
    assert channel.receives("warning")
    assert channel.receives("error")
    (other,) = alert_channels.parse("error=json://h")
    assert not other.receives("warning")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("json://h", "entry 1 does not begin with warning= or error="),
        ("error=json://h critical=json://h", "entry 2 does not begin with"),
        ("error=", "URL 1 of entry 1"),
        ("error=json://h,", "URL 1 of entry 1"),
        ("error=json:/h", "URL 1 of entry 1"),
        ("error=json:///h", "URL 1 of entry 1"),
        (f"error=json://h,{TOKEN}", "URL 1 of entry 1"),
        (f"error=json://h warning=tgram//{TOKEN}", "URL 1 of entry 2"),
        ("error=json://h\x1b[31m", "URL 1 of entry 1"),
    ],
)
def test_a_malformed_setting_is_refused_with_its_place_and_without_its_text(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDBC_ALERTS", text)
    with pytest.raises(WdbcError) as refused:
        settings.load()
    assert message in refused.value.what
    assert refused.value.where == "the environment"
    assert "by default WDBC_ALERTS is not set" in refused.value.hint
    assert TOKEN not in str(refused.value)


@pytest.mark.fault("X14")
@pytest.mark.parametrize(
    ("url", "secret"),
    [
        (f"tgram://{TOKEN}/12315544", TOKEN),
        (f"tgram://{TOKEN}/12315544", "AAE-abcdefghijklmnopqrstuvwxyz"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "TIiajkdnlazkcOXrIdevi7FQ"),
        ("mailtos://ann:pa55-word@example.org", "pa55-word"),
        ("jsons://example.org/services/hook-0123456789", "hook-0123456789"),
        ("jsons://example.org/?token=abcdefgh", "abcdefgh"),
    ],
)
def test_the_secrets_of_a_url_are_hidden_in_all_text(url: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_ALERTS", f"error={url}")
    loaded = settings.load()
    assert secret not in safe_text.redact(f"it failed: {secret} at {url}")
    assert secret not in repr(loaded)
