"""Writes docs/performance.md from docs/performance.json: `python -m docs.performance`. A test keeps it current.

The figures come from `make bench ARGS="--output docs/performance.json"`.
"""

import json
from pathlib import Path

from benchmarks.report import Table

FIGURES = Path(__file__).with_name("performance.json")
PAGE = Path(__file__).with_name("performance.md")

_HEAD = """\
# What it costs

Measured by `make bench`, as whole processes run in turn (A B A B), after one round that fills the bytecode caches: CPU
time is user and system time, peak memory the largest resident set; ratios are taken pair by pair. Repeat it with
`make bench ARGS="--output docs/performance.json"` and `python -m docs.performance`, which derives this page.
"""

_WORDS = {
    "cold": """\
The script keeps no version, checks nothing, draws nothing and has no history. Measured elsewhere by the same rule, not
by this command: Kedro 1.40x, Dagster in one process and plainly written 1.84x, Metaflow 3.2x, ZenML 3.3x, DVC 3.3x,
Prefect 4.1x, Airflow 5.0x, Dagster's multiprocess default 7.7x.

What stands above the script: importing Dagster and its database layer, making Dagster's history (four SQLite files),
about 175 events in it (three for each of the 40 checks, each with several connections of its own), and three pictures.
The memory is that of the libraries: Dagster, SQLAlchemy, Pandera and matplotlib are loaded beside scikit-learn.""",
    "unchanged": """\
Nothing but settings, manifests and digests is read. Measured elsewhere: DVC .28x, Kedro with only-missing .59x, ZenML
2.5x, Prefect 3.6x.""",
    "verify": """\
Every value is derived again in memory and its bytes compared. Dagster is imported, for the modules with the assets'
functions do so; but no run is started, nothing is drawn, and what is the same is not judged by its contract again.""",
    "search": """\
Each fold is transformed once for all candidates that share the transformers. What is left is mostly scikit-learn's own
Yeo-Johnson fit, column by column.""",
    "evaluate": """\
Plain is `cross_val_predict` around `GridSearchCV`; of the reference Airflow project's recipe it does one outer fold of
each repeat, counted ten times. What is left of ours is scikit-learn's own fits: for the reference Airflow project's
recipe four fifths of it are Yeo-Johnson's, column by column. Both recipes together count, for that is what `wdbc
evaluate` judges: the plain search of `logistic` has little to save, as it transforms nothing but scales.""",
    "scoring": """\
Scorer and scikit-learn answer for the same rows on one thread in one process, and the figures are refused if they
differ by more than 1e-12; 10 million rows are the same million ten times. The limit is memory: to copy these rows goes
at 51 million a CPU second. Yeo-Johnson takes a logarithm and an exponential for each cell, which numpy computes eight
at a time where the processor can (AVX-512), and several times slower where it cannot. What `wdbc predict` is compared
with reads the same file batch by batch and writes columns of the same kind, with nothing in between: no rule, no
score.""",
    "serving": """\
CPU time is that of the server's whole tree of processes; the load is another program's (`wrk`), which asks about the
same patient again and again. Each server is started anew for each round. Before anything is measured each must answer
about every patient of the test part as scikit-learn does, to 1e-9. `wdbc serve` also refuses what breaks the contract,
names measurements unlike the training part, counts, and writes its log; it has no key here. The peers turn each request
into a pandas frame for `Pipeline.predict_proba`, and judge nothing. Both are measured in the quickest of the forms that
were tried: the plain application asynchronous, for with a thread for each request it answers about 30 % less; MLflow on
the same loop and parser of HTTP, and with no signature, for with one, by which it checks columns and their types, it
answers a quarter as many. MLflow lives in an environment of its own.""",
    "small": "Neither Dagster nor pandas nor scikit-learn is imported.",
    "definitions": "Neither pandas nor scikit-learn nor Pandera is imported.",
    "growth": """\
Synthetic patients with the published means and covariances of each class, all rules kept. Memory counts from before the
bytes are parsed; the bytes themselves are the input. Exponents are from 10,000 rows to the largest size.""",
}


def page() -> str:
    """Return the page as it should be."""
    measured = json.loads(FIGURES.read_bytes())
    machine = ", ".join(f"{name} {value}" for name, value in measured["machine"].items())
    parts = [_HEAD, f"{measured['at']} UTC, {measured['repetitions']} repetitions, on: {machine}.\n"]
    for plain in measured["tables"]:
        table = Table.from_json(plain)
        parts.append(f"{table.markdown()}\n\n{_WORDS[table.name]}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
