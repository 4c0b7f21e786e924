"""`wdbc export`: the current versions in the flat layout that other tools expect."""

from pathlib import Path

import click

from wdbc_assets import settings
from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.storage.store import open_store


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write the current versions into DIR: raw/, train_test/, models/, metrics/.

    All versions are read and verified before the first file is written.
    """
    store = open_store(settings.load().storage, relative_to=settings.project_root())
    split = store.handle("train_test_split").load()
    fitted = store.handle("fitted_pipeline").passport
    metrics = store.handle("metrics").passport
    contents = {
        "raw/wdbc.data": store.handle("raw_data").load(),
        **{
            f"train_test/{name}.csv": getattr(split, name).to_csv(index=False, lineterminator="\n").encode()
            for name in ("X_train", "X_test", "y_train", "y_test")
        },
        "models/pipeline.skops": store.files(fitted)["pipeline.skops"],
        "metrics/metrics.json": store.files(metrics)["metrics.json"],
    }
    for name, content in contents.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise WdbcError(
                f"cannot write: {error.strerror}",
                where=str(target),
                mend="Choose a folder that you may write.",
            ) from None
        terminal.say(f"  {target}  {len(content)} bytes")
