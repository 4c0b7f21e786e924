"""The ways in which a source fails its caller: wrongly named, refused for good, or away for now.

The classes differ because callers do: a setting is corrected, a refusal is reported, and only an absence is worth
another run later. The words of each error are written where it is raised.
"""

from wdbc_assets.domain.errors import WdbcError


class SourceError(WdbcError):
    """The bytes of a source could not be had, or are not what was asked for."""


class UnknownSource(SourceError):
    """The setting names no source that this platform knows."""


class SourceRefused(SourceError):
    """The source, or what came from it, was refused: asking again changes nothing."""


class SourceUnavailable(SourceError):
    """The source did not deliver within the stated tries and time: asking later may help."""
