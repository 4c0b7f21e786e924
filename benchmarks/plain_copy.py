"""Read what `wdbc predict` reads, and write columns of the same types, without validation or scoring."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

CONSTANTS = {"triage": "benign", "above_threshold": False, "model": "0" * 64}

source, target = sys.argv[1:]
writer = None
for batch in pq.ParquetFile(source).iter_batches():
    columns = {
        "id": batch.column("id"),
        "probability": batch.column("radius_mean"),
        **{name: pa.repeat(pa.scalar(value), len(batch)) for name, value in CONSTANTS.items()},
    }
    table = pa.table(columns)
    writer = writer or pq.ParquetWriter(target, table.schema)
    writer.write_table(table)
if writer is not None:
    writer.close()
