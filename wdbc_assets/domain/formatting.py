"""How values are written for people: numbers that may be undefined, and digests."""

UNDEFINED = "n/a"


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number in a format, or `n/a` if it is undefined."""
    return UNDEFINED if value is None else format(value, form)


def short(digest: str | None) -> str:
    """Return the first 12 digits of a digest, or `none`."""
    return digest[:12] if digest else "none"
