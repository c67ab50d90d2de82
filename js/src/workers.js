/** Who trains: workers with memories of their own, or where there are none this thread, in slices.
 *
 * Each has `train(net, argv, control)`, which resolves to the trained network, a handle of `core`'s. */
import { NrError } from "./errors.js";
import { carryOut } from "./training.js";

/** Workers where this engine has any and `wanted` is not false, else slices. */
export async function trainerFor(core, module, wanted) {
  const start = wanted === false ? null : await starter();
  return start ? new Workers(core, module, start) : new Slices(core);
}

/** What starts a worker; null where there are none. */
async function starter() {
  const inNode = Boolean(globalThis.process?.versions?.node);
  if (!inNode && typeof Worker === "undefined") return null; // and maybe import.meta.url is none, either
  const url = new URL("./worker.js", import.meta.url);
  if (!inNode) return () => new PageWorker(new Worker(url, { type: "module" }));
  const { Worker: Thread } = await import("node:worker_threads");
  return () => new NodeWorker(new Thread(url));
}

class Slices {
  constructor(core) {
    this.core = core;
  }

  async train(net, argv, control) {
    const copy = this.core.made("nr_net_clone", net);
    try {
      return await carryOut(this.core, copy, argv, control);
    } finally {
      this.core.x.nr_net_free(copy);
    }
  }

  close() {}
}

class Workers {
  #idle = [];
  #all = new Set();

  constructor(core, module, start) {
    Object.assign(this, { core, module, start });
  }

  async train(net, argv, control) {
    const dump = this.core.dump(net);
    const worker = this.#idle.pop() ?? this.#started();
    try {
      const trained = await worker.train({ module: this.module, dump, argv }, control);
      this.#idle.push(worker);
      return this.core.load(trained, 0n);
    } catch (error) {
      this.#end(worker);
      throw error;
    }
  }

  #started() {
    const worker = this.start();
    this.#all.add(worker);
    return worker;
  }

  #end(worker) {
    this.#all.delete(worker);
    worker.close();
  }

  close() {
    for (const worker of this.#all) worker.close();
    this.#all.clear();
    this.#idle = [];
  }
}

/** What both kinds of workers have: one training at a time. */
class AnyWorker {
  constructor(worker) {
    this.worker = worker;
    this.current = null;
  }

  train(order, control) {
    return new Promise((resolve, reject) => {
      this.current = { control, resolve, reject };
      control.stop = () => this.worker.postMessage({ stop: true });
      this.hold(true);
      this.worker.postMessage(order);
      if (control.stopped) control.stop();
    });
  }

  heard({ progress, trained, failed }) {
    if (progress) this.current?.control.told(progress);
    if (trained) this.#ended("resolve", trained);
    if (failed) this.#ended("reject", new NrError(failed));
  }

  failed(why) {
    this.#ended("reject", new NrError(`ERR the worker has failed: ${why}`));
  }

  #ended(how, value) {
    this.hold(false);
    const current = this.current;
    this.current = null;
    if (current) current.control.stop = () => {};
    current?.[how](value);
  }

  hold() {}

  close() {
    this.worker.terminate();
    this.failed("it was ended");
  }
}

class PageWorker extends AnyWorker {
  constructor(worker) {
    super(worker);
    worker.onmessage = (event) => this.heard(event.data);
    worker.onerror = (event) => this.failed(event.message ?? "it does not start");
  }
}

class NodeWorker extends AnyWorker {
  constructor(worker) {
    super(worker);
    worker.on("message", (message) => this.heard(message));
    worker.on("error", (error) => this.failed(error.message));
    worker.unref();
  }

  /** A process does not end amidst a training that somebody may wait for. */
  hold(held) {
    if (held) this.worker.ref();
    else this.worker.unref();
  }
}
