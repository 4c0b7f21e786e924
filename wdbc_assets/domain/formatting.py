"""How values are written for people: numbers that may be undefined, and digests."""

from typing import Protocol

UNDEFINED = "n/a"


class Spread(Protocol):
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


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number in a format, or `n/a` if it is undefined."""
    return UNDEFINED if value is None else format(value, form)


def spread(measure: Spread) -> str:
    """Return `mean ± sd`, or why it cannot be said."""
    if measure.mean is None:
        return f"cannot be said: {measure.reason}"
    return f"{measure.mean:.4f} ± {number(measure.sd)}"


def short(digest: str | None) -> str:
    """Return the first 12 digits of a digest, or `none`."""
    return digest[:12] if digest else "none"
