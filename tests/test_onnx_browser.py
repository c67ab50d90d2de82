"""A network as a file of ONNX answers in Chromium, by onnxruntime-web, as nr does."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from chromium import ROOT, chromium, needs_chromium, site
from test_onnx import KINDS, feed, row

import nr

RUNTIME = ROOT / ".venv" / "node-onnx" / "node_modules" / "onnxruntime-web" / "dist"
SCRIPT = """
const [given, done] = arguments;
(async () => {
  const ort = await import("/ort.wasm.min.mjs");
  ort.env.wasm.wasmPaths = "/";
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create("/model.onnx");
  const fed = {};
  for (const [name, { type, shape, values }] of Object.entries(given)) {
    const array = { string: Array, float32: Float32Array, float64: Float64Array }[type];
    fed[name] = new ort.Tensor(type, array.from(values, (x) => x ?? NaN), shape);
  }
  const { probabilities, label } = await session.run(fed);
  return { probabilities: [...probabilities.data], labels: [...label.data] };
})().then(done, (error) => done(`${error}`));
"""


def plain(array: np.ndarray) -> dict[str, object]:
    """As JSON has it, which knows no NaN."""
    kind = "string" if array.dtype == object else array.dtype.name
    values = [None if x != x else x for x in array.ravel().tolist()]
    return {"type": kind, "shape": array.shape, "values": values}


@pytest.mark.soak
@needs_chromium
def test_a_file_answers_in_a_browser(tmp_path: Path) -> None:
    if not RUNTIME.is_dir():
        reason = "onnxruntime-web is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    random = np.random.default_rng(5)
    rows = [row(random, 1) | {"kind": "abc"[i % 3]} for i in range(400)]
    with nr.connect("memory://") as db:
        net = db.create("net", "classifier", KINDS, target="kind", seed=1)
        net.observe_many(rows)
        net.train(maxcycles=30).wait()
        asked = [row(random, 3) for _ in range(200)]
        wanted, classes = net.run(asked), net.classify(asked)
        model = tmp_path / "model.onnx"
        model.write_bytes(net.to_onnx())
    fed = {name: plain(array) for name, array in feed(asked, KINDS).items()}
    files = site({"/model.onnx": model}, directory=RUNTIME)
    with files as url, chromium(tmp_path / "profile") as browser:
        browser.open(f"{url}/empty")
        found = browser.driver.execute_async_script(SCRIPT, json.loads(json.dumps(fed)))
    assert isinstance(found, dict), found
    probabilities = np.array(found["probabilities"]).reshape(len(asked), 3)
    assert np.allclose(probabilities, [[*each.values()] for each in wanted], atol=1e-5)
    assert found["labels"] == classes
