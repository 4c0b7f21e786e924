"""The run configuration of assets: Dagster's schema of their parameters, with their choices and bounds.

A value out of bounds is refused when a run is requested, and not inside the run. Dagster's public fields cannot state
bounds, so this module extends its scalar type, the only one to do so.
"""

from functools import cache
from typing import Any

import dagster as dg
from dagster._config.config_type import ConfigScalar, ConfigScalarKind
from dagster._config.errors import PostProcessingError
from pydantic import BaseModel, ValidationError

from wdbc_assets import settings

_KINDS = {int: ConfigScalarKind.INT, float: ConfigScalarKind.FLOAT, bool: ConfigScalarKind.BOOL}


class _Parameter(ConfigScalar):
    """A scalar that is validated like the parameter of the same name."""

    def __init__(self, model: type[BaseModel], name: str) -> None:
        kind = _KINDS.get(model.model_fields[name].annotation, ConfigScalarKind.STRING)  # type: ignore[arg-type]
        super().__init__(name, given_name=name, scalar_kind=kind)  # the names of all parameters differ
        self._model = model
        self._name = name

    def post_process(self, value: Any) -> Any:
        """Return the value if it is valid. Dagster calls this before a run starts."""
        try:
            self._model.__pydantic_validator__.validate_assignment(self._model.model_construct(), self._name, value)
        except ValidationError as error:
            raise PostProcessingError(f"{self._name}: {error.errors()[0]['msg']}") from None
        return value


def schema(parameters: type[BaseModel] | None) -> dict[str, dg.Field]:
    """Return the configuration fields of an asset's parameters.

    They have no defaults: the UI would fill them in, and they would override the environment.
    """
    if parameters is None:
        return {}
    return {
        name: dg.Field(
            _type(parameters, name),
            is_required=False,
            description=f"{field.description}. Default: the setting {settings.variable(name)}, or {field.default}.",
        )
        for name, field in parameters.model_fields.items()
    }


def _type(model: type[BaseModel], name: str) -> dg.Enum | _Parameter:
    choices = model.model_json_schema()["properties"][name].get("enum")
    if choices is None:
        return _Parameter(model, name)
    return _enumeration(name, tuple(choices))


@cache
def _enumeration(name: str, choices: tuple[str, ...]) -> dg.Enum:
    # One object for all assets with this parameter: Dagster refuses two types of the same name.
    return dg.Enum(name, [dg.EnumValue(choice) for choice in choices])
