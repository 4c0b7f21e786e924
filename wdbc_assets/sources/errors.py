"""The ways a source can fail: an invalid setting, a permanent refusal, or a temporary failure.

The classes differ because callers do: a setting has to be corrected, a refusal is reported, and only a temporary
failure justifies a later retry. Messages are written where the errors are raised.
"""

from wdbc_assets.domain.errors import WdbcError


class SourceError(WdbcError):
    """The source could not be read, or its content is not what was requested."""


class UnknownSource(SourceError):
    """The setting is not a source that this platform supports."""


class SourceRefused(SourceError):
    """The source or its content was rejected. A retry does not help."""


class SourceUnavailable(SourceError):
    """The source did not deliver within the limits of attempts and time. A later retry may help."""
