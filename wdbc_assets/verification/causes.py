"""What can make a value another than its passport states, and what to do about each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wdbc_assets import settings
from wdbc_assets.pipeline import staleness
from wdbc_assets.store import environment
from wdbc_assets.store.manifest import Passport, stored_file, version_of

Kind = Literal["data", "input", "configuration", "code", "library", "machine", "stored file"]


@dataclass(frozen=True)
class Cause:
    """Something that is not as the passport states it: what kind of thing, its name, what is stated, and what is."""

    kind: Kind
    name: str
    stated: Any
    now: Any

    def __str__(self) -> str:
        if self.kind == "stored file":
            return f"stored file {self.name} {self.now}"
        return f"{self.kind} {self.name} {_short(self.stated)} -> {_short(self.now)}"

    @property
    def mend(self) -> str:
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


def damage(passport: Passport, found: Mapping[str, bytes | None], made: Passport | None) -> Iterator[Cause]:
    """Yield what is wrong with the stored files themselves.

    `found` is what lies there, `made` what the run that made the version wrote down of it, if that is still there.
    """
    for name, stated in passport.files.items():
        content = found[name]
        if content is None:
            yield Cause("stored file", name, stated.sha256, "is missing")
        elif (now := stored_file(content)) != stated:
            yield Cause("stored file", name, stated.sha256, f"is not the file that was stored ({_short(now.sha256)})")
    if version_of(passport.files) != passport.version:
        yield Cause("stored file", "current.json", passport.version, "states files that are not those of its version")
    elif made is not None and made.derivation() != passport.derivation():
        yield Cause("stored file", "current.json", made.version, f"is not what run {made.run_id} wrote")


def forged(passport: Passport, derived: Passport) -> Iterator[Cause]:
    """Yield what of a version is not what its passport leads to, though nothing that it states has changed."""
    for name in dict.fromkeys([*passport.files, *derived.files]):
        if passport.files.get(name) != derived.files.get(name):
            what = "is not what its passport leads to: it and its passport were changed by hand"
            yield Cause("stored file", name, None, what)
    for fact in ("codec", "rows"):
        if (stated := getattr(passport, fact)) != (found := getattr(derived, fact)):
            yield Cause("stored file", "current.json", stated, f"states {fact} {stated}, and not {found}")


def around(passport: Passport, code: str) -> Iterator[Cause]:
    """Yield what of code, libraries and machine is not as the passport states; the likeliest to matter first."""
    if passport.code_version != code:
        yield Cause("code", passport.asset, passport.code_version, code)
    kinds: tuple[tuple[Kind, Mapping[str, str], Mapping[str, str]], ...] = (
        ("library", passport.libraries, environment.libraries()),
        ("machine", passport.machine, environment.machine()),
    )
    for kind, stated, present in kinds:
        for name, before in stated.items():
            if before != (after := present.get(name, before if kind == "machine" else "none")):
                yield Cause(kind, name, before, after)


def _short(value: Any) -> str:
    text = str(value)
    return staleness.short(text) if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
