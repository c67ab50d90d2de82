"""What HTTP tells besides: numbers for Prometheus, its own description; and the short way."""

import json
import subprocess
import sys
from typing import Any

import pytest
from starlette.testclient import TestClient

import nr
from nr import engine
from nr.serve.web.table import ROWS


def test_prometheus_is_told_of_networks_and_requests(http: TestClient, db: nr.Database) -> None:
    db.create('a"b\\c\n', "regressor", [2, 1]).observe([1, 2], 3)
    http.get("/networks")
    http.get("/networks/nut")
    response = http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    assert "nr_networks 1" in lines
    assert r'nr_network_training_samples{network="a\"b\\c\n"} 1' in lines
    assert 'nr_http_requests_total{method="GET",path="/networks",status="200"} 1' in lines
    assert 'nr_http_requests_total{method="GET",path="/networks/{key}",status="404"} 1' in lines
    labels = 'method="GET",path="/networks"'
    assert f'nr_http_request_seconds_bucket{{{labels},le="+Inf"}} 1' in lines
    assert f"nr_http_request_seconds_count{{{labels}}} 1" in lines
    names = [line.split(" ")[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_the_description_has_every_command(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = json.dumps(document)
    unrouted = {"NR.WAIT"}  # events tell
    commands = {spec.name for spec in engine.specs()}
    assert commands - {row.command for row in ROWS} == unrouted
    for spec in engine.specs():
        if spec.name not in unrouted:
            assert f"{spec.name} {spec.syntax}".strip() in described.replace('\\"', '"')
    body = document["paths"]["/networks/{key}"]["put"]["requestBody"]["content"]
    options = body["application/json"]["schema"]["properties"]
    assert options["optimizer"]["enum"] == ["rprop", "adam", "sgd"]
    assert options["batch"]["type"] == ["integer", "null"]


def test_operations_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_import_nr_brings_nothing_of_serving() -> None:
    code = "import sys, nr; print([m for m in sys.modules if m.startswith(('nr.serve', 'starl'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("path", "inputs"),
    [
        ("net/run", [1, 2]),
        ("net/run", [True, 1e30]),
        ("net/run", [1, 2, 3]),
        ("net/run", [1e39, 0]),
        ("net/run", [None, 1]),
        ("net/run", {"age": 1}),
        ("net/class", [1, 2]),
        ("club/run", {"age": 33}),
        ("club/run", {"aeg": 33}),
        ("club/class", {"age": 33, "country": "IT"}),
        ("club/class", {}),
        ("club/class", [1, 2]),
        ("nut/run", [1, 2]),
        ("net/run", "x"),
    ],
)
def test_the_short_way_answers_as_the_usual_one(
    http: TestClient, net: nr.Network, club: nr.Network, path: str, inputs: Any
) -> None:
    body = json.dumps({"inputs": inputs}).encode()
    short, usual = (
        http.post(f"/networks/{path}", content=body, headers={"content-type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    )
    assert (short.status_code, short.json()) == (usual.status_code, usual.json())
    assert dict(short.headers) == dict(usual.headers)
    count = f'path="/networks/{{key}}/{path.partition("/")[2]}",status="{short.status_code}"}} 2'
    assert count in http.get("/metrics").text
