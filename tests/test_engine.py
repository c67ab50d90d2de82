"""The core's Python face: what stores that keep a network in parts build on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nr
from nr import engine
from nr.engine import Command, Net, Trainer, parse, specs, split


def command(line: str) -> Command:
    return parse(split(line.encode()))


def made(options: str = "REGRESSOR 2 3 -> 1 NORMALIZE DATASET 9 TEST 4") -> Net:
    return Net.create(command(f"NR.CREATE net {options} SEED 1"), 7, 0)


def observed(net: Net, samples: int) -> Net:
    for i in range(samples):
        net.execute(command(f"NR.OBSERVE net {i % 3} {i % 5} -> {i % 2}"))
    return net


def trained(net: Net) -> Net:
    trainer = Trainer(net, command("NR.TRAIN net MAXCYCLES 9 MAXTIME 0"))
    while trainer.step(0):
        pass
    return trainer.finish(0)


# ---- grammar ----


@pytest.mark.skipif(not shutil.which("localedef"), reason="no locale can be made here")
def test_a_locale_with_a_decimal_comma_changes_nothing(tmp_path: Path) -> None:
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"])
    if made.returncode:
        pytest.skip("no locale can be made here")
    code = (
        "import ctypes, locale, nr\n"
        "from nr.engine.binding import held\n"
        "locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')\n"
        "assert locale.localeconv()['decimal_point'] == ','\n"
        "net = nr.connect().create('net', 'classifier', [1, 2], l2=0.001, learnrate=1e-7)\n"
        "assert (net.configure()['l2'], net.configure()['learnrate']) == (0.001, 1e-7)\n"
        "net.observe([0.5], 1)\n"
        "try: net.observe([0.5], 0.5)\n"
        "except nr.CommandError as error: assert 'got 0.5, outputs' in str(error)\n"
        "text = ctypes.create_string_buffer(32)\n"
        "held.nr_format_double(ctypes.c_double(1.5e-300), text)\n"
        "assert text.value.startswith(b'1.5'), text.value\n"
        "print(net.sample('train', 0)[0])\n"
    )
    env = {**os.environ, "LOCPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[0.5]\n", "")


def test_the_tables_of_commands_and_options_are_whole() -> None:
    for spec in specs():
        assert spec.summary.endswith(".")
        assert (spec.scope == "nothing") == (not spec.syntax.startswith("key"))
        assert set(spec.words) >= {option.word for option in spec.options}
        for option in spec.options:
            assert option.summary.endswith(".")
            assert option.preset
            assert f"{option.word} {option.value}".strip() in spec.syntax


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a\tb \n", [b"a", b"b"]),
        (r'"a b" "\x00\xff\n\"\\"', [b"a b", b'\0\xff\n"\\']),
        (r"'a \' b' '\n'", [b"a ' b", b"\\n"]),
        ("''", [b""]),
        ("ü", ["ü".encode()]),
    ],
)
def test_lines_are_split_as_redis_cli_splits_them(line: str, words: list[bytes]) -> None:
    assert split(line.encode()) == words


@pytest.mark.parametrize("line", ['"', "'a", '"a"b', "'a'b", r'"\"'])
def test_unbalanced_quotes_are_refused(line: str) -> None:
    with pytest.raises(nr.CommandError, match="ERR unbalanced quotes"):
        split(line.encode())


@given(st.lists(st.binary(max_size=9)))
def test_quoted_words_come_back(words: list[bytes]) -> None:
    line = b" ".join(b'"' + b"".join(b"\\x%02x" % c for c in word) + b'"' for word in words)
    assert split(line) == words


def test_a_command_says_what_it_is() -> None:
    create = command("nr.create net classifier 2 -> 2")
    assert (create.spec.name, create.key, create.keys) == ("NR.CREATE", b"net", [b"net"])
    assert command("NR.DEL a b c").keys == [b"a", b"b", b"c"]
    assert command("NR.LIST").pattern is None
    assert command("NR.LIST a*").pattern == b"a*"
    train = command("NR.TRAIN net MAXCYCLES 5 MAXTIME 7")
    assert (train.maxcycles, train.maxtime) == (5, 7)
    restore = command("NR.RESTORE net abc REPLACE")
    assert (restore.blob, restore.replace) == (b"abc", True)
    assert (command("NR.GETDATA net TEST 8").dataset, command("NR.WAIT net 9").number) == (1, 9)
    assert not command("NR.CONFIGURE net").changes
    assert command("NR.CONFIGURE net L2 0").changes
    assert command("NR.RESET net").changes


# ---- parts ----


def parts(net: Net) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    return net.header(), net.weights(), net.history(), net.rows(0), net.rows(1)


@pytest.mark.parametrize("kind", ["REGRESSOR 2 3 -> 1 NORMALIZE", "CLASSIFIER 2 -> 2"])
def test_a_network_is_assembled_from_its_parts(kind: str) -> None:
    net = observed(made(kind), 12)
    for whole in (made(kind), net, trained(net)):
        again = Net.assemble(*parts(whole), findings=whole.findings())
        assert again.dump() == whole.dump()
        assert again.shape == whole.shape


@pytest.mark.parametrize("samples", [3, 9, 40])
def test_placing_decides_as_observing_does(samples: int) -> None:
    """A store that keeps rows by slot ends with the same datasets, header and generator."""
    whole, kept = made(), {0: {}, 1: {}}
    header = whole.header()
    for i in range(samples):
        line = command(f"NR.OBSERVE net {i} 1 -> {i}")
        part = Net.assemble(header)
        row = part.samples(line)
        slot, dataset = divmod(part.place(1, line.dataset).item(), 2)
        kept[dataset][slot] = row
        header = part.header()
        whole.execute(line)
    assert header == whole.header()
    assert [b"".join(kept[d][s] for s in sorted(kept[d])) for d in (0, 1)] == [
        whole.rows(0),
        whole.rows(1),
    ]


def test_many_are_placed_as_one_by_one() -> None:
    one, many = made(), made()
    assert many.place(30, 2).tolist() == [one.place(1, 2).item() for _ in range(30)]
    assert many.header() == one.header()


def test_a_network_without_its_samples_runs_and_informs_and_refuses_the_rest() -> None:
    whole = trained(observed(made(), 12))
    part = Net.assemble(whole.header(), whole.weights(), whole.history())
    for line in ("NR.RUN net 1 2", "NR.INFO net", "NR.HISTORY net", "NR.CONFIGURE net"):
        assert part.execute(command(line)) == whole.execute(command(line))
    for line in ("NR.OBSERVE net 1 2 -> 3", "NR.GETDATA net TRAIN 0", "NR.DUMP net"):
        with pytest.raises(nr.CommandError, match="ERR "):
            part.execute(command(line))


def test_a_sample_reads_as_getdata_replies() -> None:
    for kind in ("CLASSIFIER 2 -> 2", "REGRESSOR 2 -> 1"):
        net = observed(made(kind), 4)
        row = net.rows(0)[: 4 * net.shape.row]
        assert net.sample_reply(row) == net.execute(command("NR.GETDATA net TRAIN 0"))
        with pytest.raises(nr.CommandError, match=r"a sample of .* bytes where .* belong"):
            net.sample_reply(row[:-4])


def test_parts_of_another_size_are_refused() -> None:
    net = trained(observed(made(), 12))
    header, weights, history, train, test = parts(net)
    for wrong in (
        (header[:-1], weights, history, train, test),
        (header, weights[:-4], history, train, test),
        (header, weights, history[:-4], train, test),
        (header, weights, history, train[:-4], test),
        (header, weights, history, train, test + b"\0"),
    ):
        with pytest.raises(nr.CommandError, match="ERR invalid network"):
            Net.assemble(*wrong)


def test_the_header_is_a_map() -> None:
    header = msgpack.unpackb(made().header())
    assert (header["id"], header["layout"], header["train_maxlen"]) == (7, [2, 3, 1], 9)


# ---- copies ----


def test_a_clone_stays_as_it_was() -> None:
    net = observed(made(), 5)
    clone = net.clone()
    before = clone.dump()
    assert before == net.dump()
    observed(net, 30)
    net.execute(command("NR.RESET net"))
    assert clone.dump() == before


def test_a_trained_network_is_merged_into_the_same_one_only() -> None:
    net = observed(made(), 9)
    result = trained(net)
    observed(net, 3)
    lengths = net.shape.lengths
    assert net.merge(result)
    assert net.shape.lengths == lengths
    assert not net.merge(result)  # its revision is another one now
    fresh = observed(made(), 9)
    stale = trained(fresh)
    fresh.execute(command("NR.RESET net"))
    before = fresh.dump()
    assert not fresh.merge(stale)
    assert fresh.dump() == before


def test_loading_gives_the_id_that_is_asked_for() -> None:
    blob = made().dump()
    assert (Net.load(blob, 0).shape.id, Net.load(blob, 99).shape.id) == (7, 99)


def test_a_trainer_tells_its_progress_and_stops() -> None:
    net = observed(made(), 9)
    trainer = Trainer(net, command("NR.TRAIN net MAXTIME 0"))
    trainer.step(0)
    progress = trainer.progress()
    assert progress.cycles > 0
    assert progress.train_error > 0
    trainer.stop()
    while trainer.step(0):
        pass
    info = trainer.finish(0).execute(command("NR.INFO net"))
    assert isinstance(info, list)
    assert info[info.index("training-ended-by") + 1] == "stop"


def test_arrays_of_another_width_are_refused() -> None:
    net = made()
    for shape in ((2,), (1, 3), (1, 1, 2)):
        with pytest.raises(nr.CommandError, match="this network takes 2 inputs"):
            net.run(np.zeros(shape, np.float32))


def test_memory_counts_what_is_there() -> None:
    assert observed(made(), 9).memory > made().memory > 0


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_the_instruction_set_can_be_chosen(isa: str) -> None:
    best = engine.isa()
    try:
        engine.set_isa(isa)
        assert engine.isa() == isa
    except nr.EngineError:
        assert engine.isa() == best
        pytest.skip(f"this processor has no {isa}")
    finally:
        engine.set_isa(best)


def test_an_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(nr.EngineError, match="not available"):
        engine.set_isa("mmx")
