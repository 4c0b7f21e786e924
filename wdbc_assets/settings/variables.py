"""Read settings from the environment and `.env`, each value with its origin, and reject invalid or unknown names.

`.env` must belong to the user who runs the command, or to root: a file that others can write could disable the pinned
digest or select another store.
"""

import difflib
import io
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from wdbc_assets.domain.errors import WdbcError

ENV_FILE = ".env"
PREFIX = "WDBC_"
ENVIRONMENT = "the environment"
_SEE_EXAMPLE = "Remove it. See .env.example for all settings."
_CLOSE = 0.9  # similar enough to a setting's name to be a typo: WBDC_SOURCE, WDBC-SOURCE

# Kubernetes sets such variables in every container for each service, here for services named wdbc, wdbc-serve, ...
_KUBERNETES = re.compile(
    r"WDBC(_[A-Z0-9]+)*"
    r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_KUBERNETES_ADDRESS = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


@dataclass(frozen=True)
class Variable:
    """One value and its origin; the value is hidden in the representation because it may be a secret."""

    value: str = field(repr=False)
    where: str


def stated(known: Collection[str], *, numbers: Collection[str]) -> dict[str, Variable]:
    """Return the value of each variable in `known` that is set. The environment takes precedence over `.env`.

    An address that Kubernetes sets for a variable in `numbers` (`WDBC_SERVE_PORT=tcp://...`) is ignored.

    Raises:
        WdbcError: a `WDBC_` name is not a setting, or `.env` is untrusted or unreadable.
    """
    environment = {name: Variable(value, ENVIRONMENT) for name, value in os.environ.items() if _is_ours(name)}
    from_kubernetes = {name for name in environment if name not in known and _KUBERNETES.fullmatch(name)}
    for name in sorted(environment.keys() - from_kubernetes):
        _refuse_unknown(name, known, where=ENVIRONMENT)
    merged = in_file(known) | environment
    return {
        name: merged[name]
        for name in known
        if name in merged and not (name in numbers and _KUBERNETES_ADDRESS.match(merged[name].value))
    }


def in_file(known: Collection[str] = ()) -> dict[str, Variable]:
    """Return what `.env` in the current folder sets. With `known`, reject unknown `WDBC_` names and typos.

    Raises:
        WdbcError: the file is untrusted, unreadable or malformed.
    """
    path = Path(ENV_FILE)
    text = _trusted_text(path)
    if text is None:
        return {}
    place = Path.cwd() / path
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        blank_lines = len(binding.original.string) - len(binding.original.string.lstrip("\r\n"))
        line = binding.original.line + binding.original.string[:blank_lines].count("\n")
        where = f"{place}, line {line}"
        if binding.error:
            raise WdbcError(
                "the line is not of the form NAME=value",
                where=where,
                hint='Write NAME="value", or comment it out with #.',
            )
        name = binding.key
        if name is None:
            continue
        if known:
            _refuse_unknown(name, known, where=where, near=True)
        if name in known and binding.value is None:
            raise WdbcError(
                f"{name} has no value", where=where, hint=f'Write {name}="value", or comment it out with #.'
            )
        if name in known and name in lines:
            raise WdbcError(
                f"{name} is already set in line {lines[name]}", where=where, hint="Remove one of the two lines."
            )
        lines[name] = line
    if "\0" in text:
        raise _refused(path, "contains a NUL character", "Remove it: no setting can contain one.")
    values = dotenv_values(stream=io.StringIO(text))
    return {
        name: Variable(value, f"{place}, line {lines[name]}") for name, value in values.items() if value is not None
    }


def _trusted_text(path: Path) -> str | None:
    """Return the text of `.env`, or None if the file does not exist."""
    try:
        states = [path.lstat(), path.stat()]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "Correct its permissions, or remove it.") from None
    state = states[-1]
    if stat.S_ISCHR(state.st_mode) and path.samefile(os.devnull):
        return None
    if not stat.S_ISREG(state.st_mode):
        raise _refused(path, "is not a regular file", "Remove it, or replace it with a text file.")
    if any(each.st_uid not in {os.geteuid(), 0} for each in states):
        hint = "Review it, then take ownership (`chown`), set the variables in the environment, or use another folder."
        raise _refused(path, "belongs to another user, who could change any setting", hint)
    if state.st_mode & stat.S_IWOTH:
        raise _refused(path, "is writable by every user", "Review it, then run `chmod o-w .env`.")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "Correct its permissions, or remove it.") from None


def _refused(path: Path, why: str, hint: str) -> WdbcError:
    return WdbcError(f"the file .env {why}", where=str(path.absolute()), hint=hint)


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _refuse_unknown(name: str, known: Collection[str], *, where: str, near: bool = False) -> None:
    """Raise WdbcError for an unknown or mistyped name, which would otherwise have no effect without notice."""
    if name in known:
        return
    possible = [*known, "DAGSTER_HOME"]
    if _is_ours(name):
        close = difflib.get_close_matches(name.upper(), possible, n=1)
    elif near and name != "DAGSTER_HOME":
        plain = re.sub(r"[^A-Z0-9]+", "_", name.upper())
        close = difflib.get_close_matches(plain, possible, n=1, cutoff=_CLOSE)
    else:
        return
    if close or _is_ours(name):
        hint = f"; did you mean {close[0]}?" if close else ""
        raise WdbcError(f"unknown setting {name}{hint}", where=where, hint=_SEE_EXAMPLE)


def proxies(environment: Mapping[str, str]) -> list[str]:
    """Return the proxy addresses set in the environment, which may contain passwords."""
    addresses = [value for name, value in environment.items() if name.lower().endswith("_proxy")]
    return [address if "://" in address else f"http://{address}" for address in addresses]
