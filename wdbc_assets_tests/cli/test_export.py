"""`wdbc export`: versions that belong together, in a folder that is replaced as a whole."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from wdbc_assets.pipeline import specs
from wdbc_assets.store import paths
from wdbc_assets.store.manifest import stored_file, version_of
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.cli.test_run import made, made_once, wdbc

__all__ = ["made", "made_once"]  # fixtures

FILES = [
    "metrics/metrics.json",
    "models/pipeline.skops",
    "raw/wdbc.data",
    "train_test/X_test.csv",
    "train_test/X_train.csv",
    "train_test/y_test.csv",
    "train_test/y_train.csv",
]


@pytest.fixture
def store(made: None, tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "results"), relative_to=tmp_path)


def exported(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_never_made_is_not_exported(tmp_path: Path) -> None:
    refused = wdbc("export", str(tmp_path / "out"))
    assert refused.returncode == 1
    assert "never been materialized" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_the_flat_layout_comes_with_the_versions_and_the_digest_of_each_file(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        done = wdbc("export", str(tmp_path / "out"))
        assert done.returncode == 0, done.stderr
        found = exported(tmp_path / "out")
        assert sorted(found) == sorted([*FILES, "export.json"])
        stated = json.loads(found["export.json"])
        assert stated["sha256"] == {name: hashlib.sha256(found[name]).hexdigest() for name in FILES}
        assert stated["versions"] == {name: store.handle(name).manifest.version for name in specs.JOBS["train"]}
    assert list(tmp_path.glob(".out*")) == []


@pytest.mark.fault("F15")
@pytest.mark.parametrize("asset", ["raw_data", "clean_frame", "train_test_split", "fitted_pipeline"])
def test_inconsistent_versions_are_refused_and_the_earlier_export_stays(
    store: Store, tmp_path: Path, asset: str
) -> None:
    assert wdbc("export", str(tmp_path / "out")).returncode == 0
    before = exported(tmp_path / "out")
    # As a run leaves it that was killed after it made this asset: the next one is still of the version before.
    manifest = store.handle(asset).manifest
    files = {name: stored_file(b"another") for name in manifest.files}
    another = replace(manifest, files=files, version=version_of(files))
    store.backend.replace(paths.pointer(asset), another.to_json())
    refused = wdbc("export", str(tmp_path / "out"))
    assert refused.returncode == 1
    assert f"was made from {asset} " in refused.stderr
    assert "wdbc run" in refused.stderr
    assert exported(tmp_path / "out") == before
