"""The thresholds of the alarms, and the rates of false alarms that follow from them.

`make calibrate` simulates years without any change, each with a reference of its own, and stores the rates in
docs/monitoring.json; a test compares them with this table. A yearly rate is the share of such years with at least one
false alarm. Its error is that of the simulation, one standard deviation.
"""

from dataclasses import dataclass
from typing import Literal

Cadence = Literal["weekly", "daily"]
"""How often a batch arrives."""


@dataclass(frozen=True)
class Threshold:
    """When a scan raises an alarm, and how often wrongly.

    Attributes:
        value: An alarm is a |z| above this.
        windows: The lengths of the windows, in batches.
        false_alarms: The share of years without a change that have an alarm.
        error: The standard deviation of this share, from the number of simulated years.
    """

    value: float
    windows: tuple[int, ...]
    false_alarms: float
    error: float


DRIFT: dict[Cadence, Threshold] = {
    "weekly": Threshold(4.9, (1, 2, 4, 8, 13, 26, 52), 0.0142, 0.0034),
    "daily": Threshold(5.1, (1, 7, 14, 28, 56, 91, 182, 364), 0.0125, 0.0056),
}
"""The scan of the inputs, for batches of about 114 patients a week."""

OUTCOMES = Threshold(4.4, (4, 8, 13, 26, 52), 0.0158, 0.0036)
"""The scan of the outcomes that became known in each week."""
