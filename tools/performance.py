"""Write docs/performance.md from docs/performance.json: `python -m tools.performance`. A test keeps it current.

The measurements come from `make bench ARGS="--output docs/performance.json"`.
"""

import json
from pathlib import Path

from benchmarks.report import Table

MEASUREMENTS = Path(__file__).resolve().parent.parent / "docs" / "performance.json"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

_HEAD = """\
# Performance

`make bench` measures whole processes, which run in turn (A B A B) after one round that fills the bytecode caches. CPU
time is user and system time; peak memory is the largest resident set. Ratios are computed pair by pair. To repeat the
measurements, run `make bench ARGS="--output docs/performance.json"` and `python -m tools.performance`, which generates
this page.
"""

_NOTES = {
    "cold": """\
The script stores no versions, validates nothing, draws nothing and keeps no history. The same comparison for other
tools, which this command does not measure: Kedro 1.40x, Dagster in one process without additions 1.84x, Metaflow 3.2x,
ZenML 3.3x, DVC 3.3x, Prefect 4.1x, Airflow 5.0x, Dagster's multiprocess default 7.7x.

The additional CPU time is spent on importing Dagster and its database layer, on creating Dagster's history (four SQLite
files), on about 175 events in it (three for each of the 40 checks), and on three plots. The additional memory is that
of the libraries: Dagster, SQLAlchemy and Pandera are loaded besides scikit-learn.""",
    "unchanged": """\
The command reads only settings, manifests and digests. Other tools: DVC .28x, Kedro with only-missing .59x, ZenML 2.5x,
Prefect 3.6x.""",
    "verify": """\
Every value is recomputed in memory and its bytes are compared. Dagster is not imported, nothing is drawn, and an
unchanged value is not validated again.""",
    "search": """\
Each fold is transformed once for all candidates that share the transformers. Most of the remaining time is
scikit-learn's own Yeo-Johnson fit, column by column.""",
    "evaluate": """\
The plain version is `cross_val_predict` around `GridSearchCV`. For `airflow_baseline` it evaluates one outer fold of
each repeat, and its cost is multiplied by ten. Most of the remaining time of `wdbc evaluate` is scikit-learn's own
fits; for `airflow_baseline`, four fifths of it are Yeo-Johnson fits. The target is for both recipes together, because
`wdbc evaluate` evaluates both. The plain search for `logistic` leaves little to save: it only scales.""",
    "scoring": """\
Scorer and scikit-learn score the same rows on one thread in one process. If they differ by more than 1e-12, the
benchmark fails. 10 million rows are the same million ten times. Memory is the limit: copying these rows reaches 51
million per CPU second. Yeo-Johnson computes a logarithm and an exponential for each cell; numpy computes eight at a
time if the processor supports it (AVX-512), and is several times slower otherwise. `wdbc predict` is compared with a
script that reads the same file batch by batch and writes columns of the same types, without rules or scores.""",
    "serving": """\
CPU time is that of the server's whole process tree. The load comes from another program (`wrk`), which sends the same
patient again and again. Each server is restarted for each round. Before the measurement, each must return the
probability of scikit-learn for every patient of the test set, to 1e-9. `wdbc serve` also rejects measurements that
break the contract, names measurements unlike the training set, counts, and writes its log; it has no key here. The
other two convert each request into a pandas frame for `Pipeline.predict_proba`, and validate nothing. Both run in their
fastest configuration among those tried. The plain application is asynchronous; with a thread per request it handles
about 30 % fewer. MLflow uses the same event loop and HTTP parser, and no signature; with one, which checks columns and
their types, it handles a quarter as many. MLflow has a virtual environment of its own.""",
    "sketches": """\
Two applications of the service on one store in one process, one with `WDBC_SERVE_SKETCHES=true` and one without, are
called without a web server, whose time would make the share of the sketches smaller. They get requests in blocks, A B B
A, and each such round gives one pair. CPU time is that of the process until the patients of the block were added to the
sums. Loading the reference at the start is not included.""",
    "small": "Neither Dagster, pandas nor scikit-learn is imported.",
    "definitions": "Neither pandas, scikit-learn nor Pandera is imported.",
    "growth": """\
The patients are synthetic, with the published means and covariances of each class, and keep all rules. Memory counts
from before the bytes are parsed; the bytes themselves are the input. Exponents are from 10,000 rows to the largest
size.""",
    "monitoring": """\
The batch is stored before. `wdbc predict` and the two assets read the same patients, and both write predictions; the
assets also read the champion's pipeline, the clean frame and the cross-validation, and rank 64 streams. The looks at
many batches are one process each, after a first look that imports.""",
}


def page() -> str:
    """Return the text of the page."""
    measured = json.loads(MEASUREMENTS.read_bytes())
    machine = ", ".join(f"{name} {value}" for name, value in measured["machine"].items())
    parts = [_HEAD, f"{measured['at']} UTC, {measured['repetitions']} repetitions, on: {machine}.\n"]
    for plain in measured["tables"]:
        table = Table.from_json(plain)
        parts.append(f"{table.markdown()}\n\n{_NOTES[table.name]}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
