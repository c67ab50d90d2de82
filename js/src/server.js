/** A network of `nr serve`, as a device asks for it. Whatever fails is an NrError, of which `status` is
 * that of HTTP where the server has answered. */
import { NrError } from "./errors.js";

const PATIENCE = 30000; // milliseconds for an answer, after which it may have been lost
const SILENCE = 60000; // and for a word of who tells events: a comment comes every 15 s

export class Server {
  #token;

  /** `url` is that of a network, as https://host/networks/club; `token` its bearer token, or what
   * gives one. */
  constructor(url, token) {
    const [, base, name] = /^(https?:\/\/.+)\/networks\/([^/?#]+)$/.exec(`${url}`) ?? [];
    if (!base) throw new NrError(`ERR '${url}' is no network of a server: https://host/networks/club is one`);
    Object.assign(this, { url: `${base}/networks/${name}`, base, path: name });
    this.#token = token;
  }

  get name() {
    try {
      return decodeURIComponent(this.path);
    } catch {
      throw new NrError(`ERR the name of the network at ${this.url} is no text: give another ({ as: "club" })`);
    }
  }

  /** The network without its samples, { etag, blob }; null where it is the one of `etag`. */
  async fetch(etag) {
    const known = etag ? { "If-None-Match": etag } : {};
    const response = await this.#asked(`${this.url}/dump?samples=false`, { headers: known });
    if (response.status === 304) return null;
    const blob = new Uint8Array(await read(response.arrayBuffer()));
    return { etag: response.headers.get("etag"), blob };
  }

  /** Posts samples, which the server adds once however often they come under this id. */
  async observe(id, body) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": id };
    const response = await this.#asked(`${this.url}/observe`, { method: "POST", headers, body });
    return read(response.json());
  }

  /** Calls with each state of the network that the server tells, until it tells no more. */
  async events(heard, signal) {
    const ended = new AbortController();
    const end = () => ended.abort();
    let timer = setTimeout(end, SILENCE);
    signal.addEventListener("abort", end);
    try {
      const response = await this.#asked(`${this.base}/events?network=${this.path}`, {}, ended.signal);
      for await (const event of eventsOf(response.body.getReader())) {
        clearTimeout(timer);
        timer = setTimeout(end, SILENCE);
        if (/^event: state$/m.test(event)) heard(JSON.parse(/^data: (.*)$/m.exec(event)[1]));
      }
    } catch (error) {
      if (error instanceof NrError) throw error;
      throw new NrError(`ERR ${this.base} tells no more: ${error.message}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      end();
    }
  }

  async #asked(url, { headers = {}, ...options }, signal = AbortSignal.timeout(PATIENCE)) {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    const allowed = token ? { Authorization: `Bearer ${token}` } : {};
    // With a cache mode a browser asks before each sample whether it may post (CORS), and not once in ten minutes.
    const request = { ...options, headers: { ...headers, ...allowed }, signal, credentials: "omit" };
    const response = await read(fetch(url, request), this.base);
    if (response.ok || response.status === 304) return response;
    const problem = await response.json().catch(() => ({}));
    const error = new NrError(problem.detail ?? `ERR ${this.base} has answered ${response.status} ${response.statusText}`);
    throw Object.assign(error, { status: response.status });
  }
}

/** Server-sent events, each as its lines; a comment is one, too. */
async function* eventsOf(reader) {
  const decoder = new TextDecoder();
  let rest = "";
  for (let part; !(part = await reader.read()).done; ) {
    const events = (rest + decoder.decode(part.value, { stream: true })).split("\n\n");
    rest = events.pop();
    yield* events;
  }
}

/** What comes over the network, or the error that it does not. */
async function read(promise, place = "the server") {
  try {
    return await promise;
  } catch (error) {
    throw new NrError(`ERR ${place} cannot be reached: ${error.message}`, { cause: error });
  }
}
