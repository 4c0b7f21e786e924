"""Text that others wrote: nothing in it steers a terminal, and no secret of an address in it is shown."""

import pytest

from wdbc_assets import safe_text


@pytest.mark.fault("X15")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller ± 3 €, 乳癌", "Müller ± 3 €, 乳癌"),
        ("red \x1b[31m, title \x1b]0;x\x07", r"red \x1b[31m, title \x1b]0;x\x07"),
        ("one\ntwo\r\nthree\v\f", r"one\ntwo\r\nthree\x0b\x0c"),
        ("C1 \x9b31m\x85 and DEL\x7f", r"C1 \x9b31m\x85 and DEL\x7f"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("turned \u202eround\u2066\u200f", r"turned \u202eround\u2066\u200f"),
        ("unseen \u200b\ufeff\u00ad\U000e0041", r"unseen \u200b\ufeff\xad\U000e0041"),
        ("half \ud800 of a pair", r"half \ud800 of a pair"),
        ("a file's byte \udcff", r"a file's byte \udcff"),
    ],
)
def test_what_cannot_be_seen_or_steers_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert safe_text.printable(text) == shown
    assert safe_text.printable(text).isprintable()


@pytest.mark.fault("X01")
@pytest.mark.parametrize(
    "address",
    [
        "ftp://user:CANARY@host/store",
        "s3://key:CANARY@bucket/store",
        "https://host/wdbc.data?sig=CANARY&se=2027",
        "https://host/x?X-Amz-Credential=CANARY&X-Amz-Signature=CANARY",
        "https://host/x#CANARY",
        "https://host/x?CANARY",
        "https://CANARY@host/x",
        "https://ann:1/CANARY@host",
        "http://[bad/CANARY@",
        "simplecache::ftp://user:CANARY@host/store",
        "filecache::zip://member::ftp://user:CANARY@host/store.zip",
    ],
)
def test_no_secret_of_an_address_is_left_alone_or_in_a_sentence(address: str) -> None:
    assert "CANARY" not in safe_text.redact_url(address)
    sentence = safe_text.redact(f"cannot reach '{address}' (timed out), and <{address}>")
    assert "CANARY" not in sentence
    assert "timed out" in sentence


def test_what_is_no_secret_stays() -> None:
    text = "see http://127.0.0.1:8000/docs or file:///tmp/a, and mail ann@example.org: 3 % of 10?"
    assert safe_text.redact(text) == text


@pytest.mark.fault("X01")
def test_a_remembered_secret_is_hidden_in_every_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_text, "_known", set())
    safe_text.remember("ftp://ann:open%2Fsesame@host/x?token=t0ken-canary&format=data")
    safe_text.remember(variables=[("AWS_SECRET_ACCESS_KEY", "wJalrXUt"), ("AWS_PROFILE", "ordinary-words")])
    found = safe_text.redact("530 no open/sesame, open%2Fsesame, YW5uOm9wZW4vc2VzYW1l, t0ken-canary, wJalrXUt for data")
    assert found == "530 no ***, ***, ***, ***, *** for data"
    assert safe_text.redact("ordinary-words by ann") == "ordinary-words by ann"
