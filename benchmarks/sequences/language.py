"""Language models beside PyTorch's, and beside an n-gram model, on two texts.

``python -m benchmarks.sequences bible`` and ``... ptb FOLDER`` train the configurations of Zaremba,
Sutskever and Vinyals (2014) and the library's own defaults at the same size; ``--share`` takes the
first lines of each set alone, and ``--epochs`` fewer epochs. Perplexities are those of the test
set read as one stream; published configurations learn all their epochs and look at nothing else,
the defaults keep the epoch that was best on the validation set. Processor time, one thread each;
an epoch's of both in turn, of which the median counts.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import nr
from benchmarks.quality.claims import Claim
from benchmarks.quality.tables import markdown
from benchmarks.sequences.part import Part
from benchmarks.sequences.texts import SYMBOLS, Lines, Texts, bible, treebank

WITHIN, MOST_TIME, DEFAULTS_TIME, BETTER = 1.01, 0.70, 0.5, 0.95
ORDER, DISCOUNT = 5, 0.75  # of the n-gram model
ROUNDS, TURN = 5, 0.03  # of epochs on such a share, timed in turn
STEPS, MOST_STEP = 200, 0.7  # of single words


@dataclass(frozen=True)
class Size:
    """A published configuration; rate 1.0, times ``decay`` each epoch behind ``after``."""

    units: int
    unroll: int
    epochs: int
    after: int
    decay: float
    clip: float
    init: float
    dropout: float = 0


SIZES = {
    "small": Size(200, 20, 13, 4, 0.5, 5, 0.1),
    "medium": Size(650, 35, 39, 6, 1 / 1.2, 5, 0.05, 0.5),
    "large": Size(1500, 35, 55, 14, 1 / 1.15, 10, 0.04, 0.65),
}
BATCH = 20


# ---- nr ----


def generator(db: nr.Database, name: str, texts: Texts, size: Size, **options: Any) -> nr.Network:
    """With the text's training lines; the others are for whoever asks."""
    net = db.create(
        name,
        "generator",
        {"text": "sequence(word)"},
        target="text",
        hidden=[size.units, size.units],
        dataset=len(texts.train),
        test=max(len(texts.valid), len(texts.test)),
        vocabulary=SYMBOLS,
        seed=1,
        **options,
    )
    observe(net, texts.train, "train")
    return net


def observe(net: nr.Network, lines: Lines, to: Any) -> None:
    net.observe_many([{"text": " ".join(line)} for line in lines], to=to)


def published(db: nr.Database, name: str, texts: Texts, size: Size) -> nr.Network:
    return generator(
        db,
        name,
        texts,
        size,
        optimizer="sgd",
        learnrate=1,
        decay=size.decay,
        after=size.after,
        clip=size.clip,
        unroll=size.unroll,
        batch=BATCH,
        dropout=size.dropout,
        init=size.init,
        tied=False,
    )


def trained(net: nr.Network, **options: Any) -> float:
    """Processor seconds."""
    began = process_time()
    net.train(timeout=0, **options).wait()
    return process_time() - began


def perplexity(net: nr.Network, lines: Lines) -> float:
    """Of lines read as one stream, each with its end."""
    words = [word for line in lines for word in [*line, "<eos>"]]
    logs, symbols = 0.0, 0
    for first in range(0, len(words), 60_000):  # a text has at most 65,536 symbols
        score = net.score(" ".join(words[first : first + 60_000]))
        logs, symbols = logs + score.log_probability, symbols + score.symbols
    return exp(-logs / symbols)


# ---- PyTorch ----


class Torch:
    """The published configuration, as PyTorch's users write it."""

    def __init__(self, texts: Texts, size: Size) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(1)
        self.torch, self.size = torch, size
        self.train, self.valid, self.test = (self.columns(ids) for ids in texts.numbered())
        units, symbols = size.units, texts.symbols
        self.embed = torch.nn.Embedding(symbols, units)
        self.cells = torch.nn.LSTM(units, units, 2, dropout=size.dropout)
        self.head = torch.nn.Linear(units, symbols)
        self.drop = torch.nn.Dropout(size.dropout)
        self.modules = torch.nn.ModuleList([self.embed, self.cells, self.head, self.drop])
        for weights in self.modules.parameters():
            torch.nn.init.uniform_(weights, -size.init, size.init)
        self.sgd = torch.optim.SGD(self.modules.parameters(), 1.0)

    def columns(self, ids: list[int]) -> Any:
        """Parts that are read side by side, [step][part]."""
        each = len(ids) // BATCH
        return self.torch.tensor(ids[: each * BATCH]).view(BATCH, each).t().contiguous()

    def losses(self, ids: Any) -> Any:
        """Of each chunk in turn the sum of its losses and how many they are."""
        torch, state = self.torch, None
        for first in range(0, len(ids) - 1, self.size.unroll):
            last = min(first + self.size.unroll, len(ids) - 1)
            hidden, state = self.cells(self.drop(self.embed(ids[first:last])), state)
            state = tuple(part.detach() for part in state)
            told = self.head(self.drop(hidden)).flatten(0, 1)
            targets = ids[first + 1 : last + 1].flatten()
            yield torch.nn.functional.cross_entropy(told, targets, reduction="sum"), len(targets)

    def learn(self, epoch: int) -> float:
        """Processor seconds of an epoch, counted from 1."""
        began = process_time()
        self.modules.train()
        rate = self.size.decay ** max(0, epoch - self.size.after)
        for group in self.sgd.param_groups:
            group["lr"] = rate
        for loss, _ in self.losses(self.train):
            self.sgd.zero_grad()
            (loss / BATCH).backward()
            self.torch.nn.utils.clip_grad_norm_(self.modules.parameters(), self.size.clip)
            self.sgd.step()
        return process_time() - began

    def perplexity(self, ids: Any) -> float:
        self.modules.eval()
        with self.torch.inference_mode():
            told = [(float(loss), n) for loss, n in self.losses(ids)]
        return exp(sum(loss for loss, _ in told) / sum(n for _, n in told))


# ---- The n-gram model ----


def kneser_ney(train: list[int], test: list[int], symbols: int) -> float:
    """Perplexity of interpolated Kneser-Ney with one discount (Kneser and Ney, 1995)."""
    counts: dict[int, Counter[Any]] = {
        ORDER: Counter(zip(*[train[i:] for i in range(ORDER)], strict=False))
    }
    for n in range(ORDER - 1, 0, -1):
        counts[n] = Counter(gram[1:] for gram in counts[n + 1])
    totals: dict[int, Counter[Any]] = {n: Counter() for n in counts}
    kinds: dict[int, Counter[Any]] = {n: Counter() for n in counts}
    for n, grams in counts.items():
        for gram, count in grams.items():
            totals[n][gram[:-1]] += count
            kinds[n][gram[:-1]] += 1
    logs = 0.0
    for i in range(ORDER - 1, len(test)):
        p = 1 / symbols
        for n in range(1, ORDER + 1):
            before = tuple(test[i - n + 1 : i])
            if not (total := totals[n][before]):
                break
            own = max(counts[n][(*before, test[i])] - DISCOUNT, 0)
            p = own / total + DISCOUNT * kinds[n][before] / total * p
        logs -= log(p)
    return exp(logs / (len(test) - ORDER + 1))


# ---- One step ----


def onnx_step(texts: Texts, size: Size) -> Callable[[], object]:
    """The next word's probabilities from one word and a state, by onnxruntime."""
    import io

    import onnxruntime

    model = Torch(texts, size)
    torch = model.torch

    class Step(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.cells, self.head = model.embed, model.cells, model.head

        def forward(self, word: Any, h: Any, c: Any) -> Any:
            hidden, (h, c) = self.cells(self.embed(word), (h, c))
            return torch.softmax(self.head(hidden), 2), h, c

    state = torch.zeros(2, 1, size.units)
    given = (torch.tensor([[1]]), state, state.clone())
    blob = io.BytesIO()
    names = ["word", "h", "c"]
    torch.onnx.export(Step().eval(), given, blob, dynamo=False, input_names=names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        blob.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    row = {name: array.numpy() for name, array in zip(names, given, strict=True)}
    return lambda: session.run(None, row)


def steps(db: nr.Database, texts: Texts, size: Size) -> dict[str, float]:
    """Microseconds of the processor."""
    words = vocabulary(texts)
    few = Texts(texts.name, [words, words], [], [])
    net = published(db, "step", few, size)
    trained(net, maxcycles=1, autostop=False)
    word = {"text": "the"}
    turns = {"nr": lambda: net.run(word), "onnxruntime": onnx_step(few, size)}
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            began = process_time()
            for _ in range(STEPS):
                turn()
            found[name].append((process_time() - began) / STEPS * 1e6)
    return {name: median(some) for name, some in found.items()}


# ---- Both ----


def timed(db: nr.Database, texts: Texts, size: Size) -> tuple[float, float]:
    """Processor seconds of an epoch of nr's and of PyTorch's, on a share of the text.

    One epoch of nr's is the difference of two and one, since a training begins with making what
    it works on.
    """
    few = Texts(texts.name, texts.train[: max(1, round(TURN * len(texts.train)))], [], [])
    few = Texts(few.name, [*few.train, vocabulary(texts)], [], [])
    net, torch = published(db, "timed", few, size), Torch(few, size)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        seconds = []
        for epochs in (1, 2):
            net.reset()
            seconds.append(trained(net, maxcycles=epochs, autostop=False))
        ours.append(seconds[1] - seconds[0])
        theirs.append(torch.learn(1))
    return median(ours), median(theirs)


def vocabulary(texts: Texts) -> list[str]:
    """Each symbol of a text, as a line more: a share of it has all of them then."""
    return sorted({word for line in texts.train for word in line} | {"<unk>"})


def measure(
    texts: Texts | None = None,
    size: Size = SIZES["small"],
    epochs: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Part:
    texts = texts or bible()
    epochs = epochs or size.epochs
    train, _, test = texts.numbered()
    ngrams = kneser_ney(train, test, texts.symbols)
    say(f"Kneser-Ney {ngrams:.1f}")
    with nr.connect() as db:
        epoch = dict(zip(("nr", "PyTorch"), timed(db, texts, size), strict=True))
        say(f"an epoch: {epoch}")
        step = steps(db, texts, size)
        say(f"one step: {step}")
        net = published(db, "published", texts, size)
        seconds = trained(net, maxcycles=epochs, autostop=False)
        told = perplexity(net, texts.test)
        say(f"nr, as published: {told:.1f}, {seconds:.0f} s")
        own = generator(db, "own", texts, size)
        observe(own, texts.valid, "test")
        own_seconds = trained(own)
        own_told = perplexity(own, texts.test)
        say(f"nr, own defaults: {own_told:.1f}, {own_seconds:.0f} s")
    torch = Torch(texts, size)
    torch_seconds = 0.0
    for i in range(epochs):
        torch_seconds += torch.learn(i + 1)
    torch_told = torch.perplexity(torch.test)
    say(f"PyTorch: {torch_told:.1f}, {torch_seconds:.0f} s")
    ratio = epoch["nr"] / epoch["PyTorch"]
    whole = own_seconds / torch_seconds
    claims = [
        Claim(
            "As published: perplexity at most 1% above PyTorch's",
            told <= WITHIN * torch_told,
            f"{told:.1f} and {torch_told:.1f}",
        ),
        Claim(
            f"An epoch in at most {MOST_TIME:.2f} of PyTorch's processor time",
            ratio <= MOST_TIME,
            f"{ratio:.2f}",
        ),
        Claim(
            "Its own defaults: at least 5% better than as published",
            own_told <= BETTER * torch_told,
            f"{own_told:.1f}",
        ),
        Claim(
            f"... in at most half of PyTorch's processor time to its {epochs} epochs",
            whole <= DEFAULTS_TIME,
            f"{whole:.2f}",
        ),
        Claim(
            f"One step in at most {MOST_STEP} of onnxruntime's time",
            step["nr"] <= MOST_STEP * step["onnxruntime"],
            ", ".join(f"{name} {us:.0f} µs" for name, us in step.items()),
        ),
    ]
    rows = [
        ["nr, own defaults", f"{own_told:.1f}", f"{own_seconds:.0f} s"],
        [f"nr, as published, {epochs} epochs", f"{told:.1f}", f"{seconds:.0f} s"],
        [f"PyTorch, as published, {epochs} epochs", f"{torch_told:.1f}", f"{torch_seconds:.0f} s"],
        [f"Kneser-Ney, {ORDER} words", f"{ngrams:.1f}", ""],
    ]
    about = (
        f"{texts.name}: {len(train)} words to learn from, {texts.symbols} different ones; "
        f"2 layers of {size.units} units."
    )
    table = markdown(["test set", "perplexity", "processor time"], rows)
    return Part(f"Language models: {texts.name}", claims, f"{about}\n\n{table}")


def chosen(words: tuple[str, ...], share: float) -> tuple[Texts, Size]:
    """Of the command's words: bible, or ptb FOLDER, and perhaps a size."""
    kind, *rest = words
    texts = treebank(Path(rest.pop(0))) if kind == "ptb" and rest else bible()
    return texts.part(share), SIZES[rest[0] if rest else "small"]
