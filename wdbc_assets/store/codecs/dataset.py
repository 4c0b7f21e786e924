"""Codecs of tables: the bytes of a source, a table, and a split; those of large ones are files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.domain.data.splitting import Draw
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import parsing
from wdbc_assets.store.codecs.codec import Codec, kind
from wdbc_assets.store.codecs.formats import from_parquet, to_json, to_parquet
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    import pandas as pd

_SOURCE = "wdbc.data"
_LARGE_SPLIT = ("train", "test")
_DRAW = "draw.json"
_SPLIT = ("X_train", "X_test", "y_train", "y_test")


def _split_encode(_asset: str, split: Any) -> dict[str, bytes]:
    return {f"{name}.parquet": to_parquet(_frame(getattr(split, name))) for name in _SPLIT}


def _frame(part: Any) -> "pd.DataFrame":
    frame: pd.DataFrame = part.to_frame() if part.ndim == 1 else part
    return frame


def _split_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.data import splitting

    X_train, X_test, y_train, y_test = (from_parquet(contents[f"{name}.parquet"]) for name in _SPLIT)
    return splitting.Split(X_train, X_test, y_train.iloc[:, 0], y_test.iloc[:, 0])


def _large_split_decode(contents: Mapping[str, Any]) -> Any:
    sets = {name: contents[f"{name}.parquet"] for name in _LARGE_SPLIT}
    return LargeSplit(**sets, draw=parsing.read(Draw, contents[_DRAW]))


def _raw_rows(content: bytes) -> int | None:
    """Return the number of patients in a source's bytes, or None if it is not such a table."""
    from wdbc_assets.domain.data import reading

    try:
        return len(reading.read(content).frame)
    except WdbcError:
        return None


CODECS: Mapping[str, Codec] = {
    "bytes": Codec(
        takes=lambda value: isinstance(value, bytes),
        encode=lambda asset, value: {_SOURCE if asset == "raw_data" else f"{asset}.bin": value},
        decode=lambda contents: next(iter(contents.values())),
        rows=_raw_rows,
    ),
    "large_bytes": Codec(
        takes=lambda value: isinstance(value, LinesFile),
        encode=lambda *_: {},
        decode=lambda contents: LinesFile(contents[_SOURCE].detach()),
        rows=lambda value: value.rows,
        tables=lambda _, lines: {_SOURCE: lines},
        large=lambda _: True,
    ),
    "large_table": Codec(
        takes=lambda value: isinstance(value, TableFile),
        encode=lambda *_: {},
        decode=lambda contents: next(iter(contents.values())),
        rows=lambda value: value.rows,
        tables=lambda asset, table: {f"{asset}.parquet": table},
        large=lambda _: True,
    ),
    "large_split": Codec(
        takes=lambda value: isinstance(value, LargeSplit),
        encode=lambda _, split: {_DRAW: to_json(vars(split.draw))},
        decode=_large_split_decode,
        rows=lambda value: value.train.rows + value.test.rows,
        tables=lambda _, split: {f"{name}.parquet": getattr(split, name) for name in _LARGE_SPLIT},
        large=lambda name: name != _DRAW,
    ),
    "table": Codec(
        takes=lambda value: kind(value) == "pandas.DataFrame",
        encode=lambda asset, value: {f"{asset}.parquet": to_parquet(value)},
        decode=lambda contents: from_parquet(next(iter(contents.values()))),
        rows=len,
    ),
    "split": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.Split",
        encode=_split_encode,
        decode=_split_decode,
        rows=lambda value: len(value.y_train) + len(value.y_test),
    ),
}
