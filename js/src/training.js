/** One training, stepped to its end: in a worker, or in slices between which a page goes on. */

/** Resolves when whatever else waits for this thread has had its turn. */
const pause = globalThis.setImmediate
  ? () => new Promise((resolve) => setImmediate(resolve))
  : () => new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => (channel.port1.close(), resolve());
    channel.port2.postMessage(null);
  });

/** Trains a copy of `net` as the words of an NR.TRAIN say; the trained network, a handle of `core`'s.
 *
 * `control.stopped` is looked at between steps, and `control.told` hears how far it is. */
export async function carryOut(core, net, argv, control) {
  const start = performance.now();
  const elapsed = () => BigInt(Math.floor(performance.now() - start));
  const trainer = created(core, net, argv);
  try {
    let more = 1;
    while (more) {
      if (control.stopped) core.x.nr_trainer_stop(trainer);
      more = core.x.nr_trainer_step(trainer, elapsed());
      control.told(progressOf(core, trainer));
      if (more) await pause();
    }
    return core.make("nr_trainer_finish", trainer, elapsed());
  } finally {
    core.x.nr_trainer_free(trainer);
  }
}

function created(core, net, argv) {
  const command = core.parse(argv);
  try {
    return core.make("nr_trainer_create", net, command.at);
  } finally {
    command.free();
  }
}

/** How far a training is: cycles, mean losses a sample, wrong classes in per cent. */
function progressOf(core, trainer) {
  const at = core.alloc(32);
  try {
    core.x.nr_trainer_progress(trainer, at);
    const real = (offset) => core.view.getFloat64(at + offset, true);
    const cycles = Number(core.view.getBigUint64(at, true));
    return { cycles, trainError: real(8), testError: real(16), classErrors: real(24) };
  } finally {
    core.free(at);
  }
}
