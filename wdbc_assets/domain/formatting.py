"""How values are written for people: numbers that may be undefined, and digests."""

from typing import Protocol

UNDEFINED = "n/a"
_MOST_DIGITS = 10_000


class SpreadLike(Protocol):
    """A mean with its standard deviation, or the reason why there is none."""

    @property
    def mean(self) -> float | None:
        """The mean."""

    @property
    def sd(self) -> float | None:
        """The standard deviation."""

    @property
    def reason(self) -> str | None:
        """Why there is no mean."""


class DifferenceLike(Protocol):
    """A difference with the bounds of its interval, None if it has none."""

    @property
    def mean(self) -> float | None:
        """The difference."""

    @property
    def low(self) -> float | None:
        """The lower bound."""

    @property
    def high(self) -> float | None:
        """The upper bound."""


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number in a format, or `n/a` if it is undefined."""
    return UNDEFINED if value is None else format(value, form)


def spread(measure: SpreadLike) -> str:
    """Return `mean ± sd`, or why it cannot be said."""
    if measure.mean is None:
        return f"cannot be said: {measure.reason}"
    return f"{measure.mean:.4f} ± {number(measure.sd)}"


def difference(measure: DifferenceLike) -> str:
    """Return `+0.0012 [-0.0003, +0.0027]`, without bounds if it has none."""
    bounds = "" if measure.low is None or measure.high is None else f" [{measure.low:+.4f}, {measure.high:+.4f}]"
    return number(measure.mean, "+.4f") + bounds


def percent(share: float) -> str:
    """Return a share such as a prevalence in percent: `37.4 %`, `0.5 %`."""
    return f"{100 * share:.3g} %"


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """Return `1 patient` or `1,200 patients`; `nouns` is the plural if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def evidence(value: float) -> str:
    """Return the evidence of a sequential test: `3.1`, or `8.6e+23`, since it multiplies with each patient."""
    return f"{value:.1f}" if value < _MOST_DIGITS else f"{value:.1e}"


def short(digest: str | None) -> str:
    """Return the first 12 digits of a digest, or `none`."""
    return digest[:12] if digest else "none"
