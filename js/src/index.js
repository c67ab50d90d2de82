/** nr in JavaScript: networks that rest in this process, by the core that every store of nr has. */
import { compile, Core } from "./core.js";
import { Database } from "./database.js";
import { Memory } from "./memory.js";
import { trainerFor } from "./workers.js";

export { Database } from "./database.js";
export { NrError } from "./errors.js";
export { Network } from "./network.js";

/** Opens a store in memory. `wasm` is the core where it is not beside the package's files: a
 * WebAssembly.Module, bytes or a URL. `workers: false` trains in this thread, in slices. A training
 * takes at most half of `memory`, in bytes. */
export async function open({ wasm, workers, memory } = {}) {
  const module = await compile(wasm);
  const core = new Core(module);
  return new Database(core, new Memory(core, await trainerFor(core, module, workers), memory));
}
