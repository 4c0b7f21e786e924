"""An experiment: the terms on which a challenger receives requests beside the champion. `challenger` runs it.

A stored experiment contains its own digest, so that damage is detected. A damaged one is never followed.
"""

import json
from dataclasses import asdict, dataclass

from wdbc_assets.store import parsing, paths
from wdbc_assets.store.manifest import CHAMPION_MANIFEST, Manifest
from wdbc_assets.store.parsing import DamagedStore, Malformed


@dataclass(frozen=True)
class Experiment:
    """The terms of an experiment.

    `against` is the version of the champion, `share` the share of requests that the challenger answers itself, `series`
    the series that its pairs and counts belong to.
    """

    challenger: Manifest
    recipe: str
    against: str
    share: float
    at: str
    actor: str
    reason: str
    series: int = 1

    @property
    def candidate(self) -> str:
        """The version of fitted_pipeline that the challenger was made from."""
        return self.challenger.inputs["fitted_pipeline"]

    @property
    def can_be_followed(self) -> bool:
        """Whether its versions and its share are valid."""
        named = "fitted_pipeline" in self.challenger.inputs and paths.VERSION.fullmatch(self.against) is not None
        return named and 0 <= self.share <= 1 and self.series >= 1

    def to_json(self) -> bytes:
        """Return the experiment as indented JSON that ends with its own digest."""
        plain = {**asdict(self), "challenger": self.challenger.to_json().decode()}
        return json.dumps({**plain, "digest": parsing.digest(plain)}, indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes, *, where: str) -> "Experiment":
        """Read an experiment.

        Raises:
            DamagedStore: it is not an experiment, or was altered.
        """
        experiment = None
        try:
            plain = parsing.decode(content)
            if plain.pop("digest") == parsing.digest(plain):
                manifest = Manifest.from_json(
                    plain["challenger"].encode(), where=where, name=CHAMPION_MANIFEST, asset=paths.CHAMPION
                )
                experiment = parsing.build(cls, {**plain, "challenger": manifest})
        except (Malformed, DamagedStore, KeyError, TypeError, AttributeError):
            pass
        if experiment is None or not experiment.can_be_followed:
            raise DamagedStore(
                "the challenger's experiment is damaged: its content does not match its digest",
                where=where,
                hint="The champion serves all requests, and no challenger is scored. Run `wdbc shadow stop` to end it.",
            )
        return experiment
