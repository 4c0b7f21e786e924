"""The dataset assets: raw data, clean table, exploration, and the split into training and test set.

The contract of the data is in `domain.data.contract` and `domain.rules`; fetching is in `sources`.
"""

from typing import TYPE_CHECKING, Any

from wdbc_assets import settings, sources
from wdbc_assets.orchestration import metadata, resources
from wdbc_assets.orchestration.materialize import versioned_asset
from wdbc_assets.pipeline.functions import External, NotModified
from wdbc_assets.store.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

    from wdbc_assets.domain.data import splitting


@versioned_asset(
    kinds={"csv"}, owners=["team:data"], describe=metadata.describe_raw_data, columns=metadata.raw_columns()
)
def raw_data(
    parameters: settings.SourceParameters,
    source: resources.SourceResource,
    known: Manifest | None,
    report: metadata.Report,
) -> External | NotModified:
    """The unpacked bytes of the source: one line per patient, with id, diagnosis and 30 measurements."""
    origin = sources.Origin.from_json(known.origin) if known and known.origin else None
    answer = source.fetch(parameters, known=origin, report=report)
    if isinstance(answer, sources.NotModified) or (origin and answer.origin.sha256 == origin.sha256):
        return NotModified()
    return External(answer.content, answer.origin.to_json())


@versioned_asset(
    kinds={"pandas", "parquet"},
    owners=["team:data"],
    describe=metadata.describe_clean_frame,
    columns=metadata.clean_columns(),
)
def clean_frame(raw_data: bytes) -> "pd.DataFrame":
    """One row per patient: the diagnosis (1 malignant, 0 benign) and 30 measurements, without ids."""
    from wdbc_assets.domain.data import cleaning, reading

    return cleaning.clean(reading.read(raw_data))


@versioned_asset(kinds={"pandas", "json"}, owners=["team:data"], describe=metadata.describe_exploration)
def exploration(clean_frame: "pd.DataFrame") -> dict[str, Any]:
    """Exploratory analysis: distributions by class, correlations, outliers, and findings in words."""
    from wdbc_assets.domain.data import exploration

    return exploration.explore(clean_frame)


@versioned_asset(
    kinds={"pandas", "parquet"},
    owners=["team:data"],
    describe=metadata.describe_split,
    columns=metadata.clean_columns(),
)
def train_test_split(clean_frame: "pd.DataFrame", parameters: settings.SplitParameters) -> "splitting.Split":
    """The training set, and a test set that the model never sees before it is evaluated."""
    from wdbc_assets.domain.data import splitting

    return splitting.split(
        clean_frame,
        test_size=parameters.test_size,
        seed=parameters.split_seed,
        stratified=parameters.stratified,
    )
