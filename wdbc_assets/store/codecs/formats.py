"""The formats of the files: Parquet for tables, and JSON for plain values. Equal values give equal bytes."""

import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def to_parquet(frame: "pd.DataFrame") -> bytes:
    """Return a table as Parquet, without pandas' metadata, whose library versions would change the bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(content: bytes) -> "pd.DataFrame":
    """Return the table of a Parquet file."""
    import pyarrow.parquet as pq

    # No Arrow threads: one still running at exit aborts the process after its work is done (apache/arrow#34314).
    table = pq.ParquetFile(io.BytesIO(content), pre_buffer=False).read(use_threads=False)
    frame: pd.DataFrame = table.to_pandas(use_threads=False)
    return frame


def to_json(value: Any) -> bytes:
    """Return plain values as indented JSON in full precision. NaN is rejected, because JSON has none."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
