/** nr in JavaScript: networks that rest in this process, or in the browser, by the core that every store of nr has. */
import { compile, Core } from "./core.js";
import { Database } from "./database.js";
import { NrError } from "./errors.js";
import { Kept } from "./kept.js";
import { Memory } from "./memory.js";
import { optionsOf } from "./options.js";
import { trainerFor } from "./workers.js";

export { Database } from "./database.js";
export { Followed } from "./followed.js";
export { NrError } from "./errors.js";
export { Network } from "./network.js";

const OPTIONS = { wasm: "wasm", workers: "truth", memory: "bytes", wait: "truth" };

/** Opens a store: `"memory://"`, or `"indexeddb:NAME"`, which keeps networks in the browser. `wasm` is
 * the core where it is not beside the package's files: a WebAssembly.Module, bytes or a URL.
 * `workers: false` trains in this thread, in slices. A training takes at most half of `memory`, in
 * bytes. `wait: false` throws where another page may change the store. */
export async function open(url = "memory://", options = undefined) {
  if (typeof url !== "string") [url, options] = ["memory://", url];
  const { wasm, workers, memory, wait } = optionsOf("nr.open", options, OPTIONS);
  const [, name] = /^indexeddb:(.+)$/s.exec(url) ?? [];
  if (!name && url !== "memory://") throw new NrError(`ERR '${url}' is no store here: 'memory://' and 'indexeddb:NAME' are`);
  const module = await compile(wasm);
  const core = new Core(module);
  const trainer = await trainerFor(core, module, workers);
  return new Database(core, name ? await Kept.open(name, core, trainer, memory, wait) : new Memory(core, trainer, memory));
}
