"""Writes the README's table of recipes from docs/evaluation.json: `python -m docs.evaluation`. A test keeps it current.

With `--from-store` the figures are first taken from the current `cross_validation` of the store, which `wdbc evaluate
--protocol full` makes.
"""

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.store.store import open_store

FIGURES = Path(__file__).with_name("evaluation.json")
PAGE = Path(__file__).resolve().parent.parent / "README.md"

_BEGIN = "<!-- by `python -m docs.evaluation`, from docs/evaluation.json -->"
_END = "<!-- end -->"
_SHOWN = {
    "accuracy": "accuracy",
    "recall": "recall",
    "roc_auc": "ROC-AUC",
    "log_loss": "log-loss",
    "brier": "Brier",
    "ece": "ECE",
}
_COMPARED = ("log_loss", "accuracy")
_REFERENCES = (recipes.BASELINE, floors.RECIPE)
_KEPT = ("patients", "repeats", "folds", "recipes", "differences")


def table(summary: Mapping[str, Any]) -> str:
    """Return what stands between the two comments of the README."""
    of = dict(sorted(summary["recipes"].items(), key=lambda item: item[1]["log_loss"]["mean"]))
    rows = [[_named(name), *(_spread(figures[metric]) for metric in _SHOWN)] for name, figures in of.items()]
    head = [f"{_SHOWN[metric]} minus `{name}`'s" for name in _REFERENCES for metric in _COMPARED]
    differences = [
        [_named(name), *(_difference(summary, name, other, metric) for other in _REFERENCES for metric in _COMPARED)]
        for name in of
    ]
    parts = [
        _markdown(["recipe", *_SHOWN.values()], rows),
        _markdown(["recipe", *head], differences),
        textwrap.fill(_words(summary), 120, break_on_hyphens=False),
    ]
    return "\n\n".join(parts)


def _words(summary: Mapping[str, Any]) -> str:
    others = (f"--recipe {name}" for name in summary["recipes"] if name not in (floors.RECIPE, recipes.BASELINE))
    return (
        f"Nested cross-validation of all {summary['patients']} patients, {summary['repeats']} times {summary['folds']}"
        " outer folds, the same for every recipe, candidates chosen on 5 inner ones: mean ± sd over the repeats."
        " Differences are paired fold by fold, with the 95 % interval of Nadeau and Bengio: where it holds 0, nobody"
        f" can tell the two apart. `wdbc evaluate --protocol full {' '.join(others)}` makes all of it again."
    )


def page(readme: str, summary: Mapping[str, Any]) -> str:
    """Return the README as it should be."""
    before, begin, rest = readme.partition(f"{_BEGIN}\n")
    _, end, after = rest.partition(f"\n{_END}")
    if not (begin and end):
        raise SystemExit(f"README.md has lost the comments between which the table stands: {_BEGIN} and {_END}")
    return f"{before}{begin}\n{table(summary)}\n{end}{after}"


def from_store() -> dict[str, Any]:
    """Return the summary of the current evaluation, without what the table does not show.

    Raises:
        WdbcError: there is none, or it is not of the full protocol.
    """
    store = open_store(settings.load().storage, relative_to=settings.project_root())
    manifest = store.handle("cross_validation").manifest
    summary = json.loads(store.files(manifest)["summary.json"])
    if summary["repeats"] < recipes.PROTOCOLS["full"]:
        raise WdbcError(
            f"The current evaluation has {summary['repeats']} repeats.",
            where=store.url,
            hint="Run `wdbc evaluate --protocol full` first.",
        )
    return {name: summary[name] for name in _KEPT}


def _named(recipe: str) -> str:
    return f"`{recipe}`" + (", the default" if recipe == recipes.DEFAULT else "")


def _spread(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.4f} ± {figure['sd']:.4f}"


def _difference(summary: Mapping[str, Any], recipe: str, minus: str, metric: str) -> str:
    for one in summary["differences"]:
        mean, low, high = (one[metric][part] for part in ("mean", "low", "high"))
        if (one["recipe"], one["minus"]) == (recipe, minus):
            return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        if (one["recipe"], one["minus"]) == (minus, recipe):
            return f"{-mean:+.4f} [{-high:+.4f}, {-low:+.4f}]"
    return ""


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def main(arguments: list[str]) -> str | None:
    """Write the README's table; return what is wrong."""
    if arguments == ["--from-store"]:
        try:
            FIGURES.write_text(json.dumps(from_store(), indent=1) + "\n", encoding="utf-8")
        except WdbcError as error:
            return str(error)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), json.loads(FIGURES.read_bytes())), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
