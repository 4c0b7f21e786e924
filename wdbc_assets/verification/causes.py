"""What can make a value another than its manifest states, and what to do about each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets import settings
from wdbc_assets.pipeline import staleness
from wdbc_assets.store import environment
from wdbc_assets.store.manifest import Manifest, stored_file, version_of

Kind = Literal["data", "input", "configuration", "code", "library", "machine", "stored file"]


@dataclass(frozen=True)
class Cause:
    """Something that is not as the manifest states it: what kind of thing, its name, what is stated, and what is."""

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
        """What to do."""
        again = "or make it again with what is there now: `wdbc run --force`"
        match self.kind:
            case "data":
                return "Find out who changed the source and why. `wdbc run` takes what it holds now."
            case "input":
                return "Look at the input first."
            case "configuration":
                return (
                    f"Unset {settings.variable(self.name)} to derive what is stored, or run with it to make it current."
                )
            case "code":
                return f"Check out the code that made it, {again}."
            case "library":
                return f"Install {self.name} {self.stated}, {again}."
            case "machine":
                return f"Verify on a machine like the first ({self.stated}), {again}."
            case "stored file":
                return "Find out who changed it. `wdbc run --force` (or the command that made it) makes it again."


def damage(manifest: Manifest, found: Mapping[str, bytes | None], made: Manifest | None) -> Iterator[Cause]:
    """Yield what is wrong with the stored files themselves.

    `found` is what lies there, `made` what the run that made the version wrote down of it, if that is still there.
    """
    for name, stated in manifest.files.items():
        content = found[name]
        if content is None:
            yield Cause("stored file", name, stated.sha256, "is missing")
        elif (now := stored_file(content)) != stated:
            yield Cause("stored file", name, stated.sha256, f"is not the file that was stored ({_short(now.sha256)})")
    if version_of(manifest.files) != manifest.version:
        yield Cause("stored file", "current.json", manifest.version, "states files that are not those of its version")
    elif made is not None and made.derivation() != manifest.derivation():
        yield Cause("stored file", "current.json", made.version, f"is not what run {made.run_id} wrote")


def forged(manifest: Manifest, derived: Manifest) -> Iterator[Cause]:
    """Yield what of a version is not what its manifest leads to, though nothing that it states has changed."""
    for name in dict.fromkeys([*manifest.files, *derived.files]):
        if manifest.files.get(name) != derived.files.get(name):
            what = "is not what its manifest leads to: it and its manifest were changed by hand"
            yield Cause("stored file", name, None, what)
    for fact in ("codec", "rows"):
        if (stated := getattr(manifest, fact)) != (found := getattr(derived, fact)):
            yield Cause("stored file", "current.json", stated, f"states {fact} {stated}, and not {found}")


def around(manifest: Manifest, code: str) -> Iterator[Cause]:
    """Yield what of code, libraries and machine is not as the manifest states; the likeliest to matter first."""
    if manifest.code_version != code:
        yield Cause("code", manifest.asset, manifest.code_version, code)
    kinds: tuple[tuple[Kind, Mapping[str, str], Mapping[str, str]], ...] = (
        ("library", manifest.libraries, environment.libraries()),
        ("machine", manifest.machine, environment.machine()),
    )
    for kind, stated, present in kinds:
        for name, before in stated.items():
            if before != (after := present.get(name, before if kind == "machine" else "none")):
                yield Cause(kind, name, before, after)


def _short(value: Any) -> str:
    text = str(value)
    return staleness.short(text) if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
