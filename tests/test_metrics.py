"""How good a network is: NR.METRICS and NR.IMPORTANCE against scikit-learn and by hand."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from sklearn import metrics as sk

import nr
from nr.cli import main


def blobs(n: int, classes: int, seed: int = 3) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Overlapping clouds; the third input means nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    x = rng.normal(0, 1, (n, 3))
    x[:, 0] += y
    x[:, 1] -= 2 * (y == 1)
    return x.astype(np.float32), y


def learned(
    classes: int, **options: object
) -> tuple[nr.Network, NDArray[np.float32], NDArray[np.intp]]:
    """A network trained without a second phase, so its metrics are those of what it answers."""
    x, y = blobs(600, classes)
    net = nr.connect().create("n", "classifier", [3, 8, classes], normalize=True, seed=1, **options)
    net.observe_many(x[:400], y[:400], to="train")
    net.observe_many(x[400:], y[400:], to="test")
    net.train(autostop=False, maxcycles=60).wait()
    return net, x[400:], y[400:]


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_are_scikit_learns(classes: int) -> None:
    net, x, y = learned(classes)
    found, said = net.metrics(), net.classify(x)
    p = net.run(x).astype(float)
    p /= p.sum(1, keepdims=True)
    assert found is not None
    assert found.samples == len(y)
    assert found.accuracy == pytest.approx(sk.accuracy_score(y, said))
    assert found.log_loss == pytest.approx(sk.log_loss(y, p), rel=1e-4)
    assert found.brier == pytest.approx(((p - np.eye(classes)[y]) ** 2).sum(1).mean(), rel=1e-4)
    assert np.array_equal(np.array(found.confusion_matrix), sk.confusion_matrix(y, said))
    want = sk.precision_recall_fscore_support(y, said)
    for got, reference in zip(
        (found.precision, found.recall, found.f1, found.support), want, strict=True
    ):
        np.testing.assert_allclose(np.array(got, float), reference, rtol=1e-6)
    if classes == 2:
        assert found.auc == pytest.approx(sk.roc_auc_score(y, p[:, 1]), abs=1e-6)
    else:
        assert found.auc is None
    sure, right = p.max(1), said == y
    bins = np.minimum((sure * 10).astype(int), 9)
    off = [abs((right[bins == b]).sum() - sure[bins == b].sum()) for b in range(10)]
    assert found.calibration_error == pytest.approx(sum(off) / len(y), abs=1e-5)
    assert net.info().class_errors == pytest.approx(100 * (1 - found.accuracy))


def test_a_regressors_metrics_are_in_the_units_of_its_outputs() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (300, 2)).astype(np.float32)
    y = np.c_[1000 * x[:, 0], x[:, 1] - 7] + rng.normal(0, 0.1, (300, 2))
    net = nr.connect().create("n", "regressor", [2, 4, 2], normalize=True, seed=1)
    net.observe_many(x[:200], y[:200], to="train")
    net.observe_many(x[200:], y[200:], to="test")
    assert net.metrics() is None
    net.train(autostop=False, maxcycles=200).wait()
    found, said = net.metrics(), net.run(x[200:])
    assert found is not None
    assert found.accuracy is None
    shown = np.float32(y[200:])
    np.testing.assert_allclose(
        np.array(found.rmse, float), np.sqrt(((said - shown) ** 2).mean(0)), rtol=1e-4
    )
    np.testing.assert_allclose(np.array(found.mae, float), np.abs(said - shown).mean(0), rtol=1e-4)
    reference = sk.r2_score(shown, said, multioutput="raw_values")
    np.testing.assert_allclose(np.array(found.r2, float), reference, rtol=1e-4)


def test_importance_tells_what_matters() -> None:
    net, _, _ = learned(2)
    importance = net.importance()
    assert importance is not None
    assert importance.argmax() == 1
    assert abs(importance[2]) < 0.1 * importance[1]


@pytest.mark.parametrize("members", [1, 8])
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_importance_is_what_the_loss_grows_by(kind: str, members: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (450, 5)).astype(np.float32)
    values = (np.c_[x @ [3, 1, 0, -1, 0.5], x[:, 1] * x[:, 2]]).astype(np.float32)
    y = (values[:, 0] > values[:, 1]).astype(int) if kind == "classifier" else values
    net = nr.connect().create(
        "n", kind, [5, 7, 6, 2], normalize=True, seed=1, members=members, test=150
    )
    net.observe_many(x[:300], y[:300], to="train")
    net.observe_many(x[300:], y[300:], to="test")
    net.train(maxcycles=60, autostop=False).wait()

    def loss(inputs: NDArray[np.float32]) -> float:
        said = np.array(net.run(inputs), float)
        if kind == "classifier":
            return float(-np.log(said[np.arange(150), y[300:]]).mean())
        return float((((said - y[300:]) / values[:300].std(0)) ** 2).sum(1).mean() / 2)

    grown = []
    for i in range(5):
        shuffled = x[300:].copy()
        shuffled[:, i] = np.roll(shuffled[:, i], -50)
        grown.append(loss(shuffled) - loss(x[300:]))
    importance = net.importance()
    assert importance is not None
    np.testing.assert_allclose(importance, grown, rtol=1e-3, atol=1e-5)


def test_balanced_class_weights_find_the_rare_class() -> None:
    x, y = blobs(3000, 2)
    keep = (y == 0) | (np.arange(3000) % 20 == 0)
    recall = {}
    for weights in ("none", "balanced"):
        net = nr.connect().create(
            "n", "classifier", [3, 4, 2], normalize=True, seed=1, classweights=weights
        )
        net.observe_many(x[keep], y[keep])
        net.train().wait()
        found = net.metrics()
        assert found is not None
        assert found.recall is not None
        recall[weights] = found.recall[1]
    assert recall["balanced"] > recall["none"] + 0.1


def test_members_answer_with_their_mean() -> None:
    """Each member's weights lie behind the factors; alone they make networks of one member."""
    net, x, _ = learned(2, members=3)
    three = nr.engine.Net.load(net.dump(), 0)
    weights = np.frombuffer(three.weights(), np.float32)
    factors, size = 2 * (3 + 2), net.info().parameters
    header = three.header().replace(b"\xa7members\x03", b"\xa7members\x01")
    outputs = []
    for m in range(3):
        own = weights[factors + m * size : factors + (m + 1) * size]
        one = nr.engine.Net.assemble(header, np.r_[weights[:factors], own].tobytes())
        outputs.append(one.run(x))
    np.testing.assert_allclose(net.run(x), np.mean(outputs, axis=0), atol=1e-6)


def test_a_second_phase_learns_from_all_samples_and_tells_the_first_ones_errors() -> None:
    x, y = blobs(600, 2)
    net = nr.connect().create("n", "classifier", [3, 8, 2], normalize=True, seed=1)
    net.observe_many(x, y)
    net.train(autostop=True, backtrack=True).wait()
    info, history = net.info(), net.history()
    assert info.cycles > history[-1, 0], "the second phase's cycles come on top"
    metrics = net.metrics()
    assert metrics is not None
    assert metrics.samples == info.test_len
    test = np.array([net.sample("test", i)[0] for i in range(info.test_len)])
    truth = np.array([net.sample("test", i)[1].argmax() for i in range(info.test_len)])
    now = (net.classify(test) != truth).mean()
    assert now <= 1 - metrics.accuracy + 1e-6, "it has seen them by now"


def test_probabilities_are_calibrated() -> None:
    """Labels that are wrong at random by a fifth: nobody can be surer than 0.8."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (1500, 2)).astype(np.float32)
    y = (x[:, 0] > 0) ^ (rng.random(1500) < 0.2)
    net = nr.connect().create("n", "classifier", [2, 10, 2], normalize=True, seed=2)
    net.observe_many(x, y)
    net.train().wait()
    clear = np.float32([[2, 0], [-2, 0]])
    assert net.run(clear).max(1) == pytest.approx([0.8, 0.8], abs=0.1)


def test_a_few_lucky_testing_samples_do_not_make_a_table_sure_of_itself(db: nr.Database) -> None:
    fields = {"age": "number"}
    net = db.create("net", "classifier", fields, target="joined", dataset=200, test=20, seed=1)
    for i in range(200):
        other = i % 7 == 0
        net.observe(
            {"age": i % 20, "joined": "no" if (i % 20 >= 10) != other else "yes"}, to="train"
        )
    for i in range(20):
        net.observe({"age": i, "joined": "no" if i >= 10 else "yes"}, to="test")
    net.train(timeout=0, maxcycles=300, autostop=True, backtrack=True).wait()
    assert net.run({"age": 3})["yes"] == pytest.approx(6 / 7, abs=0.08)
    assert net.run({"age": 16})["no"] == pytest.approx(6 / 7, abs=0.08)


def test_the_command_prints_tables_and_bars(tmp_path: Path) -> None:
    lines = ["NR.CREATE net CLASSIFIER 2 4 -> 2 NORMALIZE SEED 4", "NR.CREATE new REGRESSOR 1 -> 1"]
    lines += [f"NR.OBSERVE net {i % 7} {i} -> {int(i > 30)}" for i in range(60)]
    lines += ["NR.TRAIN net AUTOSTOP BACKTRACK", "NR.WAIT net 0", "metrics net", "metrics new"]
    script = tmp_path / "script.nr"
    script.write_text("\n".join(lines))
    done = CliRunner().invoke(main, [str(script)])
    assert done.exit_code == 0, done.output
    assert "On 20 testing samples: accuracy" in done.output
    assert "precision" in done.output
    assert "taken for" in done.output
    assert "####" in done.output
    assert "new was not trained yet" in done.output


def test_a_network_plots_itself() -> None:
    net, _, _ = learned(2)
    assert len(net.plot().axes) >= 1
