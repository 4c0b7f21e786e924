"""Model files that scikit-learn or skops would crash, hang or swell on, each made of types that a pipeline may hold."""

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from wdbc_assets.store import skops_files
from wdbc_assets_tests import champions

Members = dict[str, bytes]


def archive(members: Members, *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Write the members of a skops file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return sink.getvalue()


def members_of(content: bytes) -> Members:
    """Read the members of a skops file."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def machine() -> bytes:
    """The pipeline of the recipe svc."""
    return champions.files("svc")["pipeline.skops"]


@cache
def forest() -> bytes:
    """A pipeline of a few random trees."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [("scale", StandardScaler()), ("trees", ExtraTreesClassifier(n_estimators=2, random_state=0))]
    return skops_files.to_skops(Pipeline(steps).fit(champions.split().X_train, champions.split().y_train))


def with_node(content: bytes, key: str, change: Callable[[Any], Any]) -> bytes:
    """Replace every node below a key of the schema."""
    members = members_of(content)

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if name == key:
                    node[name] = change(value)
                else:
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    schema = json.loads(members["schema.json"])
    walk(schema)
    return archive({**members, "schema.json": json.dumps(schema).encode()})


def with_array(content: bytes, key: str, change: Callable[[Any], Any]) -> bytes:
    """Replace the arrays of every node below a key of the schema."""
    members = members_of(content)
    files: list[str] = []

    def note(node: Any) -> Any:
        files.append(node["file"])
        return node

    with_node(content, key, note)
    assert files, key
    for name in files:
        sink = io.BytesIO()
        np.save(sink, change(np.load(io.BytesIO(members[name]))), allow_pickle=False)
        members[name] = sink.getvalue()
    return archive(members)


def plain(value: object) -> Callable[[Any], Any]:
    """Put a plain value into a node."""
    return lambda node: {**node, "content": json.dumps(value)}


def first_node(**changes: float) -> Callable[[Any], Any]:
    def change(nodes: Any) -> Any:
        nodes = nodes.copy()
        for name, value in changes.items():
            nodes[name][0] = value
        return nodes

    return change


def support_out_of_bounds() -> bytes:
    """The numbers of support vectors add up, and lead far out of the arrays."""
    return with_array(machine(), "_n_support", lambda n: np.array([-(10**8), 10**8 + n.sum()], dtype=n.dtype))


def foreign_columns() -> bytes:
    """Trees with a number of columns of their own, which follow the last of them."""
    changed = with_array(forest(), "nodes", first_node(feature=1_999_999_999))
    return with_node(
        changed,
        "args",
        lambda node: {**node, "content": [plain(2_000_000_000)(node["content"][0]), *node["content"][1:]]},
    )


def no_nodes() -> bytes:
    """Trees without a node."""
    changed = with_array(forest(), "nodes", lambda nodes: nodes[:0])
    changed = with_array(changed, "values", lambda values: values[:0])
    return with_node(changed, "node_count", plain(0))


def nested_lists(levels: int = 40) -> bytes:
    """Lists of two lists each, by reference: 2 ** levels of them when they are followed."""
    members = members_of(machine())
    schema = json.loads(members["schema.json"])
    listed = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    node: Any = {**listed, "__id__": 10**6, "content": []}
    for level in range(1, levels + 1):
        again = {"__class__": None, "__module__": None, "__loader__": "CachedNode", "__id__": node["__id__"]}
        node = {**listed, "__id__": 10**6 + level, "content": [node, again]}
    schema["content"]["content"]["verbose"] = node
    return archive({**members, "schema.json": json.dumps(schema).encode()})


def lists_by_number(levels: int = 40) -> bytes:
    """The same without a node for references: a number that was met before is enough."""
    members = members_of(nested_lists(levels))
    text = members["schema.json"].replace(b'"__loader__": "CachedNode"', b'"__loader__": "ListNode", "content": []')
    return archive({**members, "schema.json": text.replace(b'"__class__": null', b'"__class__": "list"')})


def blanks(size: int = 600 * 2**20) -> bytes:
    """A schema followed by blanks, which take no room in the archive."""
    members = members_of(machine())
    return archive({**members, "schema.json": members["schema.json"] + b" " * size}, compression=zipfile.ZIP_DEFLATED)


def deep_lists() -> bytes:
    """Lists in lists, deeper than any program follows."""
    members = members_of(machine())
    return archive({**members, "schema.json": b"[" * 500_000})


def deep_value() -> bytes:
    """The same inside a value."""
    return with_node(machine(), "verbose", lambda node: {**node, "content": "[" * 500_000})


def huge_array() -> bytes:
    """An array that says to be larger than any memory."""
    members = members_of(machine())
    return archive(
        {
            name: text.replace(b"'shape': (30,), }     ", b"'shape': (30000000000,), }", 1)
            for name, text in members.items()
        }
    )


def objects_in_an_array() -> bytes:
    """An array of Python objects, which would be unpickled."""
    members = members_of(machine())
    return archive({name: text.replace(b"'descr': '<f8'", b"'descr': '|O'  ", 1) for name, text in members.items()})


def many_members() -> bytes:
    """An archive with far more members than a model has."""
    members = members_of(machine())
    return archive({**members, **{f"{number}.npy": b"" for number in range(100, 41_000)}})


def a_class_for_a_method() -> bytes:
    """A class where a value belongs, in the place of a method."""
    shadow = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "TypeNode", "__id__": 10**6}
    members = members_of(machine())
    schema = json.loads(members["schema.json"])
    schema["content"]["content"]["predict_proba"] = shadow
    return archive({**members, "schema.json": json.dumps(schema).encode()})


SEEN_BY_SCANNING: dict[str, Callable[[], bytes]] = {
    kind.__name__: kind
    for kind in (
        nested_lists, lists_by_number, blanks, deep_lists, deep_value, huge_array, objects_in_an_array, many_members,
        a_class_for_a_method,
    )
}  # fmt: skip
SEEN_WHEN_LOADED: dict[str, Callable[[], bytes]] = {
    kind.__name__: kind for kind in (support_out_of_bounds, foreign_columns, no_nodes)
}
KINDS = {**SEEN_BY_SCANNING, **SEEN_WHEN_LOADED}
