"""What the first version with sequences wrote is read for good: it answers, and learns on."""

import json
from pathlib import Path

import pytest

import nr

FIRST = Path(__file__).parent / "data" / "golden" / "sequences-1"
"""A classifier of visits (symbols, a category; LSTM) and a regressor of moves (vectors; GRU)."""


@pytest.mark.parametrize("name", ["visits", "moves"])
def test_what_the_first_version_wrote_answers_and_learns_on(name: str) -> None:
    asked = json.loads((FIRST / "asked.json").read_text(encoding="utf-8"))[name]
    expected = json.loads((FIRST / "expected.json").read_text(encoding="utf-8"))[name]
    with nr.connect("memory://") as db:
        db.execute("NR.RESTORE", name, (FIRST / f"{name}.dump").read_bytes())
        net = db[name]
        assert net.run(asked) == expected
        again = db.execute("NR.DUMP", name)
        assert isinstance(again, bytes)
        db.execute("NR.RESTORE", "again", again)
        assert db["again"].run(asked) == expected
        net.train(maxcycles=2, autostop=False).wait()
        assert net.info().cycles > 2
        assert net.run(asked) != expected
