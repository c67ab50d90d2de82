/** What runs in a Web Worker, or in one of node's worker_threads: trainings, one after the other. A
 * worker has a memory of its own, so networks come and go as dumps. */
import { Core } from "./core.js";
import { carryOut } from "./training.js";

const port = globalThis.process?.versions?.node
  ? (await import("node:worker_threads")).parentPort
  : globalThis;
let core;
let control;

async function train({ module, dump, argv }) {
  core ??= new Core(module);
  control = { stopped: false, told: (progress) => port.postMessage({ progress }) };
  const net = core.load(dump, 0n);
  try {
    const trained = await carryOut(core, net, argv, control);
    const blob = core.dumpBare(trained);
    core.x.nr_net_free(trained);
    port.postMessage({ trained: blob }, [blob.buffer]);
  } finally {
    core.x.nr_net_free(net);
  }
}

function take(message) {
  if (message.stop) control.stopped = true;
  else train(message).catch((error) => port.postMessage({ failed: error.message }));
}

if (port.on) port.on("message", take);
else port.onmessage = (event) => take(event.data);
port.postMessage({ ready: true });
