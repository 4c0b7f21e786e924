"""Check that the lock files agree with pyproject.toml, without a network and without resolving (see `make lock`).

`requirements.lock` pins what a run and the build of the package need; `requirements-dev.lock` pins what the extras add
to it, such as the development tools; `requirements-pip.lock` pins the pip that installs them. `uv pip compile` writes
all three. Its "via" comments show which pins pyproject.toml requests by name.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED_PYTHON = "Programming Language :: Python :: "


@dataclass(frozen=True)
class Pin:
    """One entry of a lock file: an exact version, the allowed hashes, and whether pyproject.toml requests it."""

    requirement: Requirement
    hashes: tuple[str, ...]
    requested: bool

    @property
    def name(self) -> str:
        """The canonical name, as pip compares it."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str | None:
        """The exact version, or None if the entry is not a single `==`."""
        specifiers = list(self.requirement.specifier)
        exact = len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in specifiers[0].version
        return specifiers[0].version if exact else None


def read_lock(text: str) -> list[Pin]:
    """Return the entries of a lock file.

    Raises:
        InvalidRequirement: a line is not a requirement, but an option of pip, a path, or a URL.
    """
    entries = re.split(r"\n(?=[^\s#])", "\n" + re.sub(r"(?m)^#.*\n?", "", text).strip())
    return [_read_pin(entry) for entry in entries if entry.strip()]


def _read_pin(entry: str) -> Pin:
    head = re.split(r"\\\n|\n| --hash", entry, maxsplit=1)[0]
    return Pin(
        requirement=Requirement(head.strip()),
        hashes=tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", entry)),
        requested="wdbc-assets (pyproject.toml)" in entry,
    )


def differences(project: Mapping[str, Any], runtime_lock: str, dev_lock: str, pip_lock: str) -> list[str]:
    """Return one message per difference between lock files and pyproject.toml, and per pin without version or hash."""
    try:
        runtime, dev, pip = read_lock(runtime_lock), read_lock(dev_lock), read_lock(pip_lock)
    except InvalidRequirement as error:
        return [f"a lock file contains a line that is not a pinned package: {error}"]
    table = project["project"]
    needs_runtime = [Requirement(text) for text in table["dependencies"]]
    needs_dev = [Requirement(text) for extra in table["optional-dependencies"].values() for text in extra]
    needs_pip = [Requirement(text) for text in project["dependency-groups"]["pip"]]
    needs_build = [Requirement(text) for text in project["build-system"]["requires"]]
    pythons = [
        word.removeprefix(SUPPORTED_PYTHON)
        for word in table["classifiers"]
        if re.fullmatch(re.escape(SUPPORTED_PYTHON) + r"3\.\d+", word)
    ]
    return [
        *_unsafe(runtime + dev + pip),
        *_unmet(needs_runtime + needs_build, runtime, pythons, "requirements.lock"),
        *_unmet(needs_dev, runtime + dev, pythons, "requirements-dev.lock"),
        *_unmet(needs_pip, pip, pythons, "requirements-pip.lock"),
        *_unrequested(needs_runtime, runtime, "requirements.lock"),
        *_unrequested(needs_dev, dev, "requirements-dev.lock"),
        *_contradictory(runtime, dev),
    ]


def _contradictory(runtime: Iterable[Pin], dev: Iterable[Pin]) -> Iterator[str]:
    versions = {pin.name: pin.version for pin in runtime}
    for pin in dev:
        if versions.get(pin.name, pin.version) != pin.version:
            yield f"{pin.name} is pinned to {versions[pin.name]} and to {pin.version}"


def _unsafe(pins: Iterable[Pin]) -> Iterator[str]:
    for pin in pins:
        if pin.version is None:
            yield f"{pin.name} is not pinned to one version"
        if not pin.hashes:
            yield f"{pin.name} has no hash"


def _unmet(needs: Iterable[Requirement], pins: Iterable[Pin], pythons: Iterable[str], lock: str) -> Iterator[str]:
    """Yield a message per requirement that is not pinned for a supported Python, or pinned outside its bounds."""
    for python in pythons:
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        present = {pin.name: pin for pin in pins if _applies(pin.requirement, environment)}
        for need in needs:
            if not _applies(need, environment):
                continue
            pin = present.get(canonicalize_name(need.name))
            if pin is None or not need.extras <= pin.requirement.extras:
                yield f"pyproject.toml requires {need}, which {lock} does not pin for Python {python}"
            elif pin.version is None or not need.specifier.contains(pin.version, prereleases=True):
                yield f"pyproject.toml requires {need}, but {lock} pins {pin.version} for Python {python}"


def _unrequested(needs: Iterable[Requirement], pins: Iterable[Pin], lock: str) -> Iterator[str]:
    names = {canonicalize_name(need.name) for need in needs}
    for pin in pins:
        if pin.requested and pin.name not in names:
            yield f"{lock} pins {pin.name} for pyproject.toml, which no longer requires it"


def _applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def main(arguments: list[str]) -> int:
    """Print each difference and return 1, or return 0 if there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if arguments == ["--build-requirements"]:
        print(*project["build-system"]["requires"], sep="\n")
        return 0
    names = ("requirements.lock", "requirements-dev.lock", "requirements-pip.lock")
    locks = [(ROOT / name).read_text(encoding="utf-8") for name in names]
    messages = differences(project, *locks)
    if messages:
        print(*messages, "Run `make lock`, and commit the lock files with pyproject.toml.", sep="\n", file=sys.stderr)
    return 1 if messages else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
