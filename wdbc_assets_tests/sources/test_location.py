"""What a setting means, and what of it is shown."""

from pathlib import Path

import pytest

from wdbc_assets.safe_text import redact_url as redact
from wdbc_assets.sources import UnknownSource, parse
from wdbc_assets.sources.location import POSSIBLE, UCI


def test_the_two_names_are_known() -> None:
    assert parse("bundled").kind == "bundled"
    assert parse(" bundled\n").kind == "bundled"
    assert (parse("uci").kind, parse("uci").address) == ("http", UCI)
    assert UCI.startswith("https://")


@pytest.mark.parametrize("text", ["./wdbc.data", "folder/wdbc.data", "/data/wdbc.data", "~/wdbc.data"])
def test_a_path_is_made_absolute_and_shown(text: str) -> None:
    location = parse(text)
    assert location.kind == "path"
    assert location.address == location.shown == str(Path(text).expanduser().absolute())


def test_a_bare_word_is_a_path_if_a_file_of_that_name_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wdbc.data").touch()
    (tmp_path / "a:b@c").touch()
    assert parse("wdbc.data").address == str(tmp_path / "wdbc.data")
    assert parse("a:b@c").address == str(tmp_path / "a:b@c")


@pytest.mark.parametrize(
    "text", ["file:///data/w%20d.data", "file://localhost/data/w%20d.data", "FILE:///data/w d.data"]
)
def test_a_file_url_is_a_path(text: str) -> None:
    assert (parse(text).kind, parse(text).address) == ("path", "/data/w d.data")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("http://example.org/wdbc.data", "http"),
        ("HTTPS://example.org/wdbc.data", "http"),
        ("memory://folder/wdbc.data", "object"),
        ("s3://bucket/wdbc.data", "object"),
    ],
)
def test_a_url_is_reported_by_its_protocol(text: str, kind: str) -> None:
    assert (parse(text).kind, parse(text).address) == (kind, text)


@pytest.mark.fault("S17")
@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_setting_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(UnknownSource, match="the source is empty") as raised:
        parse(text)
    assert raised.value.hint == POSSIBLE
    assert all(name in POSSIBLE for name in ("bundled", "uci", "path", "file://", "https://", "fsspec"))


@pytest.mark.fault("S17")
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bundeld", "bundled"),
        ("UCI", "uci"),
        ("htps://example.org/x", "https"),
        ("momory://x", "memory"),
    ],
)
def test_a_typo_is_refused_with_what_was_probably_meant(text: str, meant: str) -> None:
    with pytest.raises(UnknownSource) as raised:
        parse(text)
    assert raised.value.what.endswith(f"; did you mean {meant}?")
    assert raised.value.hint == POSSIBLE


@pytest.mark.fault("S17")
def test_a_bare_word_that_is_neither_a_name_nor_a_file_is_refused_with_both_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownSource) as raised:
        parse("wdbc.csv")
    assert raised.value.what == (f"the source 'wdbc.csv' is not a known name, not a file in {tmp_path} and not a URL")


@pytest.mark.fault("S17")
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nothing://example.org/x", "unknown protocol nothing://"),
        ("https://", "the URL has no host"),
        ("https:///wdbc.data", "the URL has no host"),
        ("https://[bad/wdbc.data", "the URL is ambiguous or malformed"),
        ("https://example.org:port/", "the URL is ambiguous or malformed"),
        ("simplecache::s3://bucket/x", "is not a known name"),
        ("zip://wdbc.data::https://example.org/x.zip", "the URL is ambiguous or malformed"),
        ("file://folder/wdbc.data", "the file URL is not an absolute path"),
        ("file://", "the file URL is not an absolute path"),
        ("bund\x00led", "a non-printable character"),
        ("~nobody-of-that-name", "is not a known name"),
    ],
)
def test_what_means_nothing_is_refused(text: str, what: str) -> None:
    with pytest.raises(UnknownSource, match=what) as raised:
        parse(text)
    assert raised.value.hint


@pytest.mark.fault("S16")
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.org/wdbc.data", "https://example.org/wdbc.data"),
        ("https://ann:sesame@example.org:8443/x", "https://***@example.org:8443/x"),
        ("https://sesame@example.org/x", "https://***@example.org/x"),
        ("https://ann:ses@me@example.org/x", "https://***@example.org/x"),
        ("https://example.org/x?token=sesame&v=sesame", "https://example.org/x?token=***&v=***"),
        ("https://example.org/x?sesame", "https://example.org/x?***"),
        ("https://example.org/x?a=1;sig=sesame", "https://example.org/x?a=***"),
        ("https://example.org/x#sesame", "https://example.org/x#***"),
        ("ftp://ann:sesame@example.org/x", "ftp://***@example.org/x"),
        ("s3://key:sesame@bucket/x?versionId=sesame", "s3://***@bucket/x?versionId=***"),
    ],
)
def test_nothing_secret_of_an_address_is_shown(address: str, shown: str) -> None:
    assert redact(address) == shown
    location = parse(address)
    assert location.address == address
    assert location.shown == shown
    assert "sesame" not in repr(location)


@pytest.mark.fault("S16")
@pytest.mark.parametrize(
    "text",
    [
        "https://ann:sesame/1@example.org/x",  # the slash should have been %2F
        "https://ann:12/sesame@example.org/x",
        "https://ann:12?sesame@example.org/x",
        "https://ann:12#sesame@example.org/x",
        "https:/ann:sesame@example.org/x",
        "https:ann:sesame@example.org/x",
        "ann:sesame@example.org/x",
        '"https://ann:sesame@example.org/x"',
        "htps://ann:sesame@example.org/x",
        "nothing://ann:sesame@example.org/x?token=sesame",
        "zip://x::https://ann:sesame@example.org/x.zip",
        "simplecache::https://ann:sesame@example.org/x.zip",
        "https://ann:sesame@/x",
        "https://ann:sesame@[bad/x",
        "file://ann:sesame@example.org/x",
    ],
)
def test_a_refused_address_is_not_repeated_with_its_secrets(text: str) -> None:
    with pytest.raises(UnknownSource) as raised:
        parse(text)
    seen = f"{raised.value!r} {raised.value} {raised.value.args} {raised.value.__cause__} {raised.value.__context__}"
    assert "sesame" not in seen


@pytest.mark.fault("S16")
def test_what_a_server_echoes_is_shown_without_the_secrets_of_the_address() -> None:
    location = parse("https://ann:open%2Fsesame@example.org/x?token=a1b2c3")
    echoed = location.conceal("no a1b2c3 for open/sesame (open%2Fsesame)")
    assert echoed == "no *** for *** (***)"
    assert parse("bundled").conceal("bundled") == "bundled"
