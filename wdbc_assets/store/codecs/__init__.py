"""Codecs: convert values to files that people and other tools can open, and back.

Bytes are stored unchanged, tables as Parquet, plain values as JSON, pipelines as skops files. Nothing is pickled.
Encoding is canonical: equal values give equal bytes, in any process and on any day.

`dataset`, `models`, `evidence`, `patients` and `results` have the codecs of one kind of value each.
"""

from collections.abc import Mapping
from typing import Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.codecs import dataset, evidence, models, patients, results
from wdbc_assets.store.codecs.codec import Codec, LargeFile
from wdbc_assets.store.codecs.formats import from_parquet, to_json, to_parquet

__all__ = ["LargeFile", "decode", "encode", "from_parquet", "is_large", "tables", "to_json", "to_parquet"]

_CODECS: Mapping[str, Codec] = {
    **dataset.CODECS,
    **models.CODECS,
    **evidence.CODECS,
    **patients.CODECS,
    **results.CODECS,
}


def encode(asset: str, value: Any) -> tuple[str, dict[str, bytes], int | None]:
    """Return the codec's name, the files by name, and the number of rows if the value has rows.

    Raises:
        WdbcError: no codec accepts such a value.
    """
    for name, codec in _CODECS.items():
        if codec.takes(value):
            return name, codec.encode(asset, value), codec.rows(value)
    raise WdbcError(
        f"{asset}: the store has no format for a {type(value).__name__}",
        hint="Return bytes, a DataFrame, a Split, a Fit, a Bundle, a type of `codecs.results.RESULTS`, or plain JSON"
        " values.",
    )


def decode(name: str, contents: Mapping[str, bytes | LargeFile]) -> Any:
    """Return the value of a version's files, which must have been verified.

    Raises:
        LookupError, ValueError and others: the files do not contain such a value, although their digests match.
    """
    return _CODECS[name].decode(contents)


def tables(name: str, asset: str, value: Any) -> dict[str, LargeFile]:
    """Return the files of a value that `encode` leaves out, because they are too large for memory."""
    return _CODECS[name].tables(asset, value)


def is_large(name: str, file: str) -> bool:
    """Return whether `decode` takes this file of a codec as a table in a file."""
    return name in _CODECS and _CODECS[name].large(file)
