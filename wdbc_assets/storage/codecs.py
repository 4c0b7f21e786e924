"""How a value becomes files that a person or another tool can open, and how it comes back.

Bytes stay as they are; tables are Parquet; what is plain is JSON; a pipeline is a skops file. Nothing is ever
pickled. Encoding is canonical: the same value gives the same bytes, in any process, on any day.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

_SPLIT = ("X_train", "X_test", "y_train", "y_test")


@dataclass(frozen=True)
class Codec:
    """One way of storing: which values it takes, how they are written and read, how many rows they have."""

    takes: Callable[[Any], bool]
    encode: Callable[[str, Any], dict[str, bytes]]
    decode: Callable[[Mapping[str, bytes]], Any]
    rows: Callable[[Any], int | None]


def encode(asset: str, value: Any) -> tuple[str, dict[str, bytes], int | None]:
    """Return the codec's name, the files by name, and the number of rows if the value has rows.

    Raises:
        WdbcError: there is no codec for such a value.
    """
    for name, codec in CODECS.items():
        if codec.takes(value):
            return name, codec.encode(asset, value), codec.rows(value)
    raise WdbcError(
        f"{asset}: the store has no format for a {type(value).__name__}",
        mend="Return bytes, a DataFrame, a Split, a Fit, or plain JSON values.",
    )


def decode(name: str, contents: Mapping[str, bytes]) -> Any:
    """Return the value of a version's files, which must have been verified before."""
    return CODECS[name].decode(contents)


def to_parquet(frame: "pd.DataFrame") -> bytes:
    """Return a table as Parquet; without pandas' own note, which would put library versions into the bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(content: bytes) -> "pd.DataFrame":
    """Return the table of a Parquet file."""
    import pyarrow.parquet as pq

    frame: pd.DataFrame = pq.read_table(io.BytesIO(content)).to_pandas()
    return frame


def to_json(value: Any) -> bytes:
    """Return plain values as indented JSON in full precision; NaN is refused, for JSON knows none."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def to_skops(pipeline: "Pipeline") -> bytes:
    """Return a pipeline as a skops file whose bytes depend on nothing but the pipeline.

    skops names nodes and arrays by memory addresses and stamps the archive with the time. Both are replaced: addresses
    by order of appearance, times by a constant.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        schema = json.loads(archive.read("schema.json"))
        renamed: dict[str, str] = {}
        _renumber(schema, {}, renamed)
        members = {new: archive.read(old) for old, new in renamed.items()}
    members["schema.json"] = json.dumps(schema, indent=1).encode()
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return sink.getvalue()


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, numbers, files)
    elif isinstance(node, dict):
        if "__id__" in node:
            # Plain values are shared by accident of interning: each gets a number of its own.
            key = -len(numbers) - 1 if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = files.setdefault(old, f"{len(files) + 1}{old[old.rindex('.') :]}")
        for item in node.values():
            _renumber(item, numbers, files)


def from_skops(content: bytes) -> Any:
    """Return the pipeline of a skops file.

    Raises:
        WdbcError: it is no skops file, or it holds types beyond skops' own allow-list; nothing of it has run then.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    mend = "Run `wdbc run --force` to make the model again, and find out who wrote this file."
    try:
        return skops.io.loads(content, trusted=[])
    except UntrustedTypesFoundException as error:
        raise WdbcError(f"the model file holds foreign types: {error}", mend=mend) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise WdbcError(f"this is no model file ({type(error).__name__})", mend=mend) from None


def _split_encode(_asset: str, split: Any) -> dict[str, bytes]:
    return {f"{name}.parquet": to_parquet(_frame(getattr(split, name))) for name in _SPLIT}


def _frame(part: Any) -> "pd.DataFrame":
    frame: pd.DataFrame = part.to_frame() if part.ndim == 1 else part
    return frame


def _split_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain import splitting

    X_train, X_test, y_train, y_test = (from_parquet(contents[f"{name}.parquet"]) for name in _SPLIT)
    return splitting.Split(X_train, X_test, y_train.iloc[:, 0], y_test.iloc[:, 0])


def _fit_encode(_asset: str, fit: Any) -> dict[str, bytes]:
    evidence = {entry.name: getattr(fit, entry.name) for entry in fields(fit) if entry.name != "pipeline"}
    evidence["candidates"] = [asdict(candidate) for candidate in fit.candidates]
    return {"pipeline.skops": to_skops(fit.pipeline), "search.json": to_json(evidence)}


def _fit_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain import modeling, search

    evidence = json.loads(contents["search.json"])
    candidates = tuple(
        search.Candidate(**{**one, "fold_scores": tuple(one["fold_scores"])}) for one in evidence["candidates"]
    )
    return modeling.Fit(
        pipeline=from_skops(contents["pipeline.skops"]),
        **{**evidence, "candidates": candidates, "warnings": tuple(evidence["warnings"])},
    )


def _kind(value: Any) -> str:
    # By name, so that deciding needs no import of pandas or scikit-learn.
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"


CODECS: Mapping[str, Codec] = {
    "bytes": Codec(
        takes=lambda value: isinstance(value, bytes),
        encode=lambda asset, value: {"wdbc.data" if asset == "raw_data" else f"{asset}.bin": value},
        decode=lambda contents: next(iter(contents.values())),
        rows=lambda value: sum(1 for line in value.splitlines() if line.strip()),
    ),
    "table": Codec(
        takes=lambda value: _kind(value) == "pandas.DataFrame",
        encode=lambda asset, value: {f"{asset}.parquet": to_parquet(value)},
        decode=lambda contents: from_parquet(next(iter(contents.values()))),
        rows=len,
    ),
    "split": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Split",
        encode=_split_encode,
        decode=_split_decode,
        rows=lambda value: len(value.y_train) + len(value.y_test),
    ),
    "fit": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Fit",
        encode=_fit_encode,
        decode=_fit_decode,
        rows=lambda _: None,
    ),
    "json": Codec(
        takes=lambda value: isinstance(value, dict | list),
        encode=lambda asset, value: {f"{asset}.json": to_json(value)},
        decode=lambda contents: json.loads(next(iter(contents.values()))),
        rows=lambda _: None,
    ),
}
