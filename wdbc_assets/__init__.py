"""From fine-needle-aspirate measurements of breast tumours to an evaluated diagnostic model, as Dagster assets."""

from wdbc_assets.api import Model, champion, load, predict, versions

__all__ = ["Model", "champion", "load", "predict", "versions"]
