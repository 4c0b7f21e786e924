"""The layout of a store as relative paths, and the names that are valid in it."""

import re
from typing import TYPE_CHECKING

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from wdbc_assets.store.manifest import Manifest

ASSET = re.compile(r"[a-z][a-z0-9_]{0,63}")
PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[a-z0-9]{1,16}){1,2}")
VERSION = re.compile(r"[0-9a-f]{64}")

CURRENT, REMOVED = "current.json", "removed.json"
"""The pointer of an asset or of a partition, and the record that a partition was removed."""

FORMAT_FILE = "store.json"

# The files of a bundle; SCORER exists only if the pipeline could be compiled.
BUNDLE, SCORER, POLICY, REFERENCE, PIPELINE = (
    "bundle.json", "scorer.json", "policy.json", "reference.json", "pipeline.skops",
)  # fmt: skip

CHAMPION = "champion"
HISTORY, HISTORY_HEAD = f"{CHAMPION}/history.jsonl", f"{CHAMPION}/history.json"
PROMOTED = f"{CHAMPION}/promoted"
EXPERIMENT, NEXT_EXPERIMENT, CHALLENGERS = (
    f"{CHAMPION}/experiment.json",
    f"{CHAMPION}/experiment.next.json",
    "challengers",
)


def pointer(asset: str, partition: str | None = None) -> str:
    """Return the path of the pointer to the current version of an asset, or of one of its partitions."""
    below = f"/partitions/{partition}" if partition_name(partition) is not None else ""
    return f"{asset_name(asset)}{below}/{CURRENT}"


def partitions(asset: str) -> str:
    """Return the folder of an asset's partitions."""
    return f"{asset_name(asset)}/partitions"


def removed(asset: str, partition: str) -> str:
    """Return the path of the record that a partition was removed on purpose."""
    return f"{asset_name(asset)}/partitions/{_checked(PARTITION, partition)}/{REMOVED}"


def refusal(asset: str) -> str:
    """Return the path of the record of an asset's last rejected attempt."""
    return f"{asset_name(asset)}/refused.json"


def made_by(run_id: str, asset: str, partition: str | None = None) -> str:
    """Return the path of the manifest of what a run made or kept of an asset, or of one of its partitions."""
    below = f"/{partition}" if partition_name(partition) is not None else ""
    return f"runs/{run_name(run_id)}/{asset_name(asset)}{below}.json"


def version(manifest: "Manifest") -> str:
    """Return the folder of a version."""
    return f"{asset_name(manifest.asset)}/versions/{_checked(VERSION, manifest.version)}"


def bundle(version: str) -> str:
    """Return the folder of a version of the champion."""
    return f"{CHAMPION}/versions/{_checked(VERSION, version)}"


def version_file(manifest: "Manifest", name: str) -> str:
    """Return the path of one file of a version."""
    return f"{version(manifest)}/{file_name(name)}"


def reused(asset: str, version: str) -> str:
    """Return the path of the record that a version was made again."""
    return f"{asset_name(asset)}/reused/{_checked(VERSION, version)}.json"


def is_reuse(path: str) -> bool:
    """Return whether a path is that of a record that a version was made again."""
    return path.split("/")[1:2] == ["reused"]


def parts(asset: str, key: str) -> str:
    """Return the folder of the checkpoints of an asset's work for given inputs and code."""
    return f"{asset_name(asset)}/parts/{_checked(VERSION, key)}"


def evidence(digest: str) -> str:
    """Return the path of a gate's verdict document."""
    return f"{CHAMPION}/evidence/{_checked(VERSION, digest)}.json"


def reference(digest: str) -> str:
    """Return the path of the table of a rebased reference."""
    return f"{CHAMPION}/references/{_checked(VERSION, digest)}.parquet"


def promoted(version: str) -> str:
    """Return the path of the manifest of a version that is or was champion."""
    return f"{PROMOTED}/{_checked(VERSION, version)}.json"


def challenger(version: str) -> str:
    """Return the path of the manifest of a bundle that is or was a challenger."""
    return f"{CHAMPION}/{CHALLENGERS}/{_checked(VERSION, version)}.json"


def pairs(candidate: str, champion: str | None = None, series: int | None = None) -> str:
    """Return the folder of a candidate's paired scores (a version of fitted_pipeline), all or with one champion."""
    below = f"/{_checked(VERSION, champion)}" if champion else ""
    return f"{CHAMPION}/pairs/{_checked(VERSION, candidate)}{below}" + (f"/{series}" if series else "")


def asset_name(name: str) -> str:
    """Return the name of an asset if it is a valid folder name; raise WdbcError otherwise."""
    return _checked(ASSET, name)


def partition_name(name: str | None) -> str | None:
    """Return the name of a partition, if there is one, and if it is a valid folder name; raise WdbcError otherwise."""
    return None if name is None else _checked(PARTITION, name)


def run_name(name: str) -> str:
    """Return the id of a run if it is a valid folder name; raise WdbcError otherwise."""
    return _checked(RUN, name)


def file_name(name: str) -> str:
    """Return the name of a version's file if it is valid; raise WdbcError otherwise."""
    return _checked(FILE, name)


def _checked(pattern: re.Pattern[str], name: str) -> str:
    # Names that could escape the store, or resemble another name, are rejected.
    if not pattern.fullmatch(name):
        raise WdbcError(
            f"invalid name in the store: {name[:80]!a}",
            hint="Use lower-case ASCII letters, digits and underscores.",
        )
    return name
