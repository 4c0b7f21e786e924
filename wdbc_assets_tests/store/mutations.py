"""Kinds of damage to a stored file, and a store in which every kind of file lies."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wdbc_assets.domain.data import exploration
from wdbc_assets.registry import challenger
from wdbc_assets.registry.challenger import Pair
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import paths as store_paths
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders, champions, results
from wdbc_assets_tests.domain import validation
from wdbc_assets_tests.registry.promotions import challenge, decision, judgement
from wdbc_assets_tests.store.artifacts import put

HUGE = 20 * 1024**2  # more than a document may have
DEEP = 1000


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return damage


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _elsewhere(path: Path) -> None:
    """A link to the very same bytes: nothing outside of the store is followed."""
    target = path.parent.parent / f"elsewhere-{path.name}"
    shutil.move(path, target)
    path.symlink_to(target)


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(HUGE)


def _fields(value: Any) -> Callable[[Path], None]:
    """Give every field in turn another type, one line or document of it, with a digest that fits where there is one."""

    def damage(path: Path) -> None:
        lines = path.read_bytes().splitlines()
        try:
            plain, *rest = json.loads(lines[-1]), *lines[:-1]
        except (ValueError, IndexError):
            try:
                plain, rest = json.loads(path.read_bytes()), []
            except ValueError:
                path.write_bytes(json.dumps(value).encode())
                return
        if isinstance(plain, dict) and plain:
            names = sorted(set(plain) - {"digest"}) or sorted(plain)
            plain[names[len(path.name) % len(names)]] = value
            if "digest" in plain:
                content = {name: item for name, item in plain.items() if name != "digest"}
                separators = (",", ":") if "codec" in plain else None
                text = json.dumps(content, sort_keys=True, separators=separators)
                plain["digest"] = hashlib.sha256(text.encode()).hexdigest()
        path.write_bytes(b"\n".join([*rest, json.dumps(plain).encode()]))

    return damage


KINDS: dict[str, Callable[[Path], None]] = {
    "cut": _bytes(lambda content: content[: len(content) // 2]),
    "emptied": _bytes(lambda content: b""),
    "deleted": Path.unlink,
    "one byte altered": _bytes(lambda c: c[: len(c) // 2] + bytes([c[len(c) // 2] ^ 1]) + c[len(c) // 2 + 1 :]),
    "a folder": _folder,
    "a pipe": _pipe,
    "a circle of links": _circle,
    "a link elsewhere": _elsewhere,
    "a thousand levels": _bytes(lambda content: b"[" * DEEP + b"]" * DEEP),
    "a thousand levels in a field": _bytes(lambda content: b'{"digest": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "null": _bytes(lambda content: b"null\n"),
    "a list": _bytes(lambda content: b"[]\n"),
    "a field is null": _fields(None),
    "a field is a list": _fields([[]]),
    "a field is infinite": _fields(float("inf")),
    "1e999": _bytes(lambda content: b'{"format": 1e999, "entries": 1e999, "digest": 1e999, "at": 1e999}'),
    "an integer of 4000 digits": _bytes(lambda content: b'{"format": 1' + 4000 * b"0" + b', "entries": 1}'),
    "two fields of one name": _bytes(lambda content: b'{"format": 1, "format": 1, "entries": 1, "entries": 2}'),
    "half of a surrogate pair": _fields("\ud800"),
    "UTF-16": _bytes(lambda content: b"\xff\xfe" + content.decode("latin-1").encode("utf-16-le")),
    "NUL bytes": _bytes(lambda content: b"\0" * len(content)),
    "huge": _huge,
}


def stored(folder: Path) -> Iterator[Path]:
    """Yield one file of each kind: of files that differ by a digest alone the first and the last."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in (".lock", "report.html", "batch.csv"):
            parts = path.relative_to(folder).parts
            name = "manifest" if parts[0] == "runs" else path.name
            if len(path.stem) == 64 or "parts" in parts or "pairs" in parts:
                name = path.suffix
            kinds.setdefault("/".join((parts[0] if parts[0] != "runs" else "", *parts[1:2], name)), []).append(path)
    for paths in kinds.values():
        yield from dict.fromkeys([paths[0], paths[-1]])


def make(folder: Path) -> Store:
    """Make a small store with every kind of file, in seconds: two champions, a challenger, pairs, a refusal, parts."""
    store = open_store(str(folder), relative_to=folder)
    put(store, builders.bundled_uci_bytes())
    made = {"raw_data": store.handle("raw_data").manifest.version}
    for asset, value in (
        ("clean_frame", validation.clean_frame()),
        ("train_test_split", champions.split()),
        ("fitted_pipeline", champions.fit()),
        ("metrics", results.measured()),
        ("exploration", exploration.explore(validation.clean_frame())),
    ):
        draft = store.draft(asset, value, run_id="run-1", inputs=dict(made))
        store.commit(draft, run_id="run-1")
        made[asset] = draft.manifest.version
    registry = open_registry(store)
    for number, recipe in enumerate(("logistic", "airflow_baseline")):
        run_id = f"run-{number}"
        digest = registry.keep_evidence(judgement(protocol=f"protocol {number}"))
        inputs = {"train_test_split": made["train_test_split"]}
        bundle = store.draft(store_paths.CHAMPION, champions.bundle(recipe), run_id=run_id, inputs=inputs)
        expected = registry.standing().version
        registry.promote(bundle, decision(run_id=run_id, recipe=recipe, evidence=digest), expected=expected)
    experiment = challenge(store, champions.bundle("pca_logistic"))
    pair = Pair("2026-11-24T00:00:00.000+00:00", "request", 1, 0.25, 0.75, challenger.CHAMPION)
    challenger.put_pairs(store, experiment, "1-aa-1-1", [pair, pair])
    challenger.put_counts(store, experiment, "1-aa", {"given": 2, "failed": 0})
    store.note_refusal("metrics", run_id="run-2", reasons=["it was worse than chance"])
    store.checkpoints("cross_validation", ["inputs"]).put("part", [0.5])
    return store
