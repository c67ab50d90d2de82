/** The store in memory for tests in another language: a command a frame on standard input, each as
 * many 32-bit numbers (how many words, then their lengths) and the words; replies likewise: 1 and the
 * reply in msgpack, or 0 and the text of an error. */
import { compile, Core } from "../src/core.js";
import { NrError } from "../src/errors.js";
import { Memory } from "../src/memory.js";
import { trainerFor } from "../src/workers.js";

const [, , trainings, memory, build] = process.argv;
const module = await compile(new URL(`../${build}`, import.meta.url));
const core = new Core(module);
const store = new Memory(core, await trainerFor(core, module, trainings !== "slices"), Number(memory));
const encoder = new TextEncoder();

async function answered(argv) {
  try {
    return [1, await store.execute(argv)];
  } catch (error) {
    if (!(error instanceof NrError)) throw error;
    return [0, encoder.encode(error.message)];
  }
}

async function* frames() {
  let rest = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    rest = Buffer.concat([rest, chunk]);
    for (let argv; (argv = framed(rest)); rest = rest.subarray(argv.end)) yield argv.words;
  }
}

function framed(bytes) {
  if (bytes.length < 4) return null;
  const count = bytes.readUInt32LE(0);
  let end = 4 + 4 * count;
  if (bytes.length < end) return null;
  const sizes = Array.from({ length: count }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const total = sizes.reduce((sum, size) => sum + size, end);
  if (bytes.length < total) return null;
  const words = sizes.map((size) => new Uint8Array(bytes.subarray(end, (end += size))));
  return { words, end };
}

for await (const argv of frames()) {
  const [ok, reply] = await answered(argv);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(ok, 0), head.writeUInt32LE(reply.length, 4);
  process.stdout.write(Buffer.concat([head, reply]));
}
store.close();
