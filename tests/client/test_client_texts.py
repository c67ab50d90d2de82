"""Generators from Python and from a shell: texts, scores and what comes next."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

import nr
import nr.aio
from nr.cli import main

LINES = ("the cat sat on the mat", "a dog ran in the park", "the dog sat on a rug")


def lines(n: int) -> list[dict[str, str]]:
    random = Random(1)
    return [{"text": random.choice(LINES)} for _ in range(n)]


def language(db: nr.Database, **options: Any) -> nr.Network:
    lm = db.create("lm", "generator", {}, target="text", hidden=[24], seed=1, **options)
    lm.observe_many(lines(150))
    lm.train(maxcycles=40).wait()
    return lm


@pytest.fixture(scope="module")
def lm() -> Iterator[nr.Network]:
    """In memory: other drivers reply the same, as the conformance suite has it."""
    with nr.connect("memory://") as db:
        yield language(db)


def test_texts_are_generated_and_scored(lm: nr.Network) -> None:
    assert lm.info().fields == ("->", "text:sequence(word)")
    assert lm.generate("the cat", temperature=0) == "sat on the mat"
    assert lm.generate("a dog", temperature=0, length=2) == "ran in"
    assert lm.generate(seed=3) == lm.generate(seed=3)
    assert len({lm.generate(temperature=2) for _ in range(20)}) > 5
    likely, odd = lm.score("the cat sat"), lm.score("mat the sat")
    assert isinstance(likely, nr.Score)
    assert (likely.symbols, odd.symbols) == (3, 3)
    assert likely.perplexity < 3 < odd.perplexity
    assert likely.log_probability > odd.log_probability


def test_what_comes_next_is_named(lm: nr.Network) -> None:
    found = lm.run({"text": "the cat"})
    assert next(iter(found)) == "sat"
    assert len(found) == 10
    assert sum(found.values()) == pytest.approx(1, abs=0.05)
    assert [next(iter(one)) for one in lm.run([{"text": "a dog"}, {"text": "a"}])] == ["ran", "dog"]


def test_metrics_tell_the_perplexity_beside_that_of_pairs(lm: nr.Network) -> None:
    found = lm.metrics()
    assert found is not None
    assert found.perplexity is not None
    assert found.naive_perplexity is not None
    assert 1 < found.perplexity < found.naive_perplexity < 3
    assert "perplexity" in found._repr_html_()


def test_a_training_goes_on_with_the_symbols_it_has() -> None:
    lm = language(nr.connect("memory://"), tied=True)
    before = lm.metrics()
    lm.observe_many([{"text": "new words new words"}] * 20, to="train")
    lm.train(maxcycles=1, autostop=False).wait()
    assert lm.info().cycles > 1
    assert "words" not in lm.run({"text": "new"})
    lm.train(maxcycles=30, autostop=True, backtrack=True).wait()
    assert next(iter(lm.run({"text": "new"}))) == "words"
    assert lm.metrics() != before


def words(n: int) -> list[dict[str, str]]:
    """Words, and their letters backwards."""
    random = Random(1)
    some = ["".join(random.choices("abcdef", k=random.randint(1, 5))) for _ in range(n)]
    return [{"word": word, "sounds": " ".join(word[::-1].upper())} for word in some]


KINDS = {"word": "sequence(char)", "sounds": "sequence(category)"}


def translator(db: nr.Database) -> nr.Network:
    say = db.create("say", "generator", KINDS, target="sounds", hidden=[24], seed=1, learnrate=0.02)
    say.observe_many(words(600))
    say.train(maxcycles=20, autostop=True, backtrack=True).wait()
    return say


@pytest.fixture(scope="module")
def say() -> Iterator[nr.Network]:
    with nr.connect("memory://") as db:
        yield translator(db)


def test_a_sequence_becomes_another_one(say: nr.Network) -> None:
    assert say.info().fields == ("word:sequence(char)", "->", "sounds:sequence(category)")
    found = say.translate("dab")
    assert next(iter(found)) == "B A D"
    assert [*found.values()] == sorted(found.values(), reverse=True)
    assert len(found) == 4
    assert say.run({"word": "dab"}) == found
    assert say.run([{"word": "dab"}, {"word": "ce"}])[1] == say.translate("ce")
    assert len(say.translate("dab", beam=9)) == 9
    assert [*say.translate("dab", beam=1, length=2)] == ["B A"]
    right, wrong = say.score("B A D", of="dab"), say.score("D A B", of="dab")
    assert right.symbols == 4
    assert right.log_probability == pytest.approx(found["B A D"], abs=1e-9)
    assert wrong.log_probability < right.log_probability


def test_metrics_tell_how_many_were_right(say: nr.Network) -> None:
    found = say.metrics()
    assert found is not None
    assert found.exact_matches is not None
    assert found.naive_exact_matches is not None
    assert found.exact_matches > 0.8 > found.naive_exact_matches
    assert "symbol errors" in found._repr_html_()


def test_translators_and_language_models_are_told_apart(lm: nr.Network, say: nr.Network) -> None:
    with pytest.raises(nr.CommandError, match="from one sequence to another"):
        lm.translate("the cat")
    with pytest.raises(nr.CommandError, match=r"NR\.RUN replies the likeliest ones"):
        say.generate("dab")
    with pytest.raises(nr.CommandError, match="nothing to go from"):
        say.score("B A D")
    with pytest.raises(nr.CommandError, match="BEAM must be an integer from 1 to 64"):
        say.translate("dab", beam=65)


def test_texts_with_unknown_symbols_have_chosen_their_vocabulary() -> None:
    told = []
    for word in ("once", "<unk>"):
        lm = nr.connect("memory://").create("lm", "generator", {}, target="text", hidden=[4])
        lm.observe_many([{"text": "a b"}] * 9 + [{"text": f"rare {word}"}], to="train")
        lm.train(maxcycles=1, autostop=False).wait()
        told.append("rare" in lm.run({"text": "a"}))
    assert told == [False, True]


async def awaited() -> None:
    async with nr.aio.connect("memory://") as db:
        lm = await db.create("lm", "generator", {}, target="text", hidden=[4], seed=1)
        await lm.observe_many(lines(30))
        await (await lm.train(maxcycles=1)).wait()
        assert await lm.generate("the cat", seed=1) == await lm.generate("the cat", seed=1)
        assert (await lm.score("the cat")).symbols == 2
        say = await db.create("say", "generator", KINDS, target="sounds", hidden=[4], seed=1)
        await say.observe_many(words(30))
        await (await say.train(maxcycles=1)).wait()
        found = await say.translate("ab", beam=2, length=3)
        assert len(found) == 2
        assert (await say.score("B A", of="ab")).symbols == 3


def test_texts_are_awaited() -> None:
    asyncio.run(awaited())


def test_a_shell_generates_and_measures(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nets.db"
    with nr.connect(url) as db:
        language(db)

    def printed(*argv: str) -> str:
        result = CliRunner().invoke(main, [*argv, "--url", url])
        assert result.exit_code == 0, result.output
        return result.output

    told = printed("generate", "lm", "--prompt", "the cat", "--temperature", "0")
    assert told == "sat on the mat\n"
    assert printed("generate", "lm", "--seed", "4") == printed("generate", "lm", "--seed", "4")
    assert "testing symbols: perplexity 1." in printed("metrics", "lm")
    with nr.connect(url) as db:
        translator(db)
    assert "testing samples right to the symbol: 0." in printed("metrics", "say")
