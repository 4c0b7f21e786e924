"""Looking through a skops file before anything is made of it: its archive, its arrays, its nodes, its types.

What this takes is bounded by the size of the file, which is bounded too. Nothing of the file is made, and neither skops
nor scikit-learn is needed.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wdbc_assets.domain.errors import WdbcError

SCHEMA = "schema.json"

_BY_NUMPY_ALONE = frozenset(
    {
        "builtins.dict", "builtins.list", "builtins.str", "builtins.tuple",
        "numpy.float64", "numpy.int64", "numpy.ndarray",
        "sklearn.decomposition._pca.PCA",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.PowerTransformer",
        "sklearn.preprocessing._data.StandardScaler",
    }
)  # fmt: skip
TREE, CLASSIFIER = "sklearn.tree._tree.Tree", "sklearn.tree._classes.ExtraTreeClassifier"
MACHINE = "sklearn.svm._classes.SVC"
TYPES = _BY_NUMPY_ALONE | {
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._stacking.StackingClassifier",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.utils._bunch.Bunch",
    CLASSIFIER, MACHINE, TREE,
}  # fmt: skip
"""What the pipelines of the recipes are made of, and nothing else."""

_LOADERS = {"DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TreeNode", "TupleNode", "TypeNode"}

# Far beyond any pipeline of a recipe: a stack on the 569 published patients has 16 MB, 2,400 members and 25 levels.
LARGEST = 256 * 2**20
_MOST_MEMBERS, _MOST_NODES, _DEEPEST, _LONGEST_VALUE = 40_000, 8_000_000, 100, 1000
_SMALL = 4096  # elements of an array; the components of 30 measurements have 900

_MEMBER = re.compile(r"[0-9]{1,9}\.npy")
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': (?:'(?P<plain>[<|][fiub][1248])'|\[(?P<fields>[^]]{1,1000})\]),"
    rb" 'fortran_order': (?:True|False), 'shape': \((?P<shape>[0-9, ]{0,60})\), \} *\n",
    re.DOTALL,
)
_FIELD = re.compile(rb"\('[a-z_]{0,40}', '[<|][fiubV]([0-9]{1,2})'\)")

PASSING = (MemoryError, OSError, ImportError)
"""What may be no fault of the file: to try again later may help."""


@dataclass
class Scan:
    """What a model file holds: its types, and whether every array of it is small."""

    types: set[str] = field(default_factory=set)
    small: bool = True

    @property
    def by_numpy_alone(self) -> bool:
        """Say whether numpy, which looks before it follows a number, does all that is done with it."""
        return self.small and self.types <= _BY_NUMPY_ALONE


def scan(content: bytes) -> Scan:
    """Look through a skops file without skops: nothing of it is made, and what it takes is bounded by its size.

    Raises:
        WdbcError: it is no skops file, or one with types, files or references that no pipeline has.
    """
    try:
        members = _members(content)
        found = Scan(small=all(_elements(text) <= _SMALL for name, text in members.items() if name != SCHEMA))
        _Nodes(members, found).look()
    except PASSING:
        raise
    except _NotAModel as error:
        raise refused(f"this is no model file: {error}") from None
    except Exception as error:  # noqa: BLE001 -- zipfile and json raise many things for what is neither
        raise refused(f"this is no model file ({type(error).__name__})") from None
    if foreign := sorted(kind for kind in found.types if kind not in TYPES):
        raise refused(f"the model file holds foreign types or files: {', '.join(foreign[:5])}")
    return found


class _NotAModel(Exception):
    """The file is not as `to_skops` writes one. The text names no value of it."""


def _members(content: bytes) -> dict[str, bytes]:
    if len(content) > LARGEST:
        raise _NotAModel("it is too large")
    if content.count(b"PK\x01\x02") > _MOST_MEMBERS:
        raise _NotAModel("it has too many members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if len(names) != len(entries) or SCHEMA not in names:
            raise _NotAModel("its members are not those of a model")
        if foreign := [name for name in names if name != SCHEMA and not _MEMBER.fullmatch(name)]:
            raise refused(f"the model file holds foreign types or files: {', '.join(map(ascii, foreign[:5]))}")
        # Nothing is compressed, so that nothing in it is larger than it is.
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > len(content):
            raise _NotAModel("its members are compressed")
        return {entry.filename: archive.read(entry) for entry in entries}


def _elements(text: bytes) -> int:
    """Return how many elements an array has; it must have all the bytes that its header says, and hold no objects."""
    head = _NPY.match(text)
    if head is None or int.from_bytes(head["length"], "little") != head.end() - 10:
        raise _NotAModel("an array in it is none")
    elements = 1
    for number in head["shape"].replace(b" ", b"").split(b","):
        elements *= int(number) if number else 1
    if head["plain"]:
        size = int(head["plain"][-1:])
    else:
        fields = _FIELD.findall(head["fields"])
        if b", ".join(match[0] for match in _FIELD.finditer(head["fields"])) != head["fields"]:
            raise _NotAModel("an array in it is none")
        size = sum(map(int, fields))
    if len(text) - head.end() != elements * size:
        raise _NotAModel("an array in it is none")
    return elements


class _Nodes:
    """The nodes of a schema.

    skops follows a number that it has met before to the node of that number. `to_skops` writes such a node out in full
    each time: that is required, so that nothing is more than it looks, and nothing goes in a circle.
    """

    def __init__(self, members: Mapping[str, bytes], found: Scan) -> None:
        schema = members[SCHEMA]
        if schema.count(b"{") + schema.count(b"[") + schema.count(b",") > _MOST_NODES:
            raise _NotAModel("it has too many nodes")
        self._schema = json.loads(schema)
        self._members = members
        self._found = found
        self._forms: dict[tuple[Any, ...], int] = {}  # what is written alike has one number
        self._by_id: dict[int, int] = {}

    def look(self) -> None:
        if not isinstance(self._schema, dict):
            raise _NotAModel("it has no nodes")
        self._form(self._schema, 0)

    def _form(self, node: Any, depth: int) -> int:
        if depth > _DEEPEST:
            raise _NotAModel("it is nested too deeply")
        if isinstance(node, dict):
            self._look_at(node)
            parts = ((key, self._part(key, value, depth + 1)) for key, value in node.items() if key != "__id__")
            form = self._number("dict", *parts)
            if "__id__" in node and self._by_id.setdefault(node["__id__"], form) != form:
                raise _NotAModel("it refers to something that it does not hold")
            return form
        if isinstance(node, list):
            return self._number("list", *(self._form(value, depth + 1) for value in node))
        return self._number(type(node).__name__, node)

    def _part(self, key: str, value: Any, depth: int) -> int:
        # A tree's arrays are made each time that it is written: files of other names, with the same bytes.
        return self._number("file", self._members[value]) if key == "file" else self._form(value, depth)

    def _number(self, *form: Any) -> int:
        return self._forms.setdefault(form, len(self._forms))

    def _look_at(self, node: Mapping[str, Any]) -> None:
        if "__module__" in node or "__class__" in node:
            self._found.types.add(f"{node.get('__module__')}.{node.get('__class__')}"[:200])
        loader = node.get("__loader__")
        if loader is not None and loader not in _LOADERS:
            raise _NotAModel("it has nodes that no pipeline has")
        if loader == "TypeNode" and node.get("__module__") != "builtins":
            raise _NotAModel("it has a type in the place of a value")
        if loader == "JsonNode":
            text = node["content"]
            if len(text) > _LONGEST_VALUE or text.lstrip()[:1] in ("[", "{"):
                raise _NotAModel("it has a value that is none")


def refused(what: str) -> WdbcError:
    """Return the error for a model file that is refused."""
    hint = "Nothing of it was run here. Make the model again (`wdbc run --force`), and find out who wrote this file."
    return WdbcError(what, where="pipeline.skops", hint=hint)
