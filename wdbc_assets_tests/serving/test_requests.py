"""Requests and responses, and every kind of invalid request."""

import gzip
import json
import os
import statistics
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import decision_policy, recalibration
from wdbc_assets.serving.api import schemas
from wdbc_assets_tests.serving import champions, running
from wdbc_assets_tests.serving.running import Service

CANARY = 77.77123456789


def one(**changes: Any) -> dict[str, Any]:
    return {**schemas.EXAMPLE, **changes}


def asked(*patients: Any) -> dict[str, Any]:
    return {"patients": list(patients)}


def test_predictions_equal_those_of_scikit_learn_in_request_order(service: Service) -> None:
    response = service.ask("/v1/predict", asked(*champions.patients(50)))
    assert response.status == 200
    got = [row["probability"] for row in response.json["predictions"]]
    np.testing.assert_allclose(got, champions.expected(champions.bundle(), 50), rtol=0, atol=1e-12)
    policy = champions.bundle().policy
    for row in response.json["predictions"]:
        assert row["above_threshold"] is (row["probability"] >= policy.threshold)
    triage = [row["triage"] for row in response.json["predictions"]]
    assert triage == decision_policy.triage(got, policy.quantiles).tolist()


def test_the_example_of_the_contract_is_a_valid_request(service: Service) -> None:
    example = service.ask("/v1/contract").json["example"]
    assert service.ask("/v1/predict", example).json["predictions"][0]["breaches"] == []


def test_the_order_of_a_patients_fields_does_not_matter(service: Service) -> None:
    (patient,) = champions.patients()
    turned = dict(reversed(patient.items()))
    assert service.ask("/v1/predict", asked(patient)).body == service.ask("/v1/predict", asked(turned)).body


def test_an_explanation_adds_up_to_the_prediction(service: Service) -> None:
    patients = asked(*champions.patients(5))
    predicted = service.ask("/v1/predict", patients).json["predictions"]
    explained = service.ask("/v1/explain", patients).json
    for row, of in zip(predicted, explained["explanations"], strict=True):
        log_odds = explained["intercept"] + sum(of["contributions"].values())
        assert log_odds == pytest.approx(of["log_odds"], abs=1e-9)
        assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(row["probability"], abs=1e-12)
        sizes = [abs(term) for term in of["contributions"].values()]
        assert sizes == sorted(sizes, reverse=True)
        assert of["contributions"].keys() == set(contract.FEATURES)


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not JSON", 400),
        (b'{"patients": [', 400),
        (b"\xff\xfe\x00", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"patients": []}', 422),
        (b'{"patients": {}}', 422),
        (b'{"patients": [null]}', 422),
        (b'{"patients": [1]}', 422),
        (b"[" * 50_000, 400),
        (b"[" * 1_000_000, 422),
        (b'{"patients":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", 422),
        (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, 422),
        (b"1" * 100_000, 422),
    ],
    ids=lambda value: value[:20].decode("latin-1") + str(len(value)) if isinstance(value, bytes) else str(value),
)
def test_an_invalid_body_is_rejected_with_problem_details(service: Service, body: bytes, status: int) -> None:
    refused = service.ask("/v1/predict", body)
    assert refused.status == status, refused.body[:300]
    assert_is_problem(refused)


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('"12.5"', "float_type"),
        ("null", "float_type"),
        ("true", "float_type"),
        ("[]", "float_type"),
        ("NaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("-Infinity", "finite_number"),
        ("1e400", "finite_number"),
        ("1" + "0" * 400, "finite_number"),
        ("1e308", "less_than_equal"),
        ("-1", "greater_than"),
        ("0", "greater_than"),
        ("-0.0", "greater_than"),
    ],
)
def test_an_invalid_value_is_rejected_with_row_and_field(service: Service, text: str, rule: str) -> None:
    whole = json.dumps(asked(one(), one(texture_mean=CANARY))).replace(str(CANARY), text)
    refused = service.ask("/v1/predict", whole.encode())
    assert refused.status == 422, refused.body
    assert_is_problem(refused)
    (fault,) = refused.json["errors"]
    assert (fault["row"], fault["field"]) == (2, "texture_mean")
    assert fault["rule"] in {rule, "float_parsing", "float_type"}


@pytest.mark.fault("V01")
def test_missing_and_unknown_fields_are_rejected_with_a_suggestion_for_typos(service: Service) -> None:
    patient = one(radius_maen=1.0, **{"John Smith, born 1951": 1.0})
    del patient["radius_mean"]
    refused = service.ask("/v1/predict", asked(patient))
    assert refused.status == 422
    faults = {(fault.get("field"), fault["rule"]): fault["detail"] for fault in refused.json["errors"]}
    assert ("radius_mean", "missing") in faults
    assert "did you mean radius_mean?" in str(refused.json)
    assert b"John" not in refused.body


BAD_ROW = dict.fromkeys(contract.FEATURES, -1)
LARGEST = 2 * 2**20


def filled(unit: bytes) -> bytes:
    """Return a body of the maximum size whose patients are all this value."""
    return b'{"patients":[' + b",".join([unit] * ((LARGEST - 20) // (len(unit) + 1))) + b"]}"


@pytest.mark.fault("V14")
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"unknown_field_{i}": 1 for i in range(75_000)}).encode(),
        json.dumps(asked(dict.fromkeys(map(str, range(60_000)), 1))).encode(),
        json.dumps(asked(*[dict.fromkeys((f"radius_maen{i}" for i in range(60)), 1)] * 1000)).encode(),
        json.dumps(asked(*[BAD_ROW] * 1000)).encode(),
        json.dumps(asked(*[{}] * 1000)).encode(),
        json.dumps(asked(*[one(radius_worst=1, area_mean=1, area_worst=1, texture_se=30)] * 1000)).encode(),
        json.dumps(asked(*[dict.fromkeys(contract.FEATURES, "x")] * 1000)).encode(),
        json.dumps(asked(*[dict.fromkeys(contract.FEATURES, [1] * 15)] * 1000)).encode(),
        json.dumps(asked({"a" * 40_000 + str(i): 1 for i in range(50)})).encode(),
        filled(b"{}"),
        filled(b"1"),
        filled(b"9" * 4000),
        filled(b"[" * 900 + b"]" * 900),
        filled(b'{"a":{"a":{"a":1}}}'),
        b'{"patients":[{"radius_mean":' + b"1" * (LARGEST - 50) + b"}]}",
        b'{"patients":[{"radius_mean":1.' + b"1" * (LARGEST - 50) + b"}]}",
        b'{"patients":"' + b"\\u00e9" * ((LARGEST - 50) // 6) + b'"}',
        b'{"patients":[{"' + b"a" * (LARGEST - 50) + b'":1}]}',
        b'{"patients":[{' + b",".join([b'"radius_mean":1'] * 60_000) + b"}]}",
        b'"' + b"\\" * (LARGEST - 2) + b'"',
        b"[" * LARGEST,
        b" " * LARGEST,
    ],
    ids=lambda body: f"{body[:24]!r} {len(body)}",
)
def test_any_hostile_body_is_rejected_quickly_with_a_short_response(service: Service, body: bytes) -> None:
    assert len(body) <= LARGEST
    before = cpu_seconds(service)
    refused = service.ask("/v1/predict", body)
    assert cpu_seconds(service) - before < 0.8
    assert refused.status in {400, 422}, refused.body[:300]
    assert_is_problem(refused)
    assert len(refused.body) < 30_000


def cpu_seconds(service: Service) -> float:
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault("V14")
def test_other_requests_are_served_while_a_large_body_is_validated(service: Service) -> None:
    body = json.dumps(asked(*[one(radius_worst=1)] * 1000)).encode()
    with ThreadPoolExecutor(4) as pool:
        large = [pool.submit(service.ask, "/v1/predict", body) for _ in range(20)]
        waits = []
        while not all(future.done() for future in large):
            started = time.monotonic()
            assert service.ask("/health/live").status == 200
            waits.append(time.monotonic() - started)
    assert {future.result().status for future in large} == {422}
    assert len(waits) > 20
    assert statistics.median(waits) < 0.5


@pytest.mark.fault("V14")
def test_validation_stops_at_the_number_of_errors_that_are_listed(service: Service) -> None:
    few = service.ask("/v1/predict", asked(BAD_ROW, BAD_ROW)).json
    assert few["detail"].startswith("The request failed validation: 60 errors.")
    assert len(few["errors"]) == 60
    many = service.ask("/v1/predict", asked(*[BAD_ROW] * 10)).json
    assert many["detail"].startswith("The request failed validation: more than 100 errors; the first 100 are listed.")
    assert [len(many["errors"]), many["errors"][-1]["row"]] == [100, 4]


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        (b'{"patients": [], "patients": [%b]}', None, "patients"),
        (b'{"patients": [%b, {"radius_mean": 12.0, "texture_mean": 1, "radius_mean": 13.0}]}', 2, "radius_mean"),
        (b'{"patients": [{"John": 1, "radius_mean": 1, "\\u004aohn": 2}]}', 1, None),
        (b'{"patients": [{"radius_mean": 1, "radius\\u005fmean": 1}]}', 1, "radius_mean"),
    ],
)
def test_a_repeated_name_in_an_object_is_rejected(
    service: Service, body: bytes, row: int | None, field: str | None
) -> None:
    refused = service.ask("/v1/predict", body.replace(b"%b", json.dumps(one()).encode()))
    assert refused.status == 422
    assert_is_problem(refused)
    (fault,) = refused.json["errors"]
    assert (fault.get("row"), fault.get("field"), fault["rule"]) == (row, field, "repeated_field")
    assert b"John" not in refused.body


@pytest.mark.fault("V01")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_a_body_that_is_not_utf_8_is_rejected(service: Service, encoding: str) -> None:
    refused = service.ask("/v1/predict", json.dumps(asked(one())).encode(encoding))
    assert refused.status == 400
    assert_is_problem(refused)
    assert "UTF-8" in refused.json["detail"]


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json;charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("Application/JSON", 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("application/json-patch+json", 415),
        ("", 415),
    ],
)
def test_the_declared_charset_must_be_utf_8(service: Service, content_type: str, status: int) -> None:
    response = service.ask("/v1/predict", asked(one()), headers={"Content-Type": content_type})
    assert response.status == status
    if status == 415:
        assert_is_problem(response)
        assert response.headers["accept"] == "application/json"


def test_a_byte_order_mark_is_ignored(service: Service) -> None:
    assert service.ask("/v1/predict", b"\xef\xbb\xbf" + json.dumps(asked(one())).encode()).status == 200


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_a_gzip_body_gets_the_same_response_as_a_plain_one(service: Service, coding: str) -> None:
    body = json.dumps(asked(*champions.patients(20))).encode()
    plain = service.ask("/v1/predict", body)
    assert service.ask("/v1/predict", body, headers={"Content-Encoding": "identity"}).body == plain.body
    zipped = service.ask("/v1/predict", gzip.compress(body), headers={"Content-Encoding": coding})
    assert (zipped.status, zipped.body) == (200, plain.body)


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"{}", mtime=0)[:-3], "truncated"),
        (gzip.compress(b"{}", mtime=0)[:12], "truncated"),
        (b"", "truncated"),
        (b"{}", "not in gzip format"),
        (gzip.compress(b"{}", mtime=0)[:-8] + b"\0" * 8, "damaged"),
        (zlib.compress(b"{}"), "not in gzip format"),
        (gzip.compress(b"{}", mtime=0) + b"more", "continues after the first gzip member"),
        (gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0), "continues after the first gzip member"),
        (gzip.compress(b"{}", mtime=0) + b"\0" * 100, "continues after the first gzip member"),
    ],
)
def test_a_damaged_gzip_body_is_rejected_with_the_reason(service: Service, body: bytes, reason: str) -> None:
    refused = service.ask("/v1/predict", body, method="POST", headers={"Content-Encoding": "gzip"})
    assert refused.status == 400
    assert_is_problem(refused)
    assert refused.json["type"] == "urn:wdbc:problem:not-gzip"
    assert reason in refused.json["detail"]


@pytest.mark.fault("V02")
def test_a_gzip_bomb_is_rejected_in_constant_memory(service: Service) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(1500)) + packer.flush()
    assert len(bomb) < LARGEST
    before = service.resident
    refused = service.ask("/v1/predict", bomb, headers={"Content-Encoding": "gzip"})
    assert refused.status == 413
    assert_is_problem(refused)
    assert service.resident - before < 30 * 2**20


@pytest.mark.fault("V01")
@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd", "gzip;q=1"])
def test_an_unsupported_content_encoding_is_rejected_with_the_supported_one(service: Service, coding: str) -> None:
    refused = service.ask("/v1/predict", asked(one()), headers={"Content-Encoding": coding})
    assert refused.status == 415
    assert_is_problem(refused)
    assert refused.headers["accept-encoding"] == "gzip"


@pytest.mark.fault("V13")
@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"radius_worst": 11.9}, "radius_worst", "worst_is_not_below_mean"),
        ({"texture_se": 18.5}, "texture_se", "se_is_not_above_mean"),
        ({"perimeter_mean": 60.0}, "perimeter_mean", "perimeter_fits_radius"),
        ({"area_worst": 200.0}, "area_worst", "area_fits_radius"),
        ({"compactness_mean": 0.001}, "compactness_mean", "compactness_fits_outline"),
        ({"concavity_mean": 0.0}, "concavity_mean", "zero_only_where_possible"),
    ],
)
def test_violated_cross_field_rules_are_reported_with_row_field_and_rule(
    service: Service, changes: dict[str, float], field: str, rule: str
) -> None:
    refused = service.ask("/v1/predict", asked(one(), one(), one(**changes)))
    assert refused.status == 422
    assert_is_problem(refused)
    assert {"row": 3, "field": field, "rule": rule} in [
        {name: fault[name] for name in ("row", "field", "rule")} for fault in refused.json["errors"]
    ]


@pytest.mark.fault("V13")
def test_in_flag_mode_contract_violations_are_scored_and_listed(tmp_path: Any) -> None:
    champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, serve_breaches="flag") as service:
        response = service.ask("/v1/predict", asked(one(), one(radius_worst=11.0, area_worst=1e6)))
        assert response.status == 200
        sound, broken = response.json["predictions"]
        assert sound["breaches"] == []
        assert "radius_worst: worst_is_not_below_mean" in broken["breaches"]
        assert "area_worst: values_are_plausible" in broken["breaches"]
        assert service.ask("/v1/predict", asked(one(area_worst=1e300))).status == 422
        assert service.ask("/v1/contract").json["breaches"] == "flag"
        assert service.metrics()['wdbc_contract_breaches_total{rule="worst_is_not_below_mean"}'] == 1


@pytest.mark.fault("V13")
def test_a_patient_outside_the_reference_range_is_scored_and_flagged(service: Service) -> None:
    giant = one(
        radius_mean=60.0, perimeter_mean=390.0, area_mean=11000.0, compactness_mean=0.15,
        radius_worst=65.0, perimeter_worst=430.0, area_worst=13000.0, area_se=110.0,
    )  # fmt: skip
    response = service.ask("/v1/predict", asked(one(), giant))
    assert response.status == 200, response.body
    usual, unusual = response.json["predictions"]
    assert usual["outside_training"] == []
    assert {"radius_mean", "area_worst"} <= set(unusual["outside_training"])
    assert "texture_mean" not in unusual["outside_training"]


@pytest.mark.fault("V01")
@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/nowhere", 404, {}),
        ("GET", "/pages/../app.py", 404, {}),
        ("GET", "/v1/predict", 405, {}),
        ("DELETE", "/health/live", 405, {}),
        ("POST", "/v1/predict", 415, {"Content-Type": "text/plain"}),
        ("POST", "/v1/predict", 415, {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
def test_every_rejection_is_a_problem_details_response(
    service: Service, method: str, path: str, status: int, headers: dict[str, str]
) -> None:
    refused = service.ask(path, b"{}" if method == "POST" else None, method=method, headers=headers)
    assert refused.status == status
    assert_is_problem(refused)
    if status == 405:
        assert refused.headers["allow"]


@pytest.mark.fault("X02")
def test_no_patient_value_appears_in_logs_problems_or_metrics(service: Service) -> None:
    bodies = [
        service.ask("/v1/predict", asked(one(texture_mean=CANARY, texture_worst=CANARY))).body,  # answered
        service.ask("/v1/predict", asked(one(texture_mean=CANARY))).body,  # worst below mean
        service.ask("/v1/predict", asked(one(texture_mean=CANARY, radius_se=str(CANARY)))).body,
        service.ask("/v1/predict", b'{"patients": [{"texture_mean": 77.77123456789, ]}').body,
        service.ask(f"/v1/predict/{CANARY}?name={CANARY}", asked()).body,
        service.ask("/metrics").body,
        (service.folder / "access.log").read_bytes(),
        (service.folder / "wdbc.jsonl").read_bytes() if (service.folder / "wdbc.jsonl").exists() else b"",
        service.stderr.encode(),
    ]
    assert not [body for body in bodies if b"77.77" in body]


def assert_is_problem(answer: running.Answer) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["type"].startswith("urn:wdbc:problem:")
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body


def test_a_recalibrated_champion_reports_other_probabilities_and_the_same_triage(
    service: Service, tmp_path: Path
) -> None:
    patients = asked(*champions.patients(50))
    before = service.ask("/v1/predict", patients).json["predictions"]
    own = champions.bundle().policy
    policy = recalibration.recalibrate(own, 0.1)
    champions.promote(tmp_path, replace(champions.bundle(), policy=policy))
    with running.serving(tmp_path) as other:
        after = other.ask("/v1/predict", patients).json["predictions"]
        explained = other.ask("/v1/explain", patients).json["explanations"]
        described = other.ask("/v1/model").json["policy"]
    p = np.array([row["probability"] for row in before])
    shown = [row["probability"] for row in after]
    assert shown == recalibration.probabilities(policy, p).tolist() != p.tolist()
    for name in ("triage", "above_threshold"):
        assert [row[name] for row in after] == [row[name] for row in before]
    np.testing.assert_allclose([row["probability"] for row in explained], shown, rtol=0, atol=1e-12)
    bounds = recalibration.bounds(policy)
    assert described == {
        "prevalence": 0.1,
        "trained_prevalence": own.training.prevalence,
        "threshold": bounds.threshold,
        "recall_target": own.recall_target,
        "quantiles": vars(bounds.quantiles),
    }
    stated = service.ask("/v1/model").json["policy"]
    assert (stated["prevalence"], stated["threshold"]) == (own.training.prevalence, own.threshold)
