"""Conversion of the ids of a Parquet file to a type that the output supports: numbers or text."""

import uuid

import pyarrow as pa

from wdbc_assets.domain.errors import WdbcError

_HINT = "Write the ids as text or whole numbers, or leave the column out."


def output_type(kind: pa.DataType) -> pa.DataType:
    """Return the output type for ids of the given type: numbers keep their type, all others become text.

    Raises:
        WdbcError: The type is neither a number nor convertible to text.
    """
    if pa.types.is_dictionary(kind):
        return output_type(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return kind
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return pa.large_string()
    if _is_text(kind) or _is_bytes(kind) or pa.types.is_decimal(kind) or pa.types.is_float16(kind) or _is_uuid(kind):
        return pa.string()
    raise WdbcError(f"the ids have the type {kind}, which is neither text nor a number", where="column id", hint=_HINT)


def convert(ids: pa.Array, row: int) -> pa.Array:
    """Convert ids to their output type. `row` is the number of the first row, for error messages.

    Raises:
        WdbcError: Binary ids are not valid UTF-8.
    """
    target = output_type(ids.type)
    source_type = str(ids.type)
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if _is_uuid(ids.type):
        return pa.array([value and str(uuid.UUID(bytes=value)) for value in ids.storage.to_pylist()], type=target)
    try:
        ids = ids if ids.type == target else ids.cast(target)
        ids.validate(full=True)
    except pa.ArrowInvalid:
        raise WdbcError(
            f"the ids have the type {source_type}, and some are not valid UTF-8",
            where=f"column id, in one of the {len(ids)} rows starting at row {row}",
            hint=_HINT,
        ) from None
    return ids


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind))


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)
