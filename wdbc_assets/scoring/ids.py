"""The ids of a Parquet file as what a table of answers can hold: a number, or text that identifies the row."""

import uuid

import pyarrow as pa

from wdbc_assets.domain.errors import WdbcError

_HINT = "Write the ids as text or whole numbers, or leave the column out."


def type_of(kind: pa.DataType) -> pa.DataType:
    """Return the type in which ids of a type are given back: numbers as they are, all else as text.

    Raises:
        WdbcError: such values identify no row, or have no text of their own.
    """
    if pa.types.is_dictionary(kind):
        return type_of(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return kind
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return pa.large_string()
    if _is_text(kind) or _is_bytes(kind) or pa.types.is_decimal(kind) or pa.types.is_float16(kind) or _is_uuid(kind):
        return pa.string()
    raise WdbcError(f"The ids have the type {kind}, which is neither text nor a number.", where="column id", hint=_HINT)


def converted(ids: pa.Array, row: int) -> pa.Array:
    """Return ids in that type; `row` is the number of the first.

    Raises:
        WdbcError: bytes are no text in UTF-8.
    """
    target = type_of(ids.type)
    given = str(ids.type)
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if _is_uuid(ids.type):
        return pa.array([value and str(uuid.UUID(bytes=value)) for value in ids.storage.to_pylist()], type=target)
    try:
        ids = ids if ids.type == target else ids.cast(target)
        ids.validate(full=True)
    except pa.ArrowInvalid:
        raise WdbcError(
            f"The ids have the type {given}, and not all of them are text in UTF-8.",
            where=f"column id, in one of the {len(ids)} rows from {row} on",
            hint=_HINT,
        ) from None
    return ids


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind))


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)
