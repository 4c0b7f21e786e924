"""What is specified of an asset."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class AssetSpec:
    """The specification of an asset.

    Attributes:
        function: Import path of the function from the inputs to the value.
        inputs: Names of the input assets.
        parameters: Model of the parameters, if there are any.
        rules: Import path of the rules, a tuple of `Rule`. Each becomes an asset check.
        validate: Import path of the function that validates a value: from the value and its inputs to findings. Without
            one, each of the rules, a `ResultRule`, is applied to the value.
        describe: Import path of the function that describes a value in Dagster's UI.
        columns: Import path of the function that returns the table's columns for Dagster's UI.
        plots: Import path of the function that draws the value for the report page.
        written_by: Modules that determine the stored files in addition to what `function` and `validate` import.
        checkpointed: Modules that the asset's checkpoints depend on. A change of any other module keeps them.
        sample: Import path of the function that fills checkpoints for a verification of a sample.
        recipes: Name of the parameter that names the recipes whose code the value depends on. If the asset has no such
            parameter, because an input names the recipe, the value depends on the code of all recipes.
        jobs: Names of the jobs that materialize the asset.
        command: The command that makes the asset.
        group, owner, kinds: The asset's place in Dagster's UI.
        eager: Whether the sensor `evidence_updates` makes the asset again as soon as an input has other content.
        due: The time after which Dagster shows the asset as overdue, if it is made on a schedule.
        promoted: Whether only the promotion gate moves the asset's pointer. Such an asset does not become out of date
            when its inputs change.
        partitioned: Whether the asset has one version for each incoming batch. Its partitioned inputs are those of the
            same batch; an asset that is not partitioned takes such an input of all batches.
        record: Whether a stored partition states what happened at that time. Only damage, or another version of a
            partitioned input, makes it out of date.
        takes_large: Whether the function takes tables larger than memory. Any other refuses them.
        retrains: Whether a run that makes the asset records it as a retraining, and may promote the refit.
    """

    function: str
    inputs: tuple[str, ...] = ()
    parameters: type[BaseModel] | None = None
    rules: str
    validate: str = ""
    describe: str = ""
    columns: str = ""
    plots: str = ""
    written_by: tuple[str, ...] = ()
    checkpointed: tuple[str, ...] = ()
    sample: str = ""
    recipes: str = ""
    jobs: tuple[str, ...]
    command: str = "wdbc run"
    group: Literal["dataset", "model", "registry", "monitoring"]
    owner: Literal["team:data", "team:model"]
    kinds: frozenset[str]
    eager: bool = False
    due: timedelta | None = None
    promoted: bool = False
    partitioned: bool = False
    record: bool = False
    takes_large: bool = False
    retrains: bool = False
