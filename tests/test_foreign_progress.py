"""What others write where a training tells its progress breaks NR.THREADS for nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fakeredis
import pytest
import sqlalchemy as sa

import nr

Write = Callable[[object], object]


@pytest.fixture(params=["redis", "sqlite"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[list[nr.Database], Write]]:
    """Two databases in one store, and what writes into the progress of a training there."""
    if request.param == "redis":
        server = fakeredis.FakeServer()
        clients = [fakeredis.FakeRedis(server=server) for _ in range(3)]
        both = [nr.connect(client=client) for client in clients[:2]]
        write: Write = lambda value: clients[2].hset("bad", "progress", value)  # noqa: E731
    else:
        url = f"sqlite:///{tmp_path}/nets.db"
        both = [nr.connect(url) for _ in range(2)]
        write = lambda value: _update(url, value)  # noqa: E731
    yield both, write
    for db in both:
        db.close()


def _update(url: str, value: object) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        network = "(SELECT id FROM nr_networks WHERE name = 'bad')"
        update = f"UPDATE nr_trainings SET cycles = :value WHERE network_id = {network}"
        connection.execute(sa.text(update), {"value": value})
    engine.dispose()


@pytest.mark.parametrize("value", ["", "hello", "cycle=x trainerr=1", b"\xff\xfe", "9" * 400])
def test_a_foreign_progress_is_none(store: tuple[list[nr.Database], Write], value: object) -> None:
    (trains, looks), write = store
    trains.backend.store.renewal = 60.0  # what was written stays
    for name in ("bad", "good"):
        trains.create(name, "regressor", [1, 1]).observe([1], 2, to="train")
        trains[name].train(timeout=0, autostop=False)
    write(value)
    lines = looks.execute("NR.THREADS")
    assert isinstance(lines, list)
    assert sorted(str(line).split()[2] for line in lines) == ["key=bad", "key=good"]
    (bad,) = (str(line) for line in lines if "key=bad" in str(line))
    assert " cycle=0 " in bad
    assert "trainerr=0.000000 " in bad
    assert looks["bad"].info().training
