/** What a call is given, looked at before anything is done: whatever is wrong is an NrError that says of
 * which call, and what is right. */
import { NrError } from "./errors.js";

const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x) && !ArrayBuffer.isView(x);

/** Kinds of options: what they are called in an error, and which values are of them. */
const KINDS = {
  number: ["a number", (x) => typeof x === "number"],
  seconds: ["a number of seconds above 0", (x) => typeof x === "number" && x > 0],
  bytes: ["a whole number of bytes above 0", (x) => Number.isSafeInteger(x) && x > 0],
  text: ["a text", (x) => typeof x === "string"],
  truth: ["true or false", (x) => typeof x === "boolean"],
  function: ["a function", (x) => typeof x === "function"],
  signal: ["an AbortSignal", (x) => typeof x?.addEventListener === "function"],
  value: ["a text, a number or null", (x) => ["string", "number", "bigint", "boolean"].includes(typeof x) || x instanceof Date],
  token: ["a text, or a function that gives one", (x) => ["string", "function"].includes(typeof x)],
  choice: ["a name or a number", (x) => ["string", "number"].includes(typeof x)],
  wasm: ["a WebAssembly.Module, bytes or a URL", (x) => typeof x === "string" || isObject(x) || ArrayBuffer.isView(x)],
};

/** What a value is, in an error. */
export function said(x) {
  if (x === null || x === undefined) return `${x}`;
  if (Array.isArray(x)) return "an array";
  return typeof x === "object" ? `an object (${x.constructor?.name ?? "null"})` : `a ${typeof x}`;
}

/** The options of a call, of `kinds` by their names. Throws NrError where there is another one. */
export function optionsOf(call, given, kinds) {
  if (given === undefined) return {};
  const known = Object.keys(kinds).join(", ");
  if (!isObject(given)) throw new NrError(`ERR ${call}: options are an object of ${known}, not ${said(given)}`);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(kinds, name)) throw new NrError(`ERR ${call} has no option '${name}': there are ${known}`);
    if (value !== undefined) needed(call, name, value, kinds[name]);
  }
  return given;
}

/** The value, which is of a kind. Throws NrError where it is of another one. */
export function needed(call, name, value, kind) {
  const [what, is] = KINDS[kind];
  if (!is(value)) throw new NrError(`ERR ${call}: ${name} is ${what}, not ${said(value)}`);
  return value;
}

/** The entries of an object: names, and what is said of each. Throws NrError where it is none. */
export function entriesOf(call, given, what) {
  if (!isObject(given)) throw new NrError(`ERR ${call} takes an object of ${what}, not ${said(given)}`);
  return Object.entries(given);
}
