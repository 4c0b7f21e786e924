"""Comparing the files of two versions, each by what it holds: a table, figures, a model, lines of text."""

import json
import warnings
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store import codecs, skops_files
from wdbc_assets.verification import figures, tables
from wdbc_assets.verification.differences import Difference

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10


def compare(
    file: str, stored: bytes | None, derived: bytes | None, *, whole: bool, asked: "pd.DataFrame | None"
) -> Difference:
    """Compare two files of one name, of which one may be missing.

    `whole` says that the stored one is what its manifest states: a model that is not is never opened. `asked` are the
    patients whose probabilities two models are asked for.
    """
    if stored is None or derived is None:
        return Difference(file, "is missing" if stored is None else "is not derived any more")
    try:
        match PurePosixPath(file).suffix:
            case ".json":
                return figures.compare(file, json.loads(stored), json.loads(derived))
            case ".parquet":
                return tables.compare(file, _table(stored), _table(derived))
            case ".data":
                return _sources(file, stored, derived)
            case ".skops":
                return _models(file, stored, derived, asked) if whole else Difference(file, "is damaged: not opened")
            case _:
                return _lines(file, stored, derived)
    except ValueError:
        return Difference(file, "cannot be read any more")


def described(contents: Mapping[str, bytes]) -> str:
    """Say in a few words what the files of a derived version hold."""
    shapes = [_shape(content) for name, content in contents.items() if name.endswith(".parquet")]
    numbers = sum(figures.count(json.loads(content)) for name, content in contents.items() if name.endswith(".json"))
    said = []
    if len(shapes) == 1:
        said.append(f"{shapes[0][0]} rows x {shapes[0][1]} columns")
    elif shapes:
        said.append(f"{len(shapes)} tables, {sum(rows * columns for rows, columns in shapes):,} cells")
    for name, content in contents.items():
        match PurePosixPath(name).suffix:
            case ".json" | ".parquet":
                pass
            case ".skops":
                said.append(name)
            case _:
                said.append(f"{len(content.splitlines())} lines, {len(content):,} bytes")
    return ", ".join([*said, *([f"{numbers} figures"] if numbers else [])])


def _shape(content: bytes) -> tuple[int, int]:
    import io

    import pyarrow.parquet as pq

    found = pq.read_metadata(io.BytesIO(content))
    return found.num_rows, found.num_columns


def _table(content: bytes) -> "pd.DataFrame":
    import pyarrow as pa

    try:
        return codecs.from_parquet(content)
    except (pa.ArrowException, OSError) as error:
        raise ValueError("no Parquet file") from error


def _sources(file: str, stored: bytes, derived: bytes) -> Difference:
    from wdbc_assets.domain.data import reading

    try:
        before, after = reading.read(stored).frame, reading.read(derived).frame
    except reading.NotATable:
        return _lines(file, stored, derived)
    found = tables.compare(file, before, after, first=int(after.index[0]), row="line")
    return found if found.largest != 0 else _lines(file, stored, derived, told="no cell differs, but the text of ")


def _lines(file: str, stored: bytes, derived: bytes, told: str = "") -> Difference:
    before, after = stored.splitlines(), derived.splitlines()
    differ = [place for place, (one, other) in enumerate(zip(before, after, strict=False), start=1) if one != other]
    named = ", ".join(map(str, differ[:_SHOWN])) + (", ..." if len(differ) > _SHOWN else "")
    what = f"{len(differ)} lines: {named}" if differ else "line ends alone"
    if len(before) != len(after):
        what = f"{len(before)} lines -> {len(after)}" + (f", the first other one is line {differ[0]}" if differ else "")
    return Difference(file, told + what, count=len(differ), largest=0.0 if told else None)


def _models(file: str, stored: bytes, derived: bytes, asked: "pd.DataFrame | None") -> Difference:

    if asked is None:
        return Difference(file, "another model")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of models of other releases: that is the matter here
            models = (skops_files.from_skops(content) for content in (stored, derived))
            before, after = (prediction.predict(model, asked) for model in models)
    except (WdbcError, AttributeError, KeyError, TypeError, ValueError):
        return Difference(file, "another model, and the stored one cannot be asked by these libraries")
    largest = float(abs(after - before).max())
    said = f"differ by at most {largest:.1e}" if largest else "are the same to the last digit"
    return Difference(file, f"probabilities of {len(asked)} training rows {said}", largest=largest)


def patients(inputs: Mapping[str, Any]) -> "pd.DataFrame | None":
    """Return the training part among the inputs of an asset, if there is one."""
    found: pd.DataFrame | None = next(
        (part for one in inputs.values() if (part := getattr(one, "X_train", None)) is not None), None
    )
    return found
