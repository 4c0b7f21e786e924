"""Reproducibility: re-derive stored versions in a temporary folder, compare, and explain differences.

Nothing here writes to the store.

- `verify` re-derives versions and finds the cause of a difference; `rederive` runs one attempt, `sampling` shortens it.
- `inputs` and `configuration` determine what goes in; `causes` lists what else can differ from the manifest.
- `files`, `values` and `tables` compare stored with derived content.
"""

from wdbc_assets.verification.asset_verification import AssetVerification, first_diverged, to_json
from wdbc_assets.verification.causes import Deviation
from wdbc_assets.verification.differences import ChangedValue, FileDifference
from wdbc_assets.verification.verify import verify

__all__ = ["AssetVerification", "ChangedValue", "Deviation", "FileDifference", "first_diverged", "to_json", "verify"]
