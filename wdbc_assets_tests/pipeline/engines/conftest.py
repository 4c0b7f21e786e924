"""A Dask cluster that the tests of the engines share."""

from collections.abc import Iterator

import pytest

from wdbc_assets_tests import clusters
from wdbc_assets_tests.clusters import Cluster


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two workers, which nobody harms."""
    with clusters.scheduler(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster
