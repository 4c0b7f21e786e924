"""What the server answers: the name of a function is the first part of the path (`_` written `-`).

Further parts of the path are the function's arguments: `/busy/2/429` is `busy(client, "2", "429")`.
"""

import base64
import functools
import gzip
import urllib.parse
import zlib

from wdbc_assets_tests.misbehaving_server.server import Handler, behaviour

ETAG = '"of-the-table"'
LAST_MODIFIED = "Mon, 01 Nov 2021 12:00:00 GMT"
USER, PASSWORD = "ann", "open/sesame@3:00"
BOMB_BYTES = 64 * 2**20


# Well-behaved


@behaviour
def good(client: Handler) -> None:
    client.table(Content_Type="text/csv")


@behaviour
def marked(client: Handler) -> None:
    """Carries an ETag and a date, and answers 304 to who knows one of them."""
    if client.headers["If-None-Match"] == ETAG or client.headers["If-Modified-Since"] == LAST_MODIFIED:
        client.begin(304)
    else:
        client.table(ETag=ETAG, Last_Modified=LAST_MODIFIED)


@behaviour
def marked_echo(client: Handler) -> None:
    """Sends the query, and the credentials, back as its marks."""
    query = client.path.partition("?")[2]
    client.table(ETag=f'"{query}"', Last_Modified=client.headers["Authorization"] or "none")


@behaviour
def dated(client: Handler) -> None:
    if client.headers["If-Modified-Since"] == LAST_MODIFIED:
        client.begin(304)
    else:
        client.table(Last_Modified=LAST_MODIFIED)


@behaviour
def gzipped(client: Handler) -> None:
    client.answer(gzip.compress(client.server.content), Content_Encoding="gzip")


@behaviour
def gzipped_in_two(client: Handler) -> None:
    """Two gzip members, one after the other, which together are the table."""
    half = len(client.server.content) // 2
    members = gzip.compress(client.server.content[:half]), gzip.compress(client.server.content[half:])
    client.answer(b"".join(members), Content_Encoding="gzip")


@behaviour
def chunked(client: Handler) -> None:
    client.begin(Transfer_Encoding="chunked")
    for start in range(0, len(client.server.content), 1000):
        piece = client.server.content[start : start + 1000]
        client.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    client.wfile.write(b"0\r\n\r\n")


@behaviour
def private(client: Handler) -> None:
    """Asks for USER and PASSWORD by basic authentication."""
    expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if client.headers["Authorization"] == f"Basic {expected}":
        client.table()
    else:
        client.answer(b"", 401, WWW_Authenticate='Basic realm="data"')


@behaviour
def swapped(client: Handler) -> None:
    """Another table each time, marked with the number of the request."""
    client.answer(client.server.content + b"%d\n" % client.asked_before())


# Silent or slow


@behaviour
def hang(client: Handler) -> None:
    client.server.closing.wait()


@behaviour
def hang_in_body(client: Handler) -> None:
    client.begin(Content_Length=str(len(client.server.content)))
    client.wfile.write(client.server.content[:100])
    client.server.closing.wait()


@behaviour
def drip(client: Handler) -> None:
    """A byte at a time, for ever faster than any time-out of a single read."""
    client.begin()
    while not client.server.closing.is_set():
        client.drip(client.server.content)


@behaviour
def drip_headers(client: Handler) -> None:
    client.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while not client.server.closing.is_set():
        client.drip(b"a" * 100)


# Broken connections and bodies


@behaviour
def reset(client: Handler) -> None:
    client.reset()


@behaviour
def reset_in_body(client: Handler) -> None:
    client.begin(Content_Length=str(len(client.server.content)))
    client.wfile.write(client.server.content[:100])
    client.reset()


@behaviour
def no_http(client: Handler) -> None:
    client.wfile.write(b"220 ready for something else\r\n")


@behaviour
def announces(client: Handler, surplus: str) -> None:
    """Announces that many bytes more (or, below 0, fewer) than come."""
    client.answer(client.server.content, Content_Length=str(len(client.server.content) + int(surplus)))


@behaviour
def chunks_cut(client: Handler) -> None:
    client.begin(Transfer_Encoding="chunked")
    client.wfile.write(b"%x\r\n%s" % (len(client.server.content), client.server.content[:100]))


@behaviour
def gzip_cut(client: Handler) -> None:
    """Half of a gzip body, its length announced rightly."""
    body = gzip.compress(client.server.content)
    client.answer(body[: len(body) // 2], Content_Encoding="gzip")


@behaviour
def gzip_damaged(client: Handler) -> None:
    body = bytearray(gzip.compress(client.server.content))
    body[-5] ^= 0xFF  # in the checksum
    client.answer(bytes(body), Content_Encoding="gzip")


@behaviour
def gzip_bomb(client: Handler) -> None:
    client.answer(gzip_bomb_body(), Content_Encoding="gzip")


@behaviour
def encoded(client: Handler, encoding: str) -> None:
    client.table(Content_Encoding=encoding)


@behaviour
def endless(client: Handler) -> None:
    client.begin()
    while not client.server.closing.is_set():
        client.wfile.write(client.server.content)


@behaviour
def endless_redirect(client: Handler) -> None:
    """A redirect whose own body does not end."""
    client.begin(302, Location="/good")
    while not client.server.closing.is_set():
        client.wfile.write(client.server.content)


# Statuses


@behaviour
def status(client: Handler, code: str, *_: str) -> None:
    client.answer(b"no", int(code)) if int(code) not in (204, 304) else client.begin(int(code))


@behaviour
def busy(client: Handler, times: str, code: str = "503") -> None:
    """Fails that many times, then delivers."""
    client.answer(b"busy", int(code)) if client.asked_before() < int(times) else client.table()


@behaviour
def retry_after(client: Handler, header: str, code: str = "503") -> None:
    """Fails once, asking to wait as `header` says (percent-encoded), then delivers."""
    if client.asked_before():
        client.table()
    else:
        client.answer(b"busy", int(code), Retry_After=urllib.parse.unquote(header))


@behaviour
def cut_once(client: Handler) -> None:
    """Half a body, then the whole."""
    body = client.server.content
    client.answer(body if client.asked_before() else body[:100], Content_Length=str(len(body)))


# Redirects


@behaviour
def loop(client: Handler) -> None:
    client.answer(b"", 302, Location="/loop")


@behaviour
def redirect(client: Handler, code: str = "302") -> None:
    """Redirects to what the query says, percent-encoded."""
    to = urllib.parse.unquote(urllib.parse.urlsplit(client.path).query)
    client.answer(b"", int(code), Location=to)


# Other things than a table


@behaviour
def html(client: Handler) -> None:
    client.answer(b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", Content_Type="text/html")


@behaviour
def html_echo(client: Handler) -> None:
    """A page that repeats the request, credentials included."""
    echoed = f"{client.path} {client.headers['Authorization']}"
    sent = base64.b64decode((client.headers["Authorization"] or "Basic ").partition(" ")[2]).decode()
    client.answer(f"<html><title>Not found: {echoed} {sent}</title></html>".encode(), Content_Type="text/html")


@behaviour
def json(client: Handler) -> None:
    client.answer(b'{"error": "no such file"}', Content_Type="application/json")


@behaviour
def empty(client: Handler) -> None:
    client.answer(b"", Content_Type="text/csv")


@functools.cache
def gzip_bomb_body() -> bytes:
    """BOMB_BYTES of zeros, compressed to a thousandth."""
    compressor = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    zeros = bytes(2**20)
    pieces = [compressor.compress(zeros) for _ in range(BOMB_BYTES // len(zeros))]
    return b"".join([*pieces, compressor.flush()])
