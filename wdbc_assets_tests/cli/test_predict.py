"""`wdbc predict` from the command line: real processes, files and pipes, and all of its error cases."""

import contextlib
import csv
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wdbc_assets.domain.data import contract, csv_layouts
from wdbc_assets.domain.evaluation import decision_policy
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.scoring import output_files
from wdbc_assets_tests import builders, champions

COLUMNS = ["id", "probability", "triage", "above_threshold", "model"]


def wdbc(*arguments: object, given: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wdbc_assets", "predict", *map(str, arguments)],
        env=os.environ | environment,
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def champion(environment: Path) -> str:
    """The version of a compiled champion in the store of this test."""
    return champions.make_champion(environment / "results")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The published patients in UCI's format."""
    path = tmp_path / "patients.csv"
    path.write_bytes(builders.bundled_uci_bytes())
    return path


def written(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def expected(recipe: str = "logistic") -> "np.ndarray[Any, np.dtype[np.float64]]":
    X = builders.published()[list(contract.FEATURES)]
    return prediction.predict(champions.fit(recipe).pipeline, X)


def stderr(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    text = done.stderr.decode()
    assert done.returncode == code, text
    assert "Traceback" not in text
    return text


def left_behind(folder: Path, *known: str) -> list[str]:
    return sorted({path.name for path in folder.iterdir()} - {"results", "logs", "home", *known})


@pytest.mark.parametrize("recipe", ["logistic", "pca_logistic", "svc"])
def test_every_row_gets_probability_triage_and_model_version(environment: Path, table: Path, recipe: str) -> None:
    version = champions.make_champion(environment / "results", recipe)
    text = stderr(wdbc(table, environment / "out.csv"))
    rows = written((environment / "out.csv").read_bytes())
    assert list(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == builders.published()["id"].astype(str).tolist()
    p = np.array([float(row["probability"]) for row in rows])
    np.testing.assert_allclose(p, expected(recipe), rtol=0, atol=1e-12)
    policy = champions.bundle(recipe).policy
    assert [row["triage"] for row in rows] == decision_policy.triage(p, policy.quantiles).tolist()
    above = decision_policy.is_above(p, policy.threshold)
    assert [row["above_threshold"] for row in rows] == np.where(above, "true", "false").tolist()
    assert {row["model"] for row in rows} == {version}
    assert "569 = 569 scored + 0 set aside" in text
    assert f"{above.sum()} at or above {policy.threshold:.4f}" in text
    assert f"{version[:12]} ({recipe}, {'scikit-learn' if recipe == 'svc' else 'compiled'})" in text


@pytest.mark.usefixtures("champion")
def test_csv_and_parquet_from_files_and_pipes_give_the_same_predictions(tmp_path: Path, table: Path) -> None:
    frame = builders.published().drop(columns=contract.DIAGNOSIS)
    frame.to_parquet(tmp_path / "patients.parquet")
    shuffled = frame[[*reversed(contract.FEATURES), contract.ID]]
    shuffled.columns = [name.upper().replace("_", " ") for name in shuffled.columns]
    shuffled.to_csv(tmp_path / "header.csv", index=False, lineterminator="\r\n")
    answers = []
    for source in (table, tmp_path / "patients.parquet", tmp_path / "header.csv"):
        stderr(wdbc(source, tmp_path / "out.parquet"))
        piped = wdbc("-", "-", given=source.read_bytes())
        stderr(piped)
        named = wdbc(source, tmp_path / "out", "--format", "parquet")
        stderr(named)
        to_pipe = wdbc(source, "-", "--format", "parquet")
        answers += [
            pd.read_parquet(tmp_path / "out.parquet"),
            pd.read_csv(io.BytesIO(piped.stdout)),
            pd.read_parquet(tmp_path / "out"),
            pd.read_parquet(io.BytesIO(to_pipe.stdout)),
        ]
    for answer in answers:
        assert list(answer.columns) == COLUMNS
        assert answer["triage"].dtype == "str"
        assert answer["above_threshold"].dtype == "bool"
        answer["id"] = answer["id"].astype("int64")
        pd.testing.assert_frame_equal(answer, answers[0], check_exact=False, atol=1e-13)


@pytest.mark.usefixtures("champion")
def test_a_table_without_ids_is_scored_without_them(tmp_path: Path) -> None:
    builders.published()[list(contract.FEATURES)].to_csv(tmp_path / "in.csv", index=False)
    stderr(wdbc(tmp_path / "in.csv", tmp_path / "out.csv"))
    rows = written((tmp_path / "out.csv").read_bytes())
    assert list(rows[0]) == COLUMNS[1:]
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("recipe", champions.COMPILED)
def test_an_explanation_names_the_three_strongest_contributions(environment: Path, table: Path, recipe: str) -> None:
    champions.make_champion(environment / "results", recipe)
    stderr(wdbc(table, environment / "out.csv", "--explain"))
    rows = written((environment / "out.csv").read_bytes())
    _, terms = champions.contributions(champions.fit(recipe), builders.published()[list(contract.FEATURES)])
    strongest = np.argsort(-terms.abs().to_numpy(), axis=1)[:, :3]
    for rank in range(3):
        names = [contract.FEATURES[place] for place in strongest[:, rank]]
        assert [row[f"measurement_{rank + 1}"] for row in rows] == names
        found = [float(row[f"contribution_{rank + 1}"]) for row in rows]
        np.testing.assert_allclose(found, np.take_along_axis(terms.to_numpy(), strongest, 1)[:, rank], atol=1e-9)


def test_explain_is_rejected_for_a_recipe_that_is_not_linear(environment: Path, table: Path) -> None:
    champions.make_champion(environment / "results", "svc")
    assert "the recipe svc is not linear" in stderr(wdbc(table, environment / "out.csv", "--explain"), 1)
    assert left_behind(environment, "patients.csv") == []


BAD: Sequence[tuple[int, str, object, str]] = (
    (3, "texture_mean", "n/a", "cells_are_numbers"),
    (5, "area_mean", "", "cells_are_numbers"),
    (7, "symmetry_mean", "inf", "cells_are_numbers"),
    (9, "smoothness_mean", "-0.1", "nothing_is_negative"),
    (11, "radius_worst", "1.0", "worst_is_not_below_mean"),
    (13, "texture_se", "0", "zero_only_where_possible"),
    (15, "symmetry_worst", "7", "values_are_plausible"),
    (17, "perimeter_mean", "1 0", "cells_are_numbers"),
)


@pytest.mark.fault("D15")
@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("form", ["uci", "parquet"])
def test_invalid_rows_are_set_aside_with_the_reason_and_valid_ones_scored(tmp_path: Path, form: str) -> None:
    if form == "uci":
        source, bad = tmp_path / "in.csv", BAD
        source.write_bytes(builders.published_with(*((line, column, text) for line, column, text, _ in bad)))
    else:
        source, bad = tmp_path / "in.parquet", [one for one in BAD if one[2] not in ("n/a", "", "1 0")]
        frame = builders.published()
        for line, column, text, _ in bad:
            frame.loc[line, column] = float(str(text))
        frame.loc[3, "texture_mean"] = None
        bad = [*bad, (3, "texture_mean", None, "cells_are_numbers")]
        frame.to_parquet(source)
    text = stderr(wdbc(source, tmp_path / "out.csv", "--rejects", tmp_path / "aside.csv"))
    aside = written((tmp_path / "aside.csv").read_bytes())
    assert list(aside[0]) == ["row", "column", "rule"]
    assert {(line, column, rule) for line, column, _, rule in bad} <= {
        (int(row["row"]), row["column"], row["rule"]) for row in aside
    }
    assert [int(row["row"]) for row in aside] == sorted(int(row["row"]) for row in aside)
    lost = {int(row["row"]) for row in aside}
    assert lost == {line for line, *_ in bad}
    rows = written((tmp_path / "out.csv").read_bytes())
    kept = [number for number in range(569) if number + 1 not in lost]
    assert [row["id"] for row in rows] == builders.published()["id"].astype(str).iloc[kept].tolist()
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected()[kept], rtol=0, atol=1e-12)
    assert f"569 = {569 - len(lost)} scored + {len(lost)} set aside" in text
    assert re.search(r"set aside .*cells_are_numbers \d+ times?, first in row 3", text)


@pytest.mark.fault("D15")
@pytest.mark.usefixtures("champion")
def test_malformed_lines_are_set_aside_and_line_numbers_stay_correct(tmp_path: Path) -> None:
    width, text, quotes = "row_has_every_column", "row_is_utf_8_text", "row_has_quotation_marks_in_place"
    lines = builders.bundled_uci_bytes().splitlines()
    lines[1] = lines[1].rsplit(b",", 1)[0]
    lines[3] = lines[3] + b",1,2"
    lines[5] = b""
    lines[7] = b'"' + lines[7]
    lines[9] = b"\xff" + lines[9]
    lines[11] = b"\r" + lines[11]
    lines[13] = lines[13] + b",7"
    bad = {2: width, 4: width, 6: width, 8: quotes, 10: text, 12: width, 14: width}
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n\r\n\n")
    done = stderr(wdbc(tmp_path / "in.csv", tmp_path / "out.csv", "--rejects", tmp_path / "aside.csv"))
    aside = written((tmp_path / "aside.csv").read_bytes())
    assert {int(row["row"]): row["rule"] for row in aside} == bad
    assert {row["column"] for row in aside} == {""}
    assert "569 = 562 scored + 7 set aside" in done


@pytest.mark.fault("D15")
@pytest.mark.usefixtures("champion")
def test_rejects_contain_no_patient_values_unless_allowed(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    changes = ((3, "texture_mean", "=cmd"), (5, "area_worst", "4.25"), (3, "id", "84300903"))
    source.write_bytes(builders.published_with(*changes))
    for shown in ("false", "true"):
        done = wdbc(source, tmp_path / "out.csv", "--rejects", tmp_path / "aside.csv", WDBC_SHOW_VALUES=shown)
        text, aside = stderr(done), (tmp_path / "aside.csv").read_text()
        assert "=cmd" not in text
        assert "4.25" not in text
        rows = {(row["row"], row["column"]): row for row in written(aside.encode())}
        if shown == "true":
            assert rows["3", "texture_mean"]["value"] == "'=cmd'"
            assert rows["5", "area_worst"]["value"] == "'4.25'"
        else:
            assert "value" not in rows["3", "texture_mean"]
            assert "=cmd" not in aside
            assert "4.25" not in aside
            assert "84300903" not in aside


@pytest.mark.fault("X05")
@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_ids_that_look_like_formulas_are_escaped(tmp_path: Path, form: str) -> None:
    ids = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\tx", "=1,2", '="a"', "'=1", "P=1", "", 'x"y', "\r=1"]
    frame = pd.DataFrame([builders.patient(id=name) for name in ids]).drop(columns=contract.DIAGNOSIS)
    if form == "csv":
        frame = frame.iloc[:-1]  # pandas does not quote a CR, which ends a line
        frame.to_csv(tmp_path / "in.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "in.parquet")
    stderr(wdbc(tmp_path / f"in.{form}", tmp_path / "out.csv"))
    found = [row["id"] for row in written((tmp_path / "out.csv").read_bytes())]
    assert found == [f"'{name}" if name[:1] in "=+-@\t\r" and name else name for name in frame["id"]]
    stderr(wdbc(tmp_path / f"in.{form}", tmp_path / "out.parquet"))
    assert pd.read_parquet(tmp_path / "out.parquet")["id"].tolist() == frame["id"].tolist()


def test_without_a_champion_the_error_says_how_to_promote_one(tmp_path: Path, table: Path) -> None:
    text = stderr(wdbc(table, tmp_path / "out.csv"), 1)
    assert "no champion has been promoted yet" in text
    assert "wdbc promote" in text
    assert left_behind(tmp_path, "patients.csv") == []


@pytest.mark.fault("V09")
def test_a_tampered_champion_scores_nothing(tmp_path: Path, table: Path) -> None:
    version = champions.make_champion(tmp_path / "results")
    scorer = tmp_path / "results" / "champion" / "versions" / version / "scorer.json"
    scorer.chmod(0o644)
    scorer.write_bytes(scorer.read_bytes().replace(b"intercept", b"Intercept"))
    assert "was altered: its digest does not match the manifest" in stderr(wdbc(table, tmp_path / "out.csv"), 1)
    assert left_behind(tmp_path, "patients.csv") == []


HEADER = ",".join(csv_layouts.NAMES)


@pytest.mark.fault("D15")
@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the source is empty"),
        (b"\n\n \n", "the source is empty"),
        (HEADER.encode() + b"\n", "the input has no rows"),
        (HEADER.encode() + b"\n\n\r\n", "the input has no rows"),
        (HEADER.replace(",area_se", "").encode() + b"\n1\n", "the header lacks area_se"),
        (HEADER.replace("area_se", "area_mean").encode() + b"\n1\n", "names twice area_mean"),
        (HEADER.replace(",", ";").encode() + b"\n1\n", "separated by semicolons"),
        (b"1,B,3.5\n", "the first line is not a header and has 3 columns"),
        (b"<html></html>", "an HTML page"),
        (b"\x1f\x8b\x08\x00", "the compressed file is truncated"),
        (b"PAR1 and no more", "the Parquet file is damaged or truncated"),
        (b"1,B" + b",\xff" * 30, "not UTF-8"),
        (b"7" * 3_000_000, "a line is longer than"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:12]),
)
def test_invalid_input_is_rejected_and_nothing_is_written(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "in").write_bytes(content)
    text = stderr(wdbc(tmp_path / "in", tmp_path / "out.csv"), 1)
    assert message in text
    assert str(tmp_path / "in") in text
    assert left_behind(tmp_path, "in") == []
    piped = wdbc("-", "-", given=content)
    assert message in stderr(piped, 1)
    assert "standard input" in piped.stderr.decode()


@pytest.mark.usefixtures("champion")
def test_parquet_columns_that_are_not_numeric_are_rejected(tmp_path: Path) -> None:
    frame = builders.published()
    frame.assign(area_se="large").to_parquet(tmp_path / "in.parquet")
    assert "1 of 30 measurements are not numeric columns" in stderr(wdbc(tmp_path / "in.parquet", "-"), 1)
    frame.assign(id=pd.Series([[1]] * 569, index=frame.index, dtype=object)).to_parquet(tmp_path / "in.parquet")
    assert "the ids have the type list<" in stderr(wdbc(tmp_path / "in.parquet", "-"), 1)
    frame.drop(columns="area_se").to_parquet(tmp_path / "in.parquet")
    assert "lacks area_se" in stderr(wdbc(tmp_path / "in.parquet", "-"), 1)


@pytest.mark.usefixtures("champion")
def test_a_parquet_file_damaged_in_the_middle_leaves_no_output(tmp_path: Path) -> None:
    builders.published().to_parquet(tmp_path / "in.parquet")
    content = bytearray((tmp_path / "in.parquet").read_bytes())
    content[20_000:60_000] = b"\0" * 40_000
    (tmp_path / "in.parquet").write_bytes(content)
    assert "the Parquet file is damaged or truncated" in stderr(wdbc(tmp_path / "in.parquet", tmp_path / "out.csv"), 1)
    assert left_behind(tmp_path, "in.parquet") == []


@pytest.mark.usefixtures("champion")
def test_if_no_row_can_be_scored_only_the_rejects_are_written(tmp_path: Path) -> None:
    patients = [builders.patient(area_mean=-1), builders.patient(area_mean="?")]
    (tmp_path / "in.csv").write_bytes(builders.csv(*patients))
    text = stderr(wdbc(tmp_path / "in.csv", tmp_path / "out.csv", "--rejects", tmp_path / "aside.csv"), 1)
    assert "none of 2 rows could be scored: " in text
    assert left_behind(tmp_path, "in.csv") == ["aside.csv"]
    assert {row["row"] for row in written((tmp_path / "aside.csv").read_bytes())} == {"1", "2"}


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(
    ("source", "said"),
    [("missing.csv", "the input cannot be read"), ("results", "the source is a folder, not a regular file")],
)
def test_an_unreadable_input_is_named(tmp_path: Path, source: str, said: str) -> None:
    text = stderr(wdbc(tmp_path / source, tmp_path / "out.csv"), 1)
    assert said in text
    assert source in text
    assert left_behind(tmp_path) == []


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("option", ["OUT", "--rejects"])
def test_an_output_that_cannot_be_written_is_named_and_the_old_one_kept(
    tmp_path: Path, table: Path, option: str
) -> None:
    (tmp_path / "good.csv").write_text("the earlier one")
    for place in ("missing/out.csv", "results"):
        good, bad = tmp_path / "good.csv", tmp_path / place
        arguments = (bad,) if option == "OUT" else (good, "--rejects", bad)
        text = stderr(wdbc(table, *arguments), 1)
        assert "the output cannot be written" in text
        assert place in text
        assert (tmp_path / "good.csv").read_text() == "the earlier one"
        assert left_behind(tmp_path, "patients.csv", "good.csv") == []


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_disk_is_reported_and_leaves_nothing_behind(tmp_path: Path, table: Path, form: str) -> None:
    text = stderr(wdbc(table, "/dev/full", "--format", form), 1)
    assert "the output cannot be written: No space left on device" in text
    assert Path("/dev/full").is_char_device()


@pytest.mark.usefixtures("champion")
def test_input_output_and_rejects_must_be_different_files(tmp_path: Path, table: Path) -> None:
    before = table.read_bytes()
    (tmp_path / "link.csv").symlink_to(table)
    for arguments in (
        (table, table), (table, tmp_path / "link.csv"), (table, tmp_path / "a", "--rejects", tmp_path / "a"),
        (table, "-", "--rejects", "-"), (table, tmp_path / "a", "--rejects", table),
    ):  # fmt: skip
        assert "are the same file" in stderr(wdbc(*arguments), 1)
    assert table.read_bytes() == before
    assert left_behind(tmp_path, "patients.csv", "link.csv") == []


@pytest.mark.usefixtures("champion")
def test_an_output_is_replaced_when_complete_and_links_are_followed(tmp_path: Path, table: Path) -> None:
    (tmp_path / "real.csv").write_text("the earlier one")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    stderr(wdbc(table, tmp_path / "link.csv"))
    assert (tmp_path / "link.csv").is_symlink()
    assert len(written((tmp_path / "real.csv").read_bytes())) == 569


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_interrupted_run_leaves_nothing_behind_and_keeps_the_old_output(
    tmp_path: Path, number: signal.Signals, code: int, form: str
) -> None:
    (tmp_path / "out").write_text("the earlier one")
    process = subprocess.Popen(
        [sys.executable, "-m", "wdbc_assets", "predict", "-", str(tmp_path / "out"), "--format", form,
         "--rejects", str(tmp_path / "aside.csv")],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    feeder = threading.Thread(target=_feed, args=(process.stdin,), daemon=True)
    feeder.start()
    wait_until_it_writes(process, tmp_path)
    process.send_signal(number)
    with process.stderr:
        text = process.stderr.read().decode()
    assert process.wait(30) == code, text
    feeder.join(30)
    assert text.strip() == "stopped: nothing is left half stored, and nothing keeps running"
    assert (tmp_path / "out").read_text() == "the earlier one"
    assert left_behind(tmp_path, "out") == []


def wait_until_it_writes(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait until an unfinished output has some rows."""
    deadline = time.monotonic() + 60
    while not any(size > 100_000 for size in _unfinished(process.pid, folder)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)


def _unfinished(pid: int, folder: Path) -> Iterator[int]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(str(folder)) and "logs" not in str(link.readlink()):
                yield link.stat().st_size


def _feed(sink: Any) -> None:
    """Write patients endlessly until the reader closes the pipe."""
    content = builders.bundled_uci_bytes()
    with contextlib.suppress(BrokenPipeError), sink:
        while True:
            sink.write(content)


@pytest.mark.usefixtures("champion")
def test_a_reader_that_closes_the_pipe_early_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(builders.bundled_uci_bytes() * 200)
    command = f'"{sys.executable}" -m wdbc_assets predict in.csv - | head -n 2'
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert len(done.stdout.splitlines()) == 2
    assert b"Traceback" not in done.stderr
    assert re.fullmatch(rb"  stopped    the reader closed the output after [\d,]+ rows\n", done.stderr)


@pytest.mark.usefixtures("champion")
def test_empty_batches_and_unusual_parquet_types_are_accepted(tmp_path: Path) -> None:
    frame = builders.published().drop(columns=contract.DIAGNOSIS)
    schema = pa.schema([("id", pa.string()), *((name, pa.float32()) for name in contract.FEATURES)])
    table = pa.Table.from_pandas(frame.astype({"id": "str"}), preserve_index=False).cast(schema)
    with pq.ParquetWriter(tmp_path / "in.parquet", schema) as writer:
        writer.write_table(table.slice(0, 0))
        writer.write_table(table, row_group_size=100)
    stderr(wdbc(tmp_path / "in.parquet", tmp_path / "out.parquet"))
    answer = pd.read_parquet(tmp_path / "out.parquet")
    assert answer["id"].tolist() == frame["id"].astype(str).tolist()
    np.testing.assert_allclose(answer["probability"], expected(), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_format_is_detected_even_if_a_pipe_delivers_byte_by_byte(tmp_path: Path, table: Path, form: str) -> None:
    if form == "parquet":
        builders.published().to_parquet(table)
    process = subprocess.Popen(
        [sys.executable, "-m", "wdbc_assets", "predict", "-", str(tmp_path / "out.csv")],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    content = table.read_bytes()
    for place in range(3):
        process.stdin.write(content[place : place + 1])
        process.stdin.flush()
        time.sleep(0.5)
    _, text = process.communicate(content[3:], timeout=60)
    assert process.returncode == 0, text
    assert b"569 = 569 scored" in text


@pytest.mark.usefixtures("champion")
def test_progress_is_written_to_a_log_only_occasionally(tmp_path: Path, table: Path) -> None:
    text = stderr(wdbc(table, tmp_path / "out.csv"))
    assert len(text.splitlines()) == 5
    assert re.search(r"rows +569 = 569 scored \+ 0 set aside, [\d,]+ rows/s", text)


@pytest.mark.slow
@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: str) -> None:
    """A ten times longer file takes at most a few MiB more, even in a single row group."""
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    peaks = []
    for times in (300, 3000):
        source = tmp_path / f"{times}.{form}"
        if form == "csv":
            source.write_bytes(builders.bundled_uci_bytes() * times)
        else:
            pq.write_table(pa.concat_tables([_arrow()] * times), source, row_group_size=10**7)
        command = [sys.executable, "-m", "wdbc_assets", "predict", str(source), str(tmp_path / f"out.{form}")]
        done = subprocess.run([sys.executable, "-c", measure, *command], capture_output=True, text=True, check=True)
        assert f"{569 * times:,} = {569 * times:,} scored" in done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 40
    assert peaks[1] < 400


def _arrow() -> pa.Table:
    return pa.Table.from_pandas(builders.published(), preserve_index=False)


# Output destinations


def shell(command: str, folder: Path) -> "subprocess.CompletedProcess[bytes]":
    predict = f'"{sys.executable}" -m wdbc_assets predict'
    return subprocess.run(
        ["bash", "-c", command.replace("PREDICT", predict)], cwd=folder, capture_output=True, timeout=120, check=False
    )


@pytest.mark.fault("D15")
@pytest.mark.usefixtures("champion", "table")
@pytest.mark.parametrize("out", ["-", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "link"])
def test_appending_to_a_file_keeps_its_content(tmp_path: Path, out: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "kept").write_text("first\n")
    stderr(shell(f"PREDICT patients.csv {out} >> kept", tmp_path))
    assert (tmp_path / "kept").read_bytes().startswith(b"first\nid,probability")
    assert len((tmp_path / "kept").read_bytes().splitlines()) == 571


@pytest.mark.usefixtures("champion", "table")
def test_output_can_go_to_a_process_substitution_or_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = shell(
        "(cat pipe > b) & PREDICT patients.csv >(cat > a) --rejects pipe; wait; until [ -s a ]; do :; done", tmp_path
    )
    stderr(done)
    assert (tmp_path / "b").read_text() == "row,column,rule\n"
    assert (tmp_path / "a").read_bytes().startswith(b"id,probability")


@pytest.mark.usefixtures("champion", "table")
def test_the_suffix_decides_the_format_and_an_unknown_one_is_rejected_early(tmp_path: Path) -> None:
    stderr(wdbc(tmp_path / "patients.csv", tmp_path / "a.csv"))
    stderr(wdbc(tmp_path / "patients.csv", tmp_path / "a.CSV.GZ", "--rejects", tmp_path / "b.csv.gz"))
    stderr(wdbc(tmp_path / "patients.csv", tmp_path / "a.PARQUET"))
    assert gzip.decompress((tmp_path / "a.CSV.GZ").read_bytes()) == (tmp_path / "a.csv").read_bytes()
    assert gzip.decompress((tmp_path / "b.csv.gz").read_bytes()) == b"row,column,rule\n"
    assert len(pd.read_parquet(tmp_path / "a.PARQUET")) == 569
    for arguments in (
        ("x.xlsx",), ("x.gz",), ("x.parquet.gz",), ("x.csv.gz", "--format", "parquet"),
        ("x.csv", "--rejects", "r.parquet"),
    ):  # fmt: skip
        text = stderr(wdbc("missing", *arguments), 1)
        assert "unsupported output format" in text


@pytest.mark.usefixtures("champion", "table")
def test_output_to_a_link_to_the_input_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "patients.csv")
    for command in (
        "PREDICT patients.csv hard.csv", "PREDICT - hard.csv < patients.csv", "PREDICT patients.csv - >> patients.csv",
        "PREDICT patients.csv a.csv --rejects ./a.csv", "PREDICT patients.csv - --rejects /dev/stdout",
    ):  # fmt: skip
        assert "are the same file" in stderr(shell(command, tmp_path), 1)
    assert (tmp_path / "patients.csv").read_bytes() == builders.bundled_uci_bytes()


@pytest.mark.usefixtures("champion", "table")
def test_closed_standard_streams_are_named(tmp_path: Path) -> None:
    assert "standard output" in stderr(shell("PREDICT patients.csv - >&-", tmp_path), 1)
    assert "standard output" in shell("PREDICT patients.csv - 2>&1 >&- | cat", tmp_path).stdout.decode()
    assert "/dev/stdout" in stderr(shell("PREDICT patients.csv /dev/stdout >&-", tmp_path), 1)
    assert "standard input is closed" in stderr(shell("PREDICT - a.csv <&-", tmp_path), 1)


@pytest.mark.usefixtures("champion")
def test_a_closed_pipe_gives_exit_code_141_and_a_correct_row_count(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(builders.bundled_uci_bytes() * 50)
    done = shell("set -o pipefail; PREDICT in.csv - | (read line; sleep 1; exec <&-)", tmp_path)
    text = stderr(done, 141)
    count = re.search(r"closed the output after ([\d,]+) rows", text)
    assert count is not None
    assert 0 < int(count[1].replace(",", "")) < 50 * 569


@pytest.mark.fault("X11")
@pytest.mark.usefixtures("champion", "table")
def test_a_new_output_is_private_and_an_existing_one_keeps_its_mode(tmp_path: Path) -> None:
    bad = builders.published_with((3, "area_mean", "x"))
    (tmp_path / "in.csv").write_bytes(bad)
    stderr(shell("umask 000; PREDICT in.csv out.csv --rejects aside.csv", tmp_path))
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("out.csv", "aside.csv")] == [0o600, 0o600]
    (tmp_path / "out.csv").chmod(0o640)
    stderr(wdbc(tmp_path / "in.csv", tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("unnamed", [True, False], ids=["without a name", "under a name of its own"])
def test_files_of_killed_writers_are_removed_and_those_of_running_ones_kept(tmp_path: Path, unnamed: bool) -> None:
    script = (
        "import os, sys, time\nfrom pathlib import Path\nfrom wdbc_assets.scoring import output_files\n"
        + ("" if unnamed else "del os.O_TMPFILE\n")
        + "with output_files.open_output(output_files.parse(sys.argv[1], None)) as sink:\n"
        "    sink.write(b'x' * 200_000); sink.flush(); print('writes', flush=True); time.sleep(60)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / name)], stdout=subprocess.PIPE)
        for name in ("killed.csv", "living.csv")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writes\n"
    writers[0].kill()
    writers[0].communicate(timeout=30)
    with output_files.open_output(output_files.parse(str(tmp_path / "next.csv"), None)) as sink:
        sink.write(b"id\n")
    assert len(left_behind(tmp_path, "next.csv")) == (0 if unnamed else 1)
    writers[1].kill()
    writers[1].communicate(timeout=30)


@pytest.mark.fault("D19")
@pytest.mark.usefixtures("champion")
def test_unknown_columns_are_named_in_one_line_or_rejected(tmp_path: Path) -> None:
    frame = builders.published().assign(site="a", **{"\x1b[31m": 1})
    frame.to_csv(tmp_path / "in.csv", index=False)
    frame.to_parquet(tmp_path / "in.parquet")
    for name in ("in.csv", "in.parquet"):
        text = stderr(wdbc(tmp_path / name, tmp_path / "out.csv"))
        assert text.splitlines()[0] == r"  ignored    columns diagnosis, 'site', '\x1b[31m'"
        assert "569 = 569 scored" in text
        text = stderr(wdbc(tmp_path / name, tmp_path / "out.csv", "--strict"), 1)
        assert "has 2 unknown names: 'site'" in text
        assert text.count(name) == 1


@pytest.mark.fault("D17")
@pytest.mark.usefixtures("champion", "table")
@pytest.mark.parametrize("through", ["patients.gz", "- < patients.gz", "patients.zip", "- < <(cat patients.zip)"])
def test_a_compressed_table_is_scored(tmp_path: Path, through: str) -> None:
    content = builders.bundled_uci_bytes()
    (tmp_path / "patients.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "patients.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wdbc.data", content)
    source, _, redirected = through.partition(" ")
    assert "569 = 569 scored" in stderr(shell(f"PREDICT {source} out.csv {redirected}", tmp_path))
