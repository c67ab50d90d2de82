"""What the first version with sequences wrote is read for good: it answers, and learns on."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nr
from nr import engine

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


ASKED = 71


def drawn(n: int, shortest: int = 1) -> list[dict[str, Any]]:
    rng = np.random.default_rng(7)
    return [
        {
            "v": rng.normal(1, 3, (rng.integers(shortest, 20), 3)).astype("f4"),
            "s": [f"s{rng.integers(9)}" for _ in range(rng.integers(shortest, 9))],
            "n": float(rng.normal()),
        }
        for _ in range(n)
    ]


def asked() -> list[dict[str, Any]]:
    """Of each length, some of them missing."""
    return [
        {name: value for name, value in row.items() if (i + len(name)) % 7 or name == "n"}
        if i % 3
        else {"n": row["n"], "v": row["v"]}
        for i, row in enumerate(drawn(ASKED))
    ]


@pytest.mark.parametrize(("kind", "members"), [("classifier", 3), ("regressor", 1)])
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("hidden", [[5], [33, 16], [7, 48, 3]])
def test_a_row_has_the_same_bits_alone_and_in_company(
    kind: Any, members: int, cell: Any, hidden: list[int]
) -> None:
    kinds = {"v": "sequence(3)", "s": "sequence(category)", "n": "number"}
    options: Any = {"hidden": hidden, "seed": 1, "members": members, "cell": cell}
    answers = ("a", "b") if kind == "classifier" else (1.5, -2)
    rows, best = asked(), engine.isa()
    lists = [
        {name: getattr(x, "tolist", lambda x=x: x)() for name, x in row.items()} for row in rows
    ]
    with nr.connect("memory://") as db:
        net = db.create("net", kind, kinds, target="y", **options)
        net.observe_many(
            [row | {"y": answers[i % 2]} for i, row in enumerate(drawn(60))], to="train"
        )
        net.train(maxcycles=2, autostop=False).wait()
        together = net.run(rows)
        for isa in ("baseline", "avx2", "avx512"):
            with suppress(nr.EngineError):  # this processor has no such
                engine.set_isa(isa)
            try:
                assert [net.run(row) for row in rows] == together
                assert net.run(rows[:3]) == together[:3]  # a few, one by one
                assert net.run(rows[:66]) == together[:66]  # and behind a panel
            finally:
                engine.set_isa(best)
        assert [net.run(row) for row in lists] == together
        if kind == "classifier":
            assert [net.classify(row) for row in rows] == net.classify(rows)


def test_a_single_row_tells_what_is_wrong_with_a_sequence() -> None:
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", {"v": "sequence(3)"}, target="y", seed=1)
        net.observe_many([{"v": np.ones((2, 3)) * i, "y": "ab"[i % 2]} for i in range(20)])
        net.train(maxcycles=1, autostop=False).wait()
        for says, value in {
            "step 0 has 4 numbers where 3 are needed": np.ones((2, 4)),
            "an empty sequence": np.ones((0, 3)),
            "step 0 has what is no finite": np.full((1, 3), np.nan),
            "step 0 has what is no finite ": np.ma.masked_less(np.ones((1, 3)), 2),
            "65537 steps, at most 65536": np.ones((65537, 3), "f4"),
            "an array of 3 dimensions": np.ones((1, 1, 3)),
        }.items():
            with pytest.raises(nr.Error, match=says.strip()):
                net.run({"v": value})


def next_pages(**options: Any) -> nr.Network:
    """Of b and c, which fewer visits have, each leads to a page of its own."""
    net = nr.connect("memory://").create(
        "net", "classifier", {"pages": "sequence(category)"}, target="y", seed=1, **options
    )
    rows = [{"pages": ["a", "abbc"[i % 4]], "y": "xyyz"[i % 4]} for i in range(80)]
    net.observe_many(rows, to="train")
    net.train(maxcycles=20).wait()
    return net


def test_symbols_beyond_the_vocabulary_are_the_unknown_one() -> None:
    asked: list[dict[str, Any]] = [{"pages": ["a", symbol]} for symbol in ("b", "c", "new")]
    b, c, new = next_pages().run(asked)
    assert b != c != new
    b, c, new = next_pages(vocabulary=2).run(asked)
    assert b != c == new
    b, c, new = next_pages(vocabulary=1).run(asked)
    assert b == c == new


def test_decay_makes_later_epochs_smaller_steps_of_the_rate_as_it_is() -> None:
    """A factor of 1 is none, nor is any before AFTER; behind it a tiny one ends the learning."""

    def learned(cycles: int, **options: Any) -> Any:
        net = next_pages(**options)
        net.reset()
        net.train(maxcycles=cycles, autostop=False).wait()
        return net.run([{"pages": ["a", symbol]} for symbol in "abc"])

    flat = learned(3, decay=1)
    assert flat == learned(3, decay=1e-9, after=3) != learned(3)
    assert learned(4, decay=1) != flat
    once, stands = learned(1, decay=1e-9), learned(9, decay=1e-9)
    for some, others in zip(once, stands, strict=True):
        assert [*some.values()] == pytest.approx([*others.values()], abs=1e-5)
    assert once != flat


def test_dropout_is_of_trainings_alone_and_the_same_with_any_number_of_threads() -> None:
    asked: list[dict[str, Any]] = [{"pages": ["a", symbol]} for symbol in "abc"]
    dropped = next_pages(dropout=0.5)
    found = dropped.run(asked)
    assert found == dropped.run(asked)
    assert found != next_pages(dropout=0).run(asked) == next_pages().run(asked)
    for threads in (2, 4):
        assert next_pages(dropout=0.5, threads=threads).run(asked) == found
    best = engine.isa()
    for isa in ("baseline", "avx2"):
        with suppress(nr.EngineError):
            engine.set_isa(isa)
        try:
            assert next_pages(dropout=0.5).run(asked) == found
        finally:
            engine.set_isa(best)


@pytest.mark.parametrize(
    ("options", "rows", "whole"),
    [
        ({}, 60, True),
        ({"decay": 0.9, "after": 4}, 60, False),  # the rate is low long before the end
        ({}, 600, False),  # so many tell
    ],
)
def test_few_testing_samples_do_not_say_which_cycle_was_best(
    options: Any, rows: int, whole: bool
) -> None:
    """So what is told of them is that of the last cycle."""
    rng = np.random.default_rng(2)
    samples = [{"v": rng.normal(size=(5, 2)), "y": "ab"[i % 2]} for i in range(rows)]
    with nr.connect("memory://") as db:
        net = db.create(
            "net", "classifier", {"v": "sequence(2)"}, target="y", seed=1, members=1, **options
        )
        net.observe_many(samples)
        net.train(maxcycles=20, autostop=True, backtrack=True).wait()
        _, _, losses, wrong = net.history().T
        best = losses.argmin()
        assert wrong[best] != wrong[-1]  # there is nothing to be learned
        assert net.info().class_errors == pytest.approx(wrong[-1 if whole else best], rel=1e-6)
