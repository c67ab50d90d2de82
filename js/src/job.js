/** A training that runs, and whoever waits for its end. */
export class Job {
  progress = { cycles: 0, trainError: 0, testError: 0, classErrors: 0 };
  dropped = null;
  listeners = new Set();

  constructor(limits) {
    this.limits = limits;
    this.done = new Promise((resolve) => (this.end = resolve));
    const told = (progress) => {
      this.progress = progress;
      for (const listener of this.listeners) listener(progress);
    };
    this.control = { stopped: false, stop: () => {}, told };
  }

  /** What it reached is merged, unless what is there is better. */
  stop() {
    this.control.stopped = true;
    this.control.stop();
  }

  /** Nothing of it is kept. */
  drop(outcome) {
    this.dropped = outcome;
    this.end(outcome);
    this.stop();
  }

  /** What became of it; null where that takes longer. */
  within(milliseconds) {
    if (!milliseconds) return this.done;
    let timer;
    const end = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds, null)));
    return Promise.race([this.done, end]).finally(() => clearTimeout(timer));
  }
}
