"""`nr serve` with both protocols in one process, and behind TLS."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import redis
from redis_server import missing
from serving import Serving, serving

BOTH = ("--resp", "0", "--http", "0")


@pytest.fixture
def http(both: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{both.port_of('HTTP')}", timeout=60) as http:
        yield http


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Serving]:
    url = f"sqlite:///{tmp_path}/nets.db"
    with serving(tmp_path, "--url", url, *BOTH, "--grace", "0") as served:
        yield served


def test_what_one_protocol_writes_the_other_reads(both: Serving, http: httpx.Client) -> None:
    ask = both.client(decode_responses=True).execute_command
    assert ask("NR.CREATE", "net", "REGRESSOR", 2, "->", 1, "SEED", 1) == 3
    http.post("/networks/net/observe", json={"inputs": [[1, 2], [3, 4]], "outputs": [3, 7]})
    assert ask("NR.OBSERVE", "net", 5, 6, "->", 11, "TRAIN") == [2, 1]
    assert http.get("/networks/net/samples/train/1").json() == {"inputs": [5, 6], "outputs": [11]}
    assert http.post("/networks/net/train", json={"maxcycles": 20}).status_code == 202
    assert ask("NR.WAIT", "net", 0) == 1
    [output] = http.post("/networks/net/run", json={"inputs": [1, 2]}).json()["outputs"]
    assert float(ask("NR.RUN", "net", 1, 2)[0]) == output
    assert http.delete("/networks/net").status_code == 204
    with pytest.raises(redis.ResponseError, match="no such key"):
        ask("NR.RUN", "net", 1, 2)


def test_a_signal_ends_both_and_gives_trainings_back(
    both: Serving, http: httpx.Client, tmp_path: Path
) -> None:
    client = both.client()
    ask = client.execute_command
    for key in ("one", "two"):
        ask("NR.CREATE", key, "REGRESSOR", 1, "->", 1)
        ask("NR.OBSERVE", key, 1, "->", 2, "TRAIN")
    ask("NR.TRAIN", "one", "MAXCYCLES", 0, "MAXTIME", 0)
    http.post("/networks/two/train", json={"maxcycles": 0, "maxtime": 0})
    with http.stream("GET", "/events", params={"network": "two"}) as events:
        lines = events.iter_lines()
        assert next(lines) == "event: state"
        assert both.stop() == 0
        assert list(lines)[-1] == ""  # the stream has ended as one that is whole
    with pytest.raises(redis.ConnectionError):
        client.ping()
    with pytest.raises(httpx.TransportError):
        http.get("/health")
    assert both.said().splitlines()[-1] == "ends"
    options = ("--url", f"sqlite:///{tmp_path}/nets.db", *BOTH)
    with serving(tmp_path / "again", *options, NR_TRAININGS="queue") as again:
        lines = again.client(decode_responses=True).execute_command("NR.THREADS")
        assert ["state=waiting" in line for line in lines] == [True, True]


def test_both_are_behind_the_same_password_and_certificate(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        missing("openssl")
    certificate, key, password = (str(tmp_path / name) for name in ("c.pem", "k.pem", "password"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    Path(password).write_text("secret\n")
    options = ("--tls-cert", certificate, "--tls-key", key, "--password-file", password)
    with serving(tmp_path, *BOTH, *options) as served:
        tls = {"ssl": True, "ssl_ca_certs": certificate}
        assert served.client(password="secret", **tls).ping()
        with pytest.raises(redis.ConnectionError):
            served.client(password="secret").ping()
        port = served.port_of("HTTP")
        assert f"HTTP on https://127.0.0.1:{port}/" in served.said()
        trusted = ssl.create_default_context(cafile=certificate)
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted) as http:
            assert http.get("/health").status_code == 200
            assert http.get("/networks").status_code == 401
            http.headers["authorization"] = "Bearer secret"
            assert http.get("/networks").json() == {"networks": [], "after": None}
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY"):
            httpx.get(f"https://127.0.0.1:{port}/health")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/health")
