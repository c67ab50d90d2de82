"""watch, plot and help: words of the `nr` command's own."""

import re
import sys
from pathlib import Path

import pytest
from cli_calls import run

import nr
from nr import engine
from nr.cli.metrics import metrics
from nr.cli.watch import watch
from nr.engine import Progress


def test_watch_tells_how_a_training_goes_and_ends(script: Path) -> None:
    text = script.read_text().replace("NR.WAIT net 0", "watch net").replace("20", "1000")
    script.write_text(text)
    result = run(script)
    assert result.exit_code == 0
    assert re.search(
        r"^Trained for 1000 cycles and \S+ seconds in all, ended by cycles: "
        r"training error \d+\.\d+, testing error \d+\.\d+\.$",
        result.output,
        re.MULTILINE,
    )


def begun(net: nr.Network) -> nr.Training:
    """An endless training that has ended its first cycle."""
    training = net.train(timeout=0)
    while not (progress := training.progress()) or not progress.cycles:
        pass
    return training


def test_watch_follows_a_running_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [2, 3, 2], seed=1)
        for to in ("train", "test"):
            net.observe([0, 1], 1, to=to)
        training = begun(net)
        # Between two looks the training is stopped.
        monkeypatch.setattr(
            "nr.cli.watch.time.sleep", lambda _: training.stop() and training.wait()
        )
        watch(db, b"net")
    first, last = capsys.readouterr().out.splitlines()
    errors = r"training error \d+\.\d{6}, testing error \d+\.\d{6}, "
    assert re.match(rf"Cycle \d+: {errors}\d+\.\d\d% of the testing samples misclassified$", first)
    assert re.match(r"Trained for \d+ cycles and \S+ seconds in all, ended by stop: ", last)


def test_watch_shows_no_errors_before_the_first_cycle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = iter([Progress(), Progress(), Progress(3, 0.25, 0.5, 50.0), None])
    monkeypatch.setattr("nr.cli.watch._progress", lambda db, info: next(seen))
    monkeypatch.setattr("nr.cli.watch.time.sleep", lambda _: None)
    with nr.connect("memory://") as db:
        db.create("net", "regressor", [1, 1])
        watch(db, b"net")
    first, last = capsys.readouterr().out.splitlines()
    assert first == "Cycle 3: training error 0.250000"
    assert last == "It is not trained yet."


def test_watch_in_a_terminal_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", [2, 3, 2], seed=1)
        net.observe([0, 1], 1, to="train")
        net.observe([0, 1], 1, to="test")
        training = begun(net)
        monkeypatch.setattr(
            "nr.cli.watch.time.sleep", lambda _: training.stop() and training.wait()
        )
        watch(db, b"net")
    _, first, *_ = capsys.readouterr().out.split("\x1b[2K")
    assert first.startswith("Cycle ")
    assert len(first.rstrip("\r")) == 39


def test_watch_without_a_training(script: Path) -> None:
    result = run(script, "-e", "watch net", "-e", "NR.RESET net", "-e", "watch net")
    assert "No training of net runs.\nTrained for 20 cycles" in result.output
    assert result.output.endswith("No training of net runs.\nIt is not trained yet.\n")


def test_watch_of_an_unknown_network() -> None:
    result = run("watch", "nothing")
    assert result.exit_code == 1
    assert result.stderr == "Error: ERR no such key\n"


@pytest.mark.parametrize(
    "layout", ["REGRESSOR 2 3 -> 1", "CLASSIFIER 2 3 -> 2", "CLASSIFIER 3 -> 2"]
)
def test_plot_draws_any_network(layout: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sample = "0 1 ->" if layout.split()[1] == "2" else "0 1 2 ->"
    picture = tmp_path / "net.png"
    plot = f"plot net '{picture}'"
    result = run("-e", f"NR.CREATE net {layout} SEED 1", "-e", plot)
    assert result.exit_code == 0, result.output
    untrained = picture.read_bytes()
    assert untrained.startswith(b"\x89PNG")
    commands = [f"NR.OBSERVE net {sample} 1 TRAIN", f"NR.OBSERVE net {sample} 0 TEST"]
    commands += ["NR.TRAIN net MAXCYCLES 30", "NR.WAIT net 0", plot]
    words = [word for command in commands for word in ("-e", command)]
    assert run("-e", f"NR.CREATE net {layout} SEED 1", *words).exit_code == 0
    assert picture.read_bytes() != untrained


def test_maps_name_their_inputs_from_0_and_their_classes() -> None:
    pytest.importorskip("matplotlib")
    with nr.connect("memory://") as db:
        three, many, number = (
            db.create("c", "classifier", [2, 3, 3], seed=1).plot().axes,
            db.create("m", "classifier", [2, 3, 12], seed=1).plot().axes,
            db.create("r", "regressor", [2, 3, 1], seed=1).plot().axes,
        )
    assert (three[1].get_xlabel(), three[1].get_ylabel()) == ("input 0", "input 1")
    legend = three[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["class 0", "class 1", "class 2"]
    assert many[2].get_ylabel() == "class"
    assert number[2].get_ylabel() == "output 0"


def sided(db: nr.Database) -> nr.Network:
    """A network with fields that tells sides apart by two numbers."""
    kinds = {"wide": "number", "high": "number"}
    net = db.create("sides", "classifier", kinds, target="side", seed=1)
    for i in range(100):
        side = "left" if i % 10 < i // 10 else "right"
        net.observe({"wide": i % 10, "high": i // 10, "side": side})
    net.observe({"wide": 3, "side": "left"})  # a gap has no place on a map
    return net


def test_maps_of_networks_with_fields_name_fields_and_classes() -> None:
    pytest.importorskip("matplotlib")
    with nr.connect("memory://") as db:
        net = sided(db)
        assert len(net.plot().axes) == 1  # it answers nothing before its first training
        net.train(maxcycles=20).wait()
        net.observe({"wide": 1, "high": 1, "side": "a class that came afterwards"}, to="train")
        drawn = net.plot().axes[1]
        others = db.create("o", "regressor", {"a": "number", "b": "category"}, target="c")
        others.observe_many([{"a": i, "b": "x", "c": i} for i in range(30)])
        others.train(maxcycles=5).wait()
        bars = others.plot().axes[1]
    assert sorted(label.get_text() for label in bars.get_yticklabels()) == ["a", "b"]
    assert len(bars.patches) == 2
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("wide", "high")
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["left", "right"]


def test_metrics_of_networks_with_fields_name_fields_and_classes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with nr.connect("memory://") as db:
        net = sided(db)
        net.train(maxcycles=50).wait()
        metrics(db, b"sides")
    printed = capsys.readouterr().out
    assert re.search(r"^taken for +left +right$", printed, re.MULTILINE)
    assert re.search(r"^ +right +\d", printed, re.MULTILINE)
    assert sorted(re.findall(r"^ *(wide|high) +\d\.\d{4}  #+$", printed, re.M)) == ["high", "wide"]


def test_notebooks_name_the_fields() -> None:
    with nr.connect("memory://") as db:
        net = sided(db)
        assert "<td>wide:number high:number -&gt; side:category</td>" in net._repr_html_()
        assert "<td>wide high -&gt; side</td>" in db._repr_html_()
        net.observe({"side": "<b>"}, to="train")
        net.train(maxcycles=5).wait()
        shown = net.metrics()._repr_html_()
        assert "<th>taken for</th><th>&lt;b&gt;</th><th>left</th><th>right</th>" in shown
        assert "<td>accuracy</td>" in shown
        numbers = db.create("n", "regressor", {"a": "number"}, target="c", seed=1)
        numbers.observe_many([{"a": i, "c": i} for i in range(9)])
        numbers.train(maxcycles=5).wait()
        assert "<th></th><th>c</th>" in numbers.metrics()._repr_html_()


@pytest.mark.parametrize("kind", ["CLASSIFIER 2 3 -> 2", "REGRESSOR 2 3 -> 1"])
def test_a_map_in_a_vector_format_is_small(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "net.svg"
    assert run("-e", f"NR.CREATE net {kind}", "-e", f"plot net {picture}").exit_code == 0
    assert picture.stat().st_size < 300_000


def test_plot_says_what_is_wrong(script: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert run("plot", "nothing", "--out", "x.png").stderr == "Error: ERR no such key\n"
    result = run(script, "-e", f"plot net {tmp_path}/no/net.png")
    assert result.exit_code == 1
    assert "The plot cannot be written" in result.stderr
    result = run(script, "-e", f"plot net {tmp_path}/net.nonsense")
    assert "The plot cannot be written" in result.stderr
    assert "Missing option '--out'" in run("plot", "net").stderr


def test_plot_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install 'nr[plot]'" in run("plot", "net", "--out", "x.png").stderr


def test_help_lists_all_and_explains_one() -> None:
    text = run("-e", "help").output
    for spec in engine.specs():
        assert spec.name in text
    assert "watch KEY" in text
    assert run("-e", "help train").output.startswith("NR.TRAIN key [MAXCYCLES n]")
    assert run("-e", "help watch").output.startswith("watch KEY\n")
    assert "There is no command 'NR.FLY'" in run("-e", "help NR.FLY").stderr


@pytest.mark.parametrize("line", ["watch", "plot net", "watch a b"])
def test_own_words_say_how_they_are_used(line: str) -> None:
    result = run("-e", line)
    assert result.exit_code == 1
    assert f"Usage: {line.split()[0]} KEY" in result.stderr
