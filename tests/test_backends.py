import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nr
from nr import backends
from nr.backends import Backend, Scheme, connect


class Echo:
    """A third party's backend."""

    def __init__(self, url: str, executor: Any = None, **options: Any) -> None:
        self.url, self.options = url, options

    def execute(self, *argv: bytes) -> Any:
        return list(argv)

    def close(self) -> None:
        pass


def points(monkeypatch: pytest.MonkeyPatch, **loads: Any) -> None:
    found = [SimpleNamespace(name=name, load=load) for name, load in loads.items()]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)


def test_an_unknown_scheme_is_told_what_it_may_have_meant() -> None:
    with pytest.raises(nr.BackendError, match=r"memry://, did you mean memory://\?"):
        connect("memry://")


def test_an_unknown_scheme_is_told_which_there_are() -> None:
    with pytest.raises(nr.BackendError, match=r"no driver for gopher:// \(there are: .*memory://"):
        connect("gopher://user:secret@host")


def test_errors_never_repeat_a_password() -> None:
    for url in ("gopher://user:secret@host", "user:secret@host"):
        with pytest.raises(nr.BackendError) as caught:
            connect(url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "memory", "memory:", "/tmp/file.db", "memory:/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(nr.BackendError, match="not a URL"):
        connect(url)


def test_memory_takes_no_more_than_its_scheme() -> None:
    with pytest.raises(nr.BackendError, match="nothing after it"):
        connect("memory://shop")


def test_schemes_are_the_same_in_capitals() -> None:
    connect("MEMORY://").close()


def test_two_memories_have_nothing_in_common() -> None:
    with nr.connect("memory://") as one, nr.connect("memory://") as two:
        one.create("net", "regressor", [1, 1])
        assert list(two) == []


def test_an_entry_point_is_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    points(monkeypatch, echo=lambda: Echo)
    db = nr.connect("echo://there", depth=3)
    assert db.execute("NR.RUN net 1") == [b"NR.RUN", b"net", b"1"]
    assert isinstance(db.backend, Echo)
    assert (db.backend.url, db.backend.options) == ("echo://there", {"depth": 3})


def test_entry_points_are_guessed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    points(monkeypatch, echo=lambda: Echo)
    with pytest.raises(nr.BackendError, match=r"did you mean echo://\? .*there are: echo://, mem"):
        connect("ecko://")


def test_an_entry_point_cannot_replace_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    points(monkeypatch, memory=lambda: Echo)
    assert not isinstance(connect("memory://"), Echo)


def test_a_broken_entry_point_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Backend:
        raise ImportError("no module")

    points(monkeypatch, echo=broken)
    with pytest.raises(nr.BackendError, match="the driver of echo:// is broken: no module"):
        connect("echo://")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "driver_in_need.py").write_text("import no_such_package_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(backends.SCHEMES, "need", Scheme("driver_in_need:connect", "needy"))
    with pytest.raises(nr.BackendError, match=r"no_such_package_at_all.*pip install 'nr\[needy\]'"):
        connect("need://")


def test_a_closed_backend_refuses_commands(backend: Backend) -> None:
    backend.close()
    backend.close()
    with pytest.raises(nr.BackendError, match="closed"):
        backend.execute(b"NR.LIST")


def test_a_closed_database_runs_nothing() -> None:
    db = nr.connect("memory://")
    net = db.create("net", "regressor", [1, 1])
    net.run([1])
    db.close()
    with pytest.raises(nr.BackendError, match="closed"):
        net.run([1])


def test_the_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NR_URL", "gopher://")
    with pytest.raises(nr.BackendError, match="gopher"):
        nr.connect()
    monkeypatch.setenv("NR_URL", "")
    nr.connect().close()


def test_importing_takes_nothing_heavy_along() -> None:
    heavy = "{'redis', 'sqlalchemy', 'tqdm', 'pandas', 'click', 'importlib.metadata', 'asyncio'}"
    code = (
        f"import sys, nr; heavy = {heavy} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
