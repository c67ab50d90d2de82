"""Coming from Neural Redis: its defects, its files, and payloads that would have crashed it."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from conformance import content
from module_calls import ENDLESS, ROWS, eventually, info, network, nrx, refused, train
from redis_server import Server

import nr

# ---- hostile payloads ----


def test_damaged_payloads_are_refused(server: Server, client: redis.Redis) -> None:
    """Every byte changed in turn, with a checksum that is right: refused, unless it is the same
    network all the same (the payload is compressed, and several ways lead to equal bytes)."""
    nrx(client, "NR.CREATE net CLASSIFIER 2 3 -> 2 SEED 1 DATASET 8 TEST 4")
    for a, b in ROWS:
        nrx(client, f"NR.OBSERVE net {a} {b} -> {a % 2}")
    train(client)
    with server.client() as raw:
        original = content(raw.execute_command("NR.DUMP", "net"))
        body = raw.dump("net")[:-8]
        for at in range(len(body) - 2):
            damaged = body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :]
            if restored := taken(raw, damaged):
                assert content(restored) == original
        for length in range(0, len(body) - 2, 7):
            assert not taken(raw, body[:length] + body[-2:])


def test_damaged_payloads_of_neural_redis_are_refused(own: Callable[..., Server]) -> None:
    """Encoding 2 has no checksum of its own: a changed weight is another weight. No crash."""
    with own_of_neural_redis(own).client() as raw:
        bodies = [raw.dump(key)[:-8] for key in raw.scan_iter()]
        for body in bodies:
            for at in range(0, len(body) - 2, 3):
                for bits in 1 << at % 8, 0xFF:
                    damaged = body[:at] + bytes([body[at] ^ bits]) + body[at + 1 :]
                    taken(raw, damaged)
            for length in range(0, len(body) - 2, 13):
                assert not taken(raw, body[:length] + body[-2:])
        assert raw.ping()


def taken(raw: redis.Redis, body: bytes) -> bytes | None:
    """What RESTORE makes of a payload: a dump of the network, or None where it is refused."""
    try:
        raw.restore("bad", 0, body + crc64(body), replace=True)
    except redis.ResponseError:
        return None
    if raw.type("bad") == b"neural-NN":
        dump: bytes = raw.execute_command("NR.DUMP", "bad")
        return dump
    return None


def crc64(data: bytes) -> bytes:
    """The checksum of DUMP's payloads: CRC-64/Jones, as Redis has it."""
    crc = 0
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return struct.pack("<Q", crc)


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = _crc_table()


# ---- Neural Redis' defects that are not above ----


def test_many_trainings_at_once_all_end_and_none_is_lost(client: redis.Redis) -> None:
    keys = [f"net{i}" for i in range(32)]
    for i, key in enumerate(keys):
        network(client, key)
        nrx(client, f"NR.TRAIN {key} MAXTIME 0 MAXCYCLES {50 + i}")
    assert [nrx(client, f"NR.WAIT {key} 0") for key in keys] == [1] * 32
    cycles = [info(client, key)["training-total-cycles"] for key in keys]
    assert cycles == [50 + i for i in range(32)]


def test_getdata_past_the_length_is_nil(client: redis.Redis) -> None:
    network(client)
    for row in 5, 49, 50, 10**6, 2**31, 2**32:
        assert nrx(client, f"NR.GETDATA net TRAIN {row}") is None


def test_layers_and_units_beyond_the_limits_are_refused(client: redis.Redis) -> None:
    layers = " ".join(["3"] * 63)
    assert "too many layers" in refused(client, f"NR.CREATE net REGRESSOR 2 {layers} -> 1")
    for units in 2**24 + 1, 2**31, 2**32, 2**32 + 1, 2**63, 2**64:
        assert "too many units" in refused(client, f"NR.CREATE net REGRESSOR {units} -> 1")
    assert "too many parameters" in refused(client, "NR.CREATE net REGRESSOR 99999 99999 -> 1")
    assert "too large a dataset" in refused(
        client, "NR.CREATE net REGRESSOR 2 -> 1 DATASET 4294967297"
    )
    assert not client.exists("net")


def test_a_training_without_a_limit_can_be_stopped(client: redis.Redis) -> None:
    network(client)
    nrx(client, "NR.TRAIN net MAXTIME 0")
    assert nrx(client, "NR.STOP net") == 1
    assert nrx(client, "NR.WAIT net 0") == 1


def test_a_full_testing_dataset_is_refreshed(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 -> 1 DATASET 4 TEST 4 SEED 1")
    for i in range(8):
        nrx(client, f"NR.OBSERVE net {i} -> 0")
    old = [nrx(client, f"NR.GETDATA net TEST {i}") for i in range(4)]
    for i in range(100):
        nrx(client, f"NR.OBSERVE net {100 + i} -> 0")
    assert [nrx(client, f"NR.GETDATA net TEST {i}") for i in range(4)] != old


def test_infinities_are_refused(client: redis.Redis) -> None:
    network(client)
    for text in "inf", "-inf", "nan", "1e39":
        assert "invalid neural network input" in refused(client, f"NR.OBSERVE net {text} 1 -> 1")
        assert "invalid neural network input" in refused(client, f"NR.RUN net {text} 1")
    blob = struct.pack("<3f", 1, float("inf"), 1)
    assert "infinity" in refused(client, "NR.OBSERVE net FP32", blob)


def test_outputs_can_be_negative(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 3 -> 1 NORMALIZE DATASET 50 TEST 0 SEED 1")
    for i in range(20):
        nrx(client, f"NR.OBSERVE net {i} -> {-10 * i}")
    train(client, options="MAXTIME 0 MAXCYCLES 500")
    assert float(nrx(client, "NR.RUN net 10")[0]) == pytest.approx(-100, abs=20)


def test_a_network_runs_as_before_until_its_training_is_merged(client: redis.Redis) -> None:
    network(client)
    train(client)
    before = nrx(client, "NR.RUN net 3 4")
    for i in range(20):
        nrx(client, f"NR.OBSERVE net {1000 * i} {1000 * i} -> {2000 * i}")
    nrx(client, "NR.TRAIN net", *ENDLESS)
    assert eventually(lambda: " cycle=0 " not in nrx(client, "NR.THREADS")[0])
    assert nrx(client, "NR.RUN net 3 4") == before
    nrx(client, "NR.RESET net")


def test_samples_for_a_dataset_of_none_are_refused(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 -> 1 DATASET 4 TEST 0")
    assert "TEST 0" in refused(client, "NR.OBSERVE net 1 -> 1 TEST")
    assert info(client)["training-dataset-len"] == 0


def test_reset_forgets_that_overfitting_was_detected(client: redis.Redis) -> None:
    nrx(client, "NR.CREATE net REGRESSOR 1 9 9 -> 1 DATASET 9 TEST 9 SEED 1 PATIENCE 1")
    for i in range(18):
        nrx(client, f"NR.OBSERVE net {i * 7 % 18} -> {i * 5 % 7}")
    train(client, options="MAXTIME 0 AUTOSTOP")
    assert info(client)["overfitting-detected"] == "yes"
    nrx(client, "NR.RESET net")
    assert info(client)["overfitting-detected"] == "no"


def test_a_large_network_is_created_and_trained_without_holding_the_server(
    server: Server, client: redis.Redis
) -> None:
    """No figure here, a benchmark has it: only that others are served meanwhile."""
    nrx(client, "NR.CREATE big REGRESSOR 5000 5000 -> 1 DATASET 2000 TEST 0")
    client.execute_command("NR.OBSERVE", "big", "FP32", struct.pack("<5001f", *[1] * 5001))
    nrx(client, "NR.TRAIN big", *ENDLESS)
    for _ in range(20):
        assert client.ping()
    client.delete("big")
    assert nrx(client, "NR.THREADS") == []


# ---- Neural Redis' files ----

NEURAL_REDIS = Path(__file__).parent / "data" / "neural-redis-encoding-2"


def own_of_neural_redis(own: Callable[..., Server]) -> Server:
    """A server that has loaded a file of Neural Redis'."""
    server = own("--dbfilename", "dump.rdb")
    if server.version < (7,):
        pytest.skip("the file was written by Redis 7, and is of a form that Redis 6 does not read")
    server.kill()
    shutil.copy(NEURAL_REDIS.with_suffix(".rdb"), server.directory / "dump.rdb")
    return server.start()


def test_networks_of_neural_redis_are_loaded(own: Callable[..., Server]) -> None:
    expected = json.loads(NEURAL_REDIS.with_suffix(".json").read_text())
    with nr.connect(own_of_neural_redis(own).url()) as db:
        assert sorted(db) == sorted(expected)
        for key, want in expected.items():
            told = dict(zip(*[iter(db.execute("NR.INFO", key))] * 2, strict=True))  # type: ignore[arg-type]
            for field, value in want["info"].items():
                if field not in ("id", "training-total-seconds"):
                    assert told[field] == (value if field in told else None) or float(
                        told[field]
                    ) == pytest.approx(float(value), rel=1e-6)
            assert db[key].configure()["classic"] is True
            for inputs, outputs in want["runs"]:
                assert db[key].run(inputs).tolist() == pytest.approx(outputs, rel=1e-5, abs=1e-7)
            for dataset in "TRAIN", "TEST":
                if want[dataset]:
                    x, y = db[key].sample(dataset, 3)
                    assert [x.tolist(), y.tolist()] == want[dataset]
        db["sum"].train(maxcycles=20, timeout=0, autostop=False).wait()
        assert db["sum"].info().cycles == 320
        assert db["sum"].info().train_error < 0.001


def test_networks_of_neural_redis_are_the_same_each_time(own: Callable[..., Server]) -> None:
    server = own_of_neural_redis(own)
    with server.client() as client:
        first = {key: client.execute_command("NR.DUMP", key) for key in client.scan_iter()}
    server.kill()
    with server.start().client() as client:
        assert first == {key: client.execute_command("NR.DUMP", key) for key in client.scan_iter()}
