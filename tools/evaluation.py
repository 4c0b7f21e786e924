"""Write the tables of recipes in docs/evaluation.md: `python -m tools.evaluation`. A test keeps the page current.

The metrics come from docs/evaluation.json. With `--from-store` that file is first rewritten from the current
`cross_validation` in the store, which `wdbc evaluate --protocol full` computes.
"""

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import gate, markdown
from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import explanations, floors
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.store.store import open_store

METRICS = Path(__file__).resolve().parent.parent / "docs" / "evaluation.json"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "evaluation.md"

_BEGIN = "<!-- by `python -m tools.evaluation`, from docs/evaluation.json -->"
_SHOWN = {
    "accuracy": "accuracy",
    "recall": "recall",
    "roc_auc": "ROC-AUC",
    "log_loss": "log-loss",
    "brier": "Brier",
    "ece": "ECE",
}
_COMPARED = ("log_loss", "accuracy")
_REFERENCES = (recipes.BASELINE, "logistic", floors.RECIPE)
_KEPT = ("patients", "repeats", "folds", "recipes", "differences")
_CALIBRATION = {
    "slope": "slope",
    "intercept": "in the large",
    "observed_expected": "observed / expected",
    "ici": "ICI",
    "e90": "E90",
}


def tables(summary: Mapping[str, Any]) -> str:
    """Return the text between the two comments of the page: three tables and how they were computed."""
    by_name = dict(sorted(summary["recipes"].items(), key=lambda item: item[1]["log_loss"]["mean"]))
    rows = [[_label(name), *(_spread(metrics[metric]) for metric in _SHOWN)] for name, metrics in by_name.items()]
    differences = [
        [
            f"`{name}` minus `{other}`",
            *(_difference(summary, name, other, metric) for metric in _COMPARED),
        ]
        for name in by_name
        for other in _REFERENCES
        if other != name and (name not in _REFERENCES or list(by_name).index(name) < list(by_name).index(other))
    ]
    calibration = [
        [_label(name), *(_spread(summary["calibration"][name][measure]) for measure in _CALIBRATION)]
        for name in by_name
    ]
    blocks = [
        markdown.table(["recipe", *_SHOWN.values()], rows),
        markdown.table(["difference", *(_SHOWN[metric] for metric in _COMPARED)], differences),
        markdown.table(["recipe", *_CALIBRATION.values()], calibration),
        *(
            textwrap.fill(paragraph, 120, break_on_hyphens=False)
            for paragraph in (_method(summary, pairs=len(differences)), gate.text(summary["gate"]))
        ),
    ]
    return "\n\n".join(blocks)


def _method(summary: Mapping[str, Any], *, pairs: int) -> str:
    others = (f" --recipe {name}" for name in summary["recipes"] if name not in floors.EVALUATED)
    return (
        f"Nested cross-validation of all {summary['patients']} patients: {summary['repeats']} repeats of"
        f" {summary['folds']} outer folds, the same folds for every recipe; {recipes.SEARCH_REPEATS} shuffles of"
        f" {recipes.SEARCH_FOLDS} inner folds select the hyperparameters. The first and the last table show mean ±"
        " standard deviation over the repeats. The second shows differences, paired fold by fold, with the 95 %"
        " interval of Nadeau and Bengio. If an interval contains 0, the difference is not significant."
        f" {explanations.multiplicity(pairs)} To reproduce the tables, run `wdbc evaluate --protocol"
        f" full{''.join(others)}`."
    )


def page(text: str, summary: Mapping[str, Any]) -> str:
    """Return the page with its tables rewritten.

    Raises:
        SystemExit: the page lacks one of the comments that enclose the tables.
    """
    return markdown.replaced(text, tables(summary), begin=_BEGIN, name=PAGE.name)


def from_store() -> dict[str, Any]:
    """Return the summary of the current evaluation, without the fields that the tables do not show.

    Raises:
        WdbcError: no evaluation exists, or its protocol is not the full one.
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
    calibration = {
        name: {measure: of[measure] for measure in (*_CALIBRATION, "ece_if_calibrated")}
        for name, of in summary["calibration"].items()
    }
    simulated = gate.simulate(store.value(manifest).predictions, (floors.RECIPE, "logistic"))
    return {name: summary[name] for name in _KEPT} | {"calibration": calibration, "gate": simulated}


def _label(recipe: str) -> str:
    return f"`{recipe}`" + (", the default" if recipe == recipes.DEFAULT else "")


def _spread(metric: Mapping[str, float]) -> str:
    return f"{metric['mean']:.4f} ± {metric['sd']:.4f}"


def _difference(summary: Mapping[str, Any], recipe: str, minus: str, metric: str) -> str:
    for pair in summary["differences"]:
        mean, low, high = (pair[metric][bound] for bound in ("mean", "low", "high"))
        if (pair["recipe"], pair["minus"]) == (recipe, minus):
            return f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        if (pair["recipe"], pair["minus"]) == (minus, recipe):
            return f"{-mean:+.4f} [{-high:+.4f}, {-low:+.4f}]"
    return ""


def main(arguments: list[str]) -> str | None:
    """Write the page; return an error message, or None."""
    if arguments == ["--from-store"]:
        try:
            METRICS.write_text(json.dumps(from_store(), indent=1) + "\n", encoding="utf-8")
        except WdbcError as error:
            return str(error)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), json.loads(METRICS.read_bytes())), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
