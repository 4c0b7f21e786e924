"""Errors of librdkafka in this package's own words: its texts contain addresses, and what a broker answers."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wdbc_assets.sources import sniffing
from wdbc_assets.sources.retrying import Fault

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

_ADDRESS = "Check host and port of the brokers, and that they can be reached from here."
_USER = "Check user, password and sasl.mechanism of the address."
# By name, the most telling first: an unreachable broker is also reported by several vaguer codes.
_KNOWN: tuple[tuple[str, str, bool, str], ...] = (
    ("UNKNOWN_TOPIC_OR_PART", "the topic does not exist", False, "Check its name."),
    ("TOPIC_EXCEPTION", "the topic has no valid name", False, "Check its name."),
    (
        "TOPIC_AUTHORIZATION_FAILED",
        "this user may not read the topic",
        False,
        "Grant it READ and DESCRIBE.",
    ),
    ("_AUTHENTICATION", "the broker rejected the user or the password", False, _USER),
    ("SASL_AUTHENTICATION_FAILED", "the broker rejected the user or the password", False, _USER),
    ("_SSL", "no TLS connection", False, "Check security.protocol and the ssl.* settings of the address."),
    ("_RESOLVE", "the host of a broker is unknown", True, _ADDRESS),
    ("_AUTO_OFFSET_RESET", "records expired while they were read", True, "Try again."),
    ("_TRANSPORT", "the broker refused or lost the connection", True, _ADDRESS),
    ("_ALL_BROKERS_DOWN", "no broker can be reached", True, _ADDRESS),
    ("_TIMED_OUT", "the broker did not answer in time", True, _ADDRESS),
)


def of_errors(errors: "Sequence[KafkaError]") -> Fault:
    """Return the fault for the errors of one attempt."""
    names = [error.name() for error in errors]
    for name, what, passing, hint in _KNOWN:
        if name in names:
            return Fault(what=what, passing=passing, hint=hint)
    return Fault(what=f"the broker failed ({names[0]})", passing=bool(errors[0].retriable()), hint=_ADDRESS)


def of_settings(error: Exception, *, conceal: Callable[[str], str]) -> Fault:
    """Return the fault for settings that librdkafka refuses."""
    cause: Any = error.args[0] if error.args else error
    text = cause.str() if hasattr(cause, "str") else str(cause)
    what = f"librdkafka refuses the settings of the address: {sniffing.plain(conceal(text))}"
    return Fault(what=what, passing=False, hint="See librdkafka's CONFIGURATION.md.")
