"""Reads all that `wdbc predict` reads, and writes columns like those that it writes, with nothing in between."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = {"decision": "benign", "set": "benign", "model": "0" * 64}

source, target = sys.argv[1:]
writer = None
for batch in pq.ParquetFile(source).iter_batches():
    columns = {
        "id": batch.column("id"),
        "probability": batch.column("radius_mean"),
        **{name: pa.repeat(pa.scalar(word), len(batch)) for name, word in WORDS.items()},
    }
    table = pa.table(columns)
    writer = writer or pq.ParquetWriter(target, table.schema)
    writer.write_table(table)
if writer is not None:
    writer.close()
