"""Comparison of the files of two versions by their format: a table, JSON values, a model, lines of text."""

import json
import warnings
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store import codecs, skops_files
from wdbc_assets.store.manifest import StoredFile
from wdbc_assets.verification import tables, values
from wdbc_assets.verification.differences import FileDifference

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10


def compare(
    file: str,
    stored: bytes | StoredFile | None,
    derived: bytes | StoredFile | None,
    *,
    intact: bool,
    patients: "pd.DataFrame | None",
) -> FileDifference:
    """Compare two files of the same name; either may be missing.

    Args:
        file: Name of the file.
        stored: Content of the stored file, None if it is missing.
        derived: Content of the derived file, None if the asset no longer writes it.
        intact: Whether the stored file matches its manifest. A damaged model is never opened.
        patients: Measurements on which two models are compared.
    """
    if stored is None or derived is None:
        return FileDifference(file, "is missing" if stored is None else "is no longer derived")
    if isinstance(stored, StoredFile) or isinstance(derived, StoredFile):
        return FileDifference(file, "another content, too large to be compared cell by cell")
    try:
        match PurePosixPath(file).suffix:
            case ".json":
                return values.compare(file, json.loads(stored), json.loads(derived))
            case ".parquet":
                return tables.compare(file, _table(stored), _table(derived))
            case ".data":
                return _sources(file, stored, derived)
            case ".skops":
                return (
                    _models(file, stored, derived, patients)
                    if intact
                    else FileDifference(file, "is damaged: not opened")
                )
            case _:
                return _lines(file, stored, derived)
    except ValueError:
        return FileDifference(file, "can no longer be read")


def describe(files: Mapping[str, bytes | StoredFile]) -> str:
    """Return a short description of the files of a version."""
    large = [file for file in files.values() if isinstance(file, StoredFile)]
    contents = {name: content for name, content in files.items() if isinstance(content, bytes)}
    shapes = [_shape(content) for name, content in contents.items() if name.endswith(".parquet")]
    numbers = sum(values.count(json.loads(content)) for name, content in contents.items() if name.endswith(".json"))
    phrases = [f"{len(large)} large files, {sum(file.size for file in large):,} bytes"] if large else []
    if len(shapes) == 1:
        phrases.append(f"{shapes[0][0]} rows x {shapes[0][1]} columns")
    elif shapes:
        phrases.append(f"{len(shapes)} tables, {sum(rows * columns for rows, columns in shapes):,} cells")
    for name, content in contents.items():
        match PurePosixPath(name).suffix:
            case ".json" | ".parquet":
                pass
            case ".skops":
                phrases.append(name)
            case _:
                phrases.append(f"{len(content.splitlines())} lines, {len(content):,} bytes")
    return ", ".join([*phrases, *([f"{numbers} values"] if numbers else [])])


def _shape(content: bytes) -> tuple[int, int]:
    import io

    import pyarrow.parquet as pq

    metadata = pq.read_metadata(io.BytesIO(content))
    return metadata.num_rows, metadata.num_columns


def _table(content: bytes) -> "pd.DataFrame":
    import pyarrow as pa

    try:
        return codecs.from_parquet(content)
    except (pa.ArrowException, OSError) as error:
        raise ValueError("not a Parquet file") from error


def _sources(file: str, stored: bytes, derived: bytes) -> FileDifference:
    from wdbc_assets.domain.data import reading

    try:
        before, after = reading.read(stored).frame, reading.read(derived).frame
    except reading.NotATable:
        return _lines(file, stored, derived)
    difference = tables.compare(file, before, after, first=int(after.index[0]), row="line")
    if difference.largest != 0:
        return difference
    return _lines(file, stored, derived, prefix="no cell differs, but the text of ")


def _lines(file: str, stored: bytes, derived: bytes, prefix: str = "") -> FileDifference:
    before, after = stored.splitlines(), derived.splitlines()
    pairs = zip(before, after, strict=False)
    changed = [number for number, (old, new) in enumerate(pairs, start=1) if old != new]
    numbers = ", ".join(map(str, changed[:_SHOWN])) + (", ..." if len(changed) > _SHOWN else "")
    what = f"{len(changed)} lines: {numbers}" if changed else "only line endings"
    if len(before) != len(after):
        what = f"{len(before)} lines -> {len(after)}" + (f", first difference in line {changed[0]}" if changed else "")
    return FileDifference(file, prefix + what, count=len(changed), largest=0.0 if prefix else None)


def _models(file: str, stored: bytes, derived: bytes, patients: "pd.DataFrame | None") -> FileDifference:
    if patients is None:
        return FileDifference(file, "another model")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns about models of other releases, which is expected here
            models = (skops_files.from_skops(content) for content in (stored, derived))
            before, after = (prediction.predict(model, patients) for model in models)
    except (WdbcError, AttributeError, KeyError, TypeError, ValueError):
        return FileDifference(file, "another model, and these libraries cannot predict with the stored one")
    largest = float(abs(after - before).max())
    size = f"differ by at most {largest:.1e}" if largest else "are identical"
    return FileDifference(file, f"probabilities of {len(patients)} training rows {size}", largest=largest)


def training_rows(inputs: Mapping[str, Any]) -> "pd.DataFrame | None":
    """Return the measurements of the training set among the inputs of an asset, if there is one."""
    sets = (getattr(value, "X_train", None) for value in inputs.values())
    rows: pd.DataFrame | None = next((rows for rows in sets if rows is not None), None)
    return rows
