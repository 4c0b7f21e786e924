"""Write the tables of docs/monitoring.md: `python -m tools.calibration.page`. A test keeps the page current.

The rates come from docs/monitoring.json, which `make calibrate` writes.
"""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from tools import markdown
from wdbc_assets.domain.monitoring import sequential, thresholds
from wdbc_assets.settings import project_root

RATES = project_root() / "docs" / "monitoring.json"
PAGE = project_root() / "docs" / "monitoring.md"
_BEGIN = "<!-- by `python -m tools.calibration.page`, from docs/monitoring.json -->"


def tables(rates: Mapping[str, Any]) -> str:
    """Return the text between the two comments of the page: the rates, and how they were computed."""
    weeks = list(next(iter(rates["drift"].values())))
    head = [f"by week {week}" for week in weeks]
    blocks = [
        markdown.table(["alarm", "threshold", "years with a false alarm"], _false_alarms(rates)),
        markdown.table(["change of the patients, found by the drift report", *head], _found(rates["drift"])),
        markdown.table(["change, found from the outcomes", *head], _found(rates["outcomes"])),
        markdown.table(["champion, compared with the model before it", *head], _found(rates["rollback"])),
        textwrap.fill(_controls(rates["controls"]), 120, break_on_hyphens=False),
        textwrap.fill(_method(rates), 120, break_on_hyphens=False),
    ]
    return "\n\n".join(blocks)


def page(text: str, rates: Mapping[str, Any]) -> str:
    """Return the page with its tables rewritten."""
    return markdown.replaced(text, tables(rates), begin=_BEGIN, name=PAGE.name)


def _false_alarms(rates: Mapping[str, Any]) -> list[list[str]]:
    measured, controls = rates["false_alarms"], rates["controls"]
    promised = [
        ("drift, weekly batches", "weekly", thresholds.DRIFT["weekly"].value),
        ("drift, daily batches", "daily", thresholds.DRIFT["daily"].value),
        ("calibration, from outcomes", "outcomes", thresholds.OUTCOMES.value),
    ]
    rows = [[text, f"{limit:g}", _percent(measured[name][str(limit)])] for text, name, limit in promised]
    return [
        *rows,
        ["recall, from outcomes", f"{sequential.RECALL_ALARM:g}", _percent(measured["recall"])],
        [
            "rollback of a champion that is not worse",
            f"{sequential.ROLLBACK:g}",
            f"{controls['wrongly_rolled_back']} of {controls['years'] - controls['worse']} years",
        ],
        ["drift, calibration or recall, weekly batches", "", _percent(measured["together"])],
    ]


def _found(by_change: Mapping[str, Any]) -> list[list[str]]:
    return [[change, *(_share(share) for share in by_week.values())] for change, by_week in by_change.items()]


def _percent(rate: Mapping[str, float]) -> str:
    return f"{100 * rate['share']:.1f} ± {100 * rate['error']:.1f} %"


def _share(rate: Mapping[str, float]) -> str:
    return f"{rate['share']:.2f}"


def _controls(controls: Mapping[str, Any]) -> str:
    return (
        f"{controls['years']:,} champions had the recipe of the model before them and other patients, for a year each."
        f" By chance, {controls['worse']:,} of them were in truth worse by more than the margin of"
        f" {sequential.MARGIN:g}, and {controls['worse_rolled_back']:,} of these were rolled back. A rollback of one of"
        " the others is wrong."
    )


def _method(rates: Mapping[str, Any]) -> str:
    return (
        f"Each year was simulated with a reference of {rates['reference']} patients of its own, a model fitted on it,"
        f" and {rates['patients_a_week']} patients a week: {rates['years']:,} years with weekly batches,"
        f" {rates['years_of_days']:,} with daily ones, and"
        f" {rates['runs']:,} simulations of each change, which begins after eight weeks without one. ± is the standard"
        " deviation of the simulation; that of a share in the other tables is at most"
        f" {0.5 / rates['runs'] ** 0.5:.3f}. To simulate again, run `make calibrate`."
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), json.loads(RATES.read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    main()
