/** Neural networks in JavaScript, by the core that every store of nr has. */

export type Inputs = number | ArrayLike<number>;
/** Values of a sample by the names of fields. null is a missing one, a Date a time in UTC. */
export type Row = Record<string, Value>;
export type Value = null | undefined | boolean | number | bigint | string | Date | Float32Array | Value[];
export type Reply = null | number | string | Uint8Array | Reply[];
export type Word = string | number | bigint | boolean | Uint8Array;
export type DatasetName = "train" | "test";
/** Training and testing samples. */
export type Counts = [number, number];

export interface OpenOptions {
  /** The core, where it is not beside the package's files. */
  wasm?: WebAssembly.Module | BufferSource | URL | string;
  /** false: trainings take turns with whatever else this thread does, and no worker is started. */
  workers?: boolean;
  /** Bytes, of which a training takes at most half; 4 GB. */
  memory?: number;
  /** false: where another page may change the store, NrError, and no waiting. */
  wait?: boolean;
}

/** Opens a store: "memory://" (by default), or "indexeddb:NAME", which keeps networks in the browser.
 * Throws NrError where there is no WebAssembly with SIMD, no IndexedDB or no Web Locks. */
export function open(url?: string, options?: OpenOptions): Promise<Database>;
export function open(options?: OpenOptions): Promise<Database>;

/** Everything that is thrown on purpose: a refused command has changed nothing. */
export class NrError extends Error {
  /** The text's first word: "ERR", "WRONGTYPE" ... */
  readonly code: string;
}

export interface CreateOptions {
  /** With fields: those that are to be learned. */
  target?: string | string[];
  /** With fields: units of hidden layers, or who chooses them. */
  hidden?: "auto" | "linear" | number[];
  normalize?: boolean;
  dataset?: number;
  test?: number;
  seed?: number;
  /** NR.CREATE's other options in small letters; null is AUTO. */
  [option: string]: unknown;
}

export class Database {
  /** Runs a command: one line, or its words. Names, classes and values are texts in its reply. */
  execute(...words: Word[]): Promise<Reply>;
  /** `layout` is [inputs, hidden ..., outputs], or fields and their kinds: { age: "number" }. */
  create(
    name: string,
    type: "classifier" | "regressor" | "forecaster" | "generator",
    layout: number[] | Record<string, string>,
    options?: CreateOptions,
  ): Promise<Network>;
  /** Throws NrError where there is none of that name. */
  network(name: string): Network;
  has(name: string): boolean;
  names(): string[];
  /** Whether there was one. */
  delete(name: string): Promise<boolean>;
  restore(name: string, blob: Uint8Array, options?: { replace?: boolean }): Promise<Network>;
  /** Throws what a command on a network would throw, and changes nothing. */
  check(...words: Word[]): void;
  /** Follows a network of `nr serve`: it answers here, offline too. Throws where it was never here and
   * cannot be fetched. */
  follow(url: string, options?: FollowOptions): Promise<Followed>;
  /** Ends trainings; resolves when all that was changed is kept, or forgotten where it rests in memory. */
  close(): Promise<void>;
}

export interface Progress {
  cycles: number;
  /** Mean losses a sample. */
  trainError: number;
  testError: number;
  /** Testing samples whose class is wrong, in per cent. */
  classErrors: number;
}

export interface TrainOptions {
  maxCycles?: number;
  /** Seconds; 0 is no limit. */
  timeout?: number;
  /** Ends it when overfitting sets in; without being said it does where there are testing samples. */
  autostop?: boolean;
  /** Makes the best of what the testing samples have told; as autostop. */
  backtrack?: boolean;
  onProgress?: (progress: Progress) => void;
  /** Ends it early; what it reached stays, unless what was there is better. */
  signal?: AbortSignal;
}

export interface Info {
  id: number;
  type: "classifier" | "regressor" | "forecaster" | "generator";
  layout: number[];
  training: number;
  trainLen: number;
  trainMaxlen: number;
  testLen: number;
  testMaxlen: number;
  cycles: number;
  steps: number;
  seconds: number;
  trainError: number;
  testError: number;
  classErrors?: number;
  endedBy: string;
  lastTraining: string;
  parameters: number;
  fields?: string[];
  [name: string]: unknown;
}

export interface Field {
  name: string;
  kind: string;
  role: "input" | "output";
  values: string[];
}

/** The baseline, the attributions and what others add come to the prediction. */
export interface Explanation {
  /** The class or the output that is explained, by its name or number. */
  of: string | number;
  kind: "class" | "output";
  prediction: number;
  /** The mean answer to some of the training samples. */
  baseline: number;
  /** What each field adds, by its name, or of a plain network by the input's number; the largest first. */
  attributions: Map<string | number, number>;
  /** What those add together that `top` left out. */
  others: number;
  /** The largest standard error of an attribution; 0: they are exact. */
  error: number;
}

/** Lower, value, upper. */
export type Interval = [lower: number, value: number, upper: number];

/** How likely a text is. */
export interface Score {
  /** The natural logarithm of the probability of its symbols, each behind those before it. */
  logProbability: number;
  symbols: number;
  /** Of so many symbols the next one was taken to be one, as if all were alike. */
  perplexity: number;
}

export class Network {
  readonly name: string;
  /** Adds one sample: inputs and outputs (a class id), or a row with its outputs among them. */
  observe(inputs: Inputs, outputs: Inputs, options?: { to?: DatasetName }): Promise<Counts>;
  observe(row: Row, outputs?: undefined, options?: { to?: DatasetName; weight?: number }): Promise<Counts>;
  observeMany(rows: ArrayLike<number>[], outputs: Inputs[], options?: { to?: DatasetName }): Promise<Counts>;
  observeMany(rows: Row[], outputs?: undefined, options?: { to?: DatasetName }): Promise<Counts>;
  /** The outputs; a classifier's are the probabilities of its classes. With `interval`, 0.9 say, an output of a
   * regressor is lower, value, upper, between which the truth is with that probability. */
  run(inputs: Inputs, options?: { interval?: undefined }): number[];
  run(inputs: Inputs, options: { interval: number }): Interval[];
  run(rows: ArrayLike<number>[], options?: { interval?: undefined }): number[][];
  run(rows: ArrayLike<number>[], options: { interval: number }): Interval[][];
  run(rows: Row[], options?: { interval?: undefined }): Record<string, number>[];
  run(rows: Row[], options: { interval: number }): Record<string, Interval>[];
  run(row: Row, options?: { interval?: undefined }): Record<string, number>;
  run(row: Row, options: { interval: number }): Record<string, Interval>;
  /** Class ids, or with fields the names of classes. With `sure`, 0.8 say, a class that is less probable is null. */
  classify(inputs: Inputs, options?: { sure?: undefined }): number;
  classify(inputs: Inputs, options: { sure: number }): number | null;
  classify(rows: ArrayLike<number>[], options?: { sure?: undefined }): number[];
  classify(rows: ArrayLike<number>[], options: { sure: number }): (number | null)[];
  classify(rows: Row[], options?: { sure?: undefined }): string[];
  classify(rows: Row[], options: { sure: number }): (string | null)[];
  classify(row: Row, options?: { sure?: undefined }): string;
  classify(row: Row, options: { sure: number }): string | null;
  /** What the answer to one row rests on, in log-odds of a class or an output's unit. */
  explain(row: Row | Inputs, options?: { top?: number; of?: string | number }): Explanation;
  /** What a generator writes behind a text, which is not repeated. Without `seed` each time another one. */
  generate(
    prompt?: string | null,
    options?: { length?: number; temperature?: number; top?: number; seed?: number },
  ): string;
  /** How likely a text is to a generator, of a translator that it goes with the input `of`. */
  score(text: string, options?: { of?: string }): Score;
  /** The `beam` (4) likeliest sequences that go with an input, and their log-probabilities, the likeliest first.
   * None has more than `length` symbols, as a rule twice those of the input and 20. */
  translate(text: string, options?: { beam?: number; length?: number }): Map<string, number>;
  /** What comes next of a forecaster's series. */
  forecast(series?: string, options?: { interval?: number }): Reply;
  /** Trains in the background; resolves to what there is to tell at its end. */
  train(options?: TrainOptions): Promise<Info>;
  /** Ends a training; whether one ran. */
  stop(): Promise<boolean>;
  info(): Info;
  /** null: it was not trained yet, or there were no testing samples. */
  metrics(): Record<string, Reply> | null;
  /** Cycle, training error, testing error, wrong classes in per cent. */
  history(): number[][];
  /** How new samples compare with those of the last training: its losses, and how far each input moved. */
  drift(): Record<string, Reply> & { moved: Record<string, number | null> };
  importance(): number[] | Record<string, number> | null;
  fields(): Field[];
  addFields(kinds: Record<string, string>): Promise<Reply>;
  dropFields(...names: string[]): Promise<Reply>;
  configure(options?: Record<string, Word | null>): Promise<Record<string, string>>;
  reset(): Promise<Reply>;
  clear(to?: DatasetName): Promise<Reply>;
  forget(values: Record<string, Word | null>): Promise<Reply>;
  dump(): Uint8Array;
  restore(blob: Uint8Array): Promise<Reply>;
}

export interface FollowOptions {
  /** The network's name in this store; that of the server by default. */
  as?: string;
  /** The server's bearer token, or what gives one for each request. */
  token?: string | (() => string | Promise<string>);
  /** Seconds after which it looks for another revision though no event has told of one; 60. */
  poll?: number;
  /** Seconds after which it tries again what failed; 1, then twice as many each time up to a minute. */
  retry?: number;
  /** Hears when there is another revision. */
  onChange?: (net: Followed) => void;
  /** Hears whatever fails on the way to the server. */
  onError?: (error: NrError) => void;
}

/** Samples that the server has refused, and why. */
export interface Refused {
  id: string;
  why: string;
  samples: unknown;
}

/** A network that a server trains, on this device. What would change it here is refused. */
export class Followed extends Network {
  /** Puts samples into the queue; resolves, when the store has them, to how many entries wait there. */
  observe(inputs: Inputs, outputs: Inputs, options?: { to?: DatasetName }): Promise<any>;
  observe(row: Row, outputs?: undefined, options?: { to?: DatasetName; weight?: number }): Promise<any>;
  observeMany(rows: ArrayLike<number>[], outputs: Inputs[], options?: { to?: DatasetName }): Promise<any>;
  observeMany(rows: Row[], outputs?: undefined, options?: { to?: DatasetName }): Promise<any>;
  /** How many entries are still to be posted. */
  waiting(): Promise<number>;
  refused(): Promise<Refused[]>;
  dropRefused(): Promise<void>;
  /** Looks for another revision; whether there was one. */
  refresh(): Promise<boolean>;
  /** The last error on the way to the server; null when all is well. */
  readonly problem: NrError | null;
  /** Ends following; the network and what waits in the queue stay. */
  close(): void;
}
