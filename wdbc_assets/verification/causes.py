"""Causes for a value that differs from its manifest, and a hint for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets import settings
from wdbc_assets.domain import formatting
from wdbc_assets.pipeline import code_versions
from wdbc_assets.store import environment
from wdbc_assets.store import manifest as manifests
from wdbc_assets.store.manifest import Manifest, StoredFile, version_of

Kind = Literal["data", "input", "configuration", "code", "library", "machine", "stored file"]


@dataclass(frozen=True)
class Deviation:
    """A deviation from the manifest: its kind and name, the value in the manifest (`stated`) and the actual value."""

    kind: Kind
    name: str
    stated: Any
    now: Any

    def __str__(self) -> str:
        if self.kind == "stored file":
            return f"stored file {self.name} {self.now}"
        return f"{self.kind} {self.name} {_short(self.stated)} -> {_short(self.now)}"

    @property
    def hint(self) -> str:
        """What to do about the deviation."""
        remake = "or materialize the asset with the current environment: `wdbc run --force`"
        match self.kind:
            case "data":
                return "Find out who changed the source and why. `wdbc run` accepts its current content."
            case "input":
                return "Fix the input first."
            case "configuration":
                return (
                    f"Unset {settings.variable(self.name)} to reproduce the stored version, or run with it to make it"
                    " current."
                )
            case "code":
                return f"Check out the code that made it, {remake}."
            case "library":
                return f"Install {self.name} {self.stated}, {remake}."
            case "machine":
                return f"Verify on a machine like the original ({self.stated}), {remake}."
            case "stored file":
                return "Find out who changed it. `wdbc run --force` (or the command that made it) restores it."


def damage(
    manifest: Manifest, contents: Mapping[str, bytes | StoredFile | None], made: Manifest | None
) -> Iterator[Deviation]:
    """Yield the damage to the stored files themselves.

    Args:
        manifest: The current manifest of the version.
        contents: The stored files by name; None if one is missing.
        made: The manifest as written by the run that made the version, if it still exists.
    """
    for name, stated in manifest.files.items():
        content = contents[name]
        if content is None:
            yield Deviation("stored file", name, stated.sha256, "is missing")
        elif (now := manifests.stated(content)) != stated:
            yield Deviation(
                "stored file",
                name,
                stated.sha256,
                f"was altered: its digest does not match the manifest ({_short(now.sha256)})",
            )
    if version_of(manifest.files) != manifest.version:
        yield Deviation("stored file", "current.json", manifest.version, "lists files that do not match its version")
    elif made is not None and made.derivation() != manifest.derivation():
        yield Deviation("stored file", "current.json", made.version, f"differs from what run {made.run_id} wrote")


def forged(manifest: Manifest, derived: Manifest) -> Iterator[Deviation]:
    """Yield files and facts of a version that its manifest does not reproduce, although nothing it states changed."""
    for name in dict.fromkeys([*manifest.files, *derived.files]):
        if manifest.files.get(name) != derived.files.get(name):
            message = "is not what its manifest reproduces: both were changed by hand"
            yield Deviation("stored file", name, None, message)
    for fact in ("codec", "rows"):
        if (stated := getattr(manifest, fact)) != (derived_fact := getattr(derived, fact)):
            yield Deviation("stored file", "current.json", stated, f"states {fact} {stated} instead of {derived_fact}")


def environment_changes(manifest: Manifest) -> Iterator[Deviation]:
    """Yield changes of code, libraries and machine since the manifest was written, the most likely causes first."""
    code = code_versions.code_version(manifest.asset, manifest.parameters)
    if manifest.code_version != code:
        yield Deviation("code", manifest.asset, manifest.code_version, code)
    kinds: tuple[tuple[Kind, Mapping[str, str], Mapping[str, str]], ...] = (
        ("library", manifest.libraries, environment.libraries()),
        ("machine", manifest.machine, environment.machine()),
    )
    for kind, stated, present in kinds:
        for name, before in stated.items():
            if before != (after := present.get(name, before if kind == "machine" else "none")):
                yield Deviation(kind, name, before, after)


def _short(value: Any) -> str:
    text = str(value)
    return formatting.short(text) if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
