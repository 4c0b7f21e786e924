"""What a setting means, and what of it is shown."""

from pathlib import Path

import pytest

from wdbc_assets.safe_text import redact_url as redact
from wdbc_assets.sources import UnknownSource, parse, schemes
from wdbc_assets.sources.bundled import Bundled
from wdbc_assets.sources.cloud import CloudObject
from wdbc_assets.sources.files import File
from wdbc_assets.sources.http import UCI, Http
from wdbc_assets.sources.objects import Object
from wdbc_assets.sources.origin import Received
from wdbc_assets.sources.source import FetchContext, Source
from wdbc_assets.sources.sql import Postgres, Sqlite

HINT = schemes.possible()


def test_the_two_names_are_known() -> None:
    assert parse("bundled") == parse(" bundled\n") == Bundled("bundled", "bundled")
    assert parse("uci") == Http(UCI, UCI)
    assert UCI.startswith("https://")


@pytest.mark.parametrize("text", ["./wdbc.data", "folder/wdbc.data", "/data/wdbc.data", "~/wdbc.data"])
def test_a_path_is_made_absolute_and_shown(text: str) -> None:
    path = str(Path(text).expanduser().absolute())
    assert parse(text) == File(path, path)


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
    assert parse(text) == File("/data/w d.data", "/data/w d.data")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("http://example.org/wdbc.data", Http),
        ("HTTPS://example.org/wdbc.data", Http),
        ("memory://folder/wdbc.data", Object),
        ("ftp://example.org/wdbc.data", Object),
        ("s3://bucket/wdbc.data", CloudObject),
        ("sqlite:///clinic.db?table=patients", Sqlite),
        ("postgresql+psycopg://db.example.org/clinic?table=patients", Postgres),
    ],
)
def test_the_scheme_of_a_url_decides_its_kind(text: str, kind: type[Source]) -> None:
    assert (type(parse(text)), parse(text).address) == (kind, text)


def test_what_needs_a_network_is_remote() -> None:
    local = [parse(text).remote for text in ("bundled", "./wdbc.data", "file:///data/wdbc.data")]
    remote = [parse(text).remote for text in ("uci", "http://example.org/x", "memory://x", "s3://bucket/x")]
    assert not any(local)
    assert all(remote)


class Tape(Source):
    """A kind of source that exists in this test only."""

    remote = True
    usage = "tape://REEL"

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        return ("tape",)

    def read(self, _context: FetchContext, /) -> Received:
        return Received(self.address.encode())


def test_a_new_kind_is_one_class_and_one_entry_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownSource, match="unknown protocol tape://"):
        parse("tape://ann:sesame@reel/1")
    monkeypatch.setattr(schemes, "KINDS", (*schemes.KINDS, Tape))
    tape = parse("tape://ann:sesame@reel/1")
    snapshot = tape.fetch()
    assert snapshot is not None
    assert snapshot.content == b"tape://ann:sesame@reel/1"
    assert snapshot.origin.shown == "tape://***@reel/1"
    assert tape.fingerprint() == snapshot.origin.sha256
    assert "tape://REEL" in schemes.possible()


@pytest.mark.fault("S17")
@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_setting_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(UnknownSource, match="the source is empty") as raised:
        parse(text)
    assert raised.value.hint == HINT
    assert all(name in HINT for name in ("bundled", "uci", "path", "file://", "https://", "fsspec"))


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
    assert raised.value.hint == HINT


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
        ("postgresql+psycopg://u:p@host:abc/db?table=t", "the port in the URL is not a number"),
        ("sqlite:////tmp/x%00.db?table=t", "the URL contains a null character"),
        ("s3://bucket/%00", "the URL contains a null character"),
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
        ("adl://key:sesame@bucket/x?versionId=sesame", "adl://***@bucket/x?versionId=***"),
        ("postgresql://ann:sesame@db/x?table=t&sslpassword=sesame", "postgresql://***@db/x?table=t&sslpassword=***"),
    ],
)
def test_nothing_secret_of_an_address_is_shown(address: str, shown: str) -> None:
    assert redact(address) == shown
    source = parse(address)
    assert source.address == address
    assert source.shown == shown
    assert "sesame" not in repr(source)


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
    source = parse("https://ann:open%2Fsesame@example.org/x?token=a1b2c3")
    echoed = source.conceal("no a1b2c3 for open/sesame (open%2Fsesame)")
    assert echoed == "no *** for *** (***)"
    assert parse("bundled").conceal("bundled") == "bundled"
