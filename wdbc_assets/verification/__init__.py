"""Every number can be derived again: each current version is, in a place of its own, and compared with what is stored.

- `deriving` reads the store, derives, and finds the cause of what differs; it writes nothing there.
- `configuration` says by which parameters; `causes` what else can differ from the manifest.
- `files`, `figures` and `tables` compare what is stored with what was derived.
"""

from wdbc_assets.verification.causes import Cause
from wdbc_assets.verification.differences import Difference, Figure
from wdbc_assets.verification.findings import Finding, first_diverged, plain
from wdbc_assets.verification.verify import verify

__all__ = ["Cause", "Difference", "Figure", "Finding", "first_diverged", "plain", "verify"]
