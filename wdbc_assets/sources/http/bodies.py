"""Reading the body of a response: no more than allowed, and only if it is whole."""

import zlib
from collections.abc import Iterator

from requests import Response

from wdbc_assets.sources import files
from wdbc_assets.sources.errors import SourceRefused

CHUNK_BYTES = 2**16
ACCEPTED_ENCODING = "gzip"
GZIP = 16 + zlib.MAX_WBITS  # zlib's code for "with a gzip header"


class BrokenBody(Exception):
    """The body did not come whole; the message says why, in our own words."""


def read(response: Response, *, largest_bytes: int, where: str) -> bytes:
    """The decompressed body; never more of it than `largest_bytes` and a chunk are in memory.

    urllib3 would decompress too, but it takes a gzip body that was cut short for a whole one; hence it is done here.

    Raises:
        BrokenBody: the compression is damaged or cut short.
        urllib3.exceptions.HTTPError: the connection failed, or the body has not the announced length.
        SourceRefused: the body is larger than `largest_bytes`, or compressed in a way that was not asked for.
    """
    chunks = _raw(response)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        chunks = _inflated(chunks)
    elif encoding not in {"", "identity"}:
        raise SourceRefused(
            "the body is compressed in a way that was not asked for",
            where=where,
            hint="Tell the operator of the server.",
        )
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > largest_bytes:
            raise files.too_large(largest_bytes, where=where)
    return bytes(content)


def _raw(response: Response) -> Iterator[bytes]:
    while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
        yield chunk


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if decoder is None or decoder.eof:  # gzip may consist of several members
                decoder = zlib.decompressobj(GZIP)
            try:
                yield decoder.decompress(rest, CHUNK_BYTES)
            except zlib.error:
                raise BrokenBody("the gzip compression of the body is damaged") from None
            rest = decoder.unconsumed_tail or decoder.unused_data
    if decoder is not None and not decoder.eof:
        raise BrokenBody("the body was cut short: its gzip compression does not end")
