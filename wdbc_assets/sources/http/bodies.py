"""Read the body of a response, up to a size limit, and only if it is complete."""

import zlib
from collections.abc import Iterator

from requests import Response

from wdbc_assets.sources import limits
from wdbc_assets.sources.errors import SourceRefused

CHUNK_BYTES = 2**16
ACCEPTED_ENCODING = "gzip"
GZIP = 16 + zlib.MAX_WBITS  # zlib's code for "with a gzip header"


class BrokenBody(Exception):
    """The body is incomplete or damaged; the message says why, in this package's own words."""


def read(response: Response, *, largest_bytes: int, where: str) -> bytes:
    """Return the decompressed body. At most `largest_bytes` and one chunk of it are held in memory.

    Decompression is done here because urllib3 accepts a truncated gzip body as complete.

    Raises:
        BrokenBody: the compression is damaged or truncated.
        urllib3.exceptions.HTTPError: the connection failed, or the body does not have the announced length.
        SourceRefused: the body is larger than `largest_bytes`, or its compression was not requested.
    """
    chunks = _raw(response)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        chunks = _inflated(chunks)
    elif encoding not in {"", "identity"}:
        raise SourceRefused(
            "the response has a compression that was not requested",
            where=where,
            hint="Report this to the operator of the server.",
        )
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > largest_bytes:
            raise limits.too_large(largest_bytes, where=where)
    return bytes(content)


def _raw(response: Response) -> Iterator[bytes]:
    while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
        yield chunk


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if decoder is None or decoder.eof:  # a gzip stream may consist of several members
                decoder = zlib.decompressobj(GZIP)
            try:
                yield decoder.decompress(rest, CHUNK_BYTES)
            except zlib.error:
                raise BrokenBody("the gzip data of the response is damaged") from None
            rest = decoder.unconsumed_tail or decoder.unused_data
    if decoder is not None and not decoder.eof:
        raise BrokenBody("the response is truncated: its gzip data does not end")
