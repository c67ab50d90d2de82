"""Writes tests/data/onnx: networks of scikit-learn and PyTorch, as their users export them.

    pip install scikit-learn skl2onnx torch onnxscript && python tests/golden_onnx.py

Made once, with scikit-learn 1.9.1, skl2onnx and torch 2.13.0, which the tests do not need.
"""

from pathlib import Path

import numpy as np

TO = Path(__file__).parent / "data" / "onnx"
X = np.random.default_rng(1).normal(3, 2, size=(300, 4)).astype(np.float32)
SUM = X @ [1, -1, 2, 0.5]
CLASS = (X[:, 0] * X[:, 1] > 9).astype(int) + (X[:, 2] > 3)


def of_scikit_learn() -> None:
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    same = {"max_iter": 60, "random_state": 1}
    for name, model, y in (
        (
            "sklearn_regressor",
            MLPRegressor(hidden_layer_sizes=(6, 5), activation="tanh", **same),
            SUM,
        ),
        ("sklearn_binary", MLPClassifier((5,), **same), (CLASS > 0).astype(int)),
        ("sklearn_classes", MLPClassifier((5,), activation="logistic", **same), CLASS),
    ):
        model = make_pipeline(StandardScaler(), model)
        model.fit(X, y)
        options = {} if name == "sklearn_regressor" else {"zipmap": name == "sklearn_binary"}
        given = {"options": {id(model): options}} if options else {}
        (TO / f"{name}.onnx").write_bytes(to_onnx(model, X[:1], **given).SerializeToString())


def of_pytorch() -> None:
    import torch
    from torch import nn

    torch.manual_seed(1)
    for name, model, dynamo in (
        ("torch_softmax", [nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Softmax(1)], True),
        ("torch_sigmoid", [nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1), nn.Sigmoid()], True),
        ("torch_leaky", [nn.Linear(4, 6), nn.LeakyReLU(), nn.Linear(6, 2, bias=False)], True),
        ("torch_script", [nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 3)], False),
    ):
        torch.onnx.export(
            nn.Sequential(*model).eval(),
            (torch.from_numpy(X[:2]),),
            str(TO / f"{name}.onnx"),
            dynamo=dynamo,
            external_data=False,
            dynamic_shapes=({0: torch.export.Dim("n")},) if dynamo else None,
            dynamic_axes=None if dynamo else {"x": {0: "n"}},
            input_names=["x"],
        )


def without_paths() -> None:
    """Takes out what PyTorch tells of the machine that it ran on."""
    import onnx

    for path in TO.glob("*.onnx"):
        model = onnx.load(path)
        for node in model.graph.node:
            del node.metadata_props[:]
        onnx.save(model, path)


if __name__ == "__main__":
    TO.mkdir(exist_ok=True)
    of_scikit_learn()
    of_pytorch()
    without_paths()
