"""Number and name formats of the report page, as template filters."""

from collections.abc import Callable, Mapping
from typing import Protocol

from wdbc_assets.domain import formatting


class Bounded(Protocol):
    """A value with the bounds of its interval, None if it has none."""

    @property
    def low(self) -> float | None:
        """The lower bound."""

    @property
    def high(self) -> float | None:
        """The upper bound."""


def decimal(value: float | None) -> str:
    """Show a metric to four decimals."""
    return formatting.number(value)


def signed(value: float | None) -> str:
    """Show a difference to four decimals, with its sign."""
    return formatting.number(value, "+.4f")


def share(value: float | None) -> str:
    """Show a share in percent."""
    return formatting.UNDEFINED if value is None else f"{100 * value:.1f} %"


def interval(metric: Bounded) -> str:
    """Show the bounds of a metric; empty if it has none."""
    return "" if metric.low is None or metric.high is None else f"[{metric.low:.4f}, {metric.high:.4f}]"


def signed_interval(metric: Bounded) -> str:
    """Show the bounds of a difference."""
    return "" if metric.low is None or metric.high is None else f"[{metric.low:+.4f}, {metric.high:+.4f}]"


def share_interval(metric: Bounded) -> str:
    """Show the bounds of a share: `96.2 to 99.4 %`."""
    return "" if metric.low is None or metric.high is None else f"{100 * metric.low:.1f} to {100 * metric.high:.1f} %"


_TERMS = {
    "f1": "F1", "roc_auc": "ROC-AUC", "pr_auc": "average precision", "log_loss": "log-loss", "neg_log_loss": "log-loss",
    "brier": "Brier score", "ece": "ECE",
}  # fmt: skip


def spread(measure: formatting.SpreadLike) -> str:
    """Show a mean and its standard deviation, or why it cannot be said."""
    return formatting.spread(measure)


def words(name: str) -> str:
    """Show a name as people write it; of a step's parameter, `logistic__C`, the parameter alone."""
    return _TERMS.get(name, name.rpartition("__")[2].replace("_", " "))


FILTERS: Mapping[str, Callable[..., str]] = {
    show.__name__: show for show in (decimal, signed, share, interval, signed_interval, share_interval, spread, words)
}
