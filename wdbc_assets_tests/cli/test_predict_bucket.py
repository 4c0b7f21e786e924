"""`wdbc predict` on a folder of a bucket: the predictions of the same folder of this machine, or nothing at all."""

from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from wdbc_assets import api, settings
from wdbc_assets.cli.predict import predict
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines import predicting
from wdbc_assets.registry import referral
from wdbc_assets.scoring import files, places
from wdbc_assets.sources import cloud as clouds
from wdbc_assets_tests import builders, champions, object_server
from wdbc_assets_tests.object_server import Proxy
from wdbc_assets_tests.stores import Cloud, azure, cloud, google, object_store, proxy

__all__ = ["azure", "cloud", "google", "object_store", "proxy"]

ROWS = 3_000


@pytest.fixture
def patients(environment: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the same in the bucket, and a store with a champion."""
    champions.make_champion(environment / "results")
    monkeypatch.setenv("WDBC_WORKERS", "1")
    folder = environment / "patients"
    folder.mkdir()
    frame = builders.table_of(ROWS).drop(columns=contract.DIAGNOSIS)
    frame.loc[frame.index[1_500], "radius_mean"] = -1.0
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for number in range(3):
        pq.write_table(table.slice(1_000 * number, 1_000), folder / f"{number}.parquet", row_group_size=400)
    (folder / "_SUCCESS").write_bytes(b"")
    for path in folder.iterdir():
        put(cloud, path.name, path.read_bytes())
    return folder


def put(cloud: Cloud, name: str, content: bytes) -> None:
    place = f"{cloud.url}/{name}"
    obstore.put(clouds.opened(place), place.split("/", 3)[3], content)


def content_of(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_folder_of_a_bucket_has_the_predictions_of_that_of_this_machine(patients: Path, cloud: Cloud) -> None:
    api.predict(patients, "here", rejects="here.csv")
    done = CliRunner().invoke(predict, [f"{cloud.url}/", "there/", "--rejects", "there.csv"])
    assert done.exit_code == 0, done.output
    assert "files      3" in done.output
    assert content_of("there") == content_of("here")
    assert Path("there.csv").read_bytes() == Path("here.csv").read_bytes()


@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
@pytest.mark.parametrize("engine", [{"workers": 2}, {"engine": "dask", "workers": 1}], ids=["local", "dask"])
def test_every_process_reads_the_bucket_with_the_credentials_of_its_environment(
    patients: Path, cloud: Cloud, engine: dict[str, Any]
) -> None:
    api.predict(patients, "here.parquet")
    packed, _ = referral.packed_champion(settings.load().open_store())
    named = files.parse(f"{cloud.url}/", "there.parquet")
    assert isinstance(named, files.Folder)
    scored = predicting.score_folder(named, packed, settings.load(**engine))
    assert scored.used is not None
    assert scored.used.engine == engine.get("engine", "local")
    assert Path("there.parquet").read_bytes() == Path("here.parquet").read_bytes()


@pytest.mark.fault("S18")
@pytest.mark.parametrize("harm", ["written", "added"])
def test_an_object_that_is_written_meanwhile_is_refused(patients: Path, cloud: Cloud, harm: str) -> None:
    packed, _ = referral.packed_champion(settings.load().open_store())
    for number, target in enumerate(("out.parquet", "predictions")):
        named = files.parse(f"{cloud.url}/", target)
        assert isinstance(named, files.Folder)

        def written(_: object, number: int = number) -> None:
            name = "2.parquet" if harm == "written" else f"{4 + number}.parquet"
            put(cloud, name, (patients / f"{number}.parquet").read_bytes())

        with pytest.raises(WdbcError, match="changed while it was read") as raised:
            predicting.score_folder(named, packed, settings.load(), progress=written)
        assert raised.value.where == (f"{cloud.url}/2.parquet, rows 1 to 400" if harm == "written" else cloud.url)
        assert not Path(target).exists()


@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
def test_a_large_object_is_read_by_ranges_each_of_them_once(
    patients: Path, cloud: Cloud, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_BLOCK", 50_000)
    content = (patients / "0.parquet").read_bytes()
    asked: list[tuple[int, int]] = []
    original = places.Bucket.block

    def block(bucket: places.Bucket, entry: places.Entry, start: int, end: int) -> bytes:
        asked.append((start, end))
        return original(bucket, entry, start, end)

    monkeypatch.setattr(places.Bucket, "block", block)
    bucket = places.Bucket(f"{cloud.url}/")
    proxy.cause("cut", method="GET", path="0.parquet", times=2)
    with bucket.open(bucket.listed()[0]) as file:
        assert pq.read_table(file).equals(pq.read_table(patients / "0.parquet"))
    assert proxy.caused == ["cut", "cut"]
    assert len(asked) == len(set(asked)) == -(-len(content) // 50_000)
    assert max(end for _, end in asked) == len(content)


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("kind", "path", "what", "where"),
    [
        ("unsigned", "list-type", "these credentials have no permission", ""),
        ("forbidden", "1.parquet", "these credentials have no permission", "/1.parquet"),
        ("throttled", "1.parquet", "the object store throttles its clients", "/1.parquet"),
    ],
)
@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
def test_a_bucket_that_refuses_is_one_line_without_a_secret(
    patients: Path,
    cloud: Cloud,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    path: str,
    what: str,
    where: str,
) -> None:
    monkeypatch.setattr(places, "_RETRIES", 1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    proxy.cause(kind, method="GET", path=path, times=99)
    with pytest.raises(WdbcError, match=f"^the input cannot be read: {what}") as raised:
        api.predict(f"{cloud.url}/", "out.parquet")
    assert raised.value.where == cloud.url + where
    assert "sesame" not in f"{raised.value!r} {raised.value}"
    assert "\n" not in raised.value.what + raised.value.hint
    assert not Path("out.parquet").exists()


@pytest.mark.fault("S19")
@pytest.mark.parametrize("cloud", ["s3"], indirect=True)
@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("s3://nowhere/folder/", "the bucket does not exist"),
        (f"s3://{object_server.BUCKET}/nothing/", "the folder holds no file"),
        (f"s3://{object_server.BUCKET}/one.parquet", "neither on this machine nor a folder of a bucket"),
        ("https://example.org/folder/", "neither on this machine nor a folder of a bucket"),
        ("s3://key:sesame@bucket/folder/", "contains credentials"),
    ],
)
def test_what_is_no_folder_of_a_bucket_is_refused(patients: Path, cloud: Cloud, address: str, what: str) -> None:
    with pytest.raises(WdbcError, match=what) as raised:
        api.predict(address, "out.parquet")
    assert "sesame" not in str(raised.value)
    assert not Path("out.parquet").exists()
