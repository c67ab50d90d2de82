/** A network that a server trains, on this device: it answers here, offline too, and what is observed
 * is posted there.
 *
 * It is fetched without its samples, and again when its revision has changed, of which server-sent events
 * tell; where these do not come, it is asked for now and then. Samples wait in a queue, which the store
 * keeps, and are posted in their order, each under an id of its own: where an answer was lost they are
 * posted again, and the server adds them once. Of several pages over one store the one that may change it
 * does all of this. */
import { NrError } from "./errors.js";
import { Network, isRow, sampleWords, samplesWords } from "./network.js";
import { optionsOf } from "./options.js";
import { Server } from "./server.js";

const LONGEST = 2 ** 31 - 1; // milliseconds that a timer takes: with more it would ring at once
const LATE = 60000; // milliseconds between two tries at most
const LOOK = 10000; // between two looks for what other pages have put into the queue
const MOST_ROWS = 500; // of an entry: as many as the server adds in one step
const OPTIONS = {
  as: "text", token: "token", poll: "seconds", retry: "seconds", onChange: "function", onError: "function",
};
const REFUSED = new Set([400, 413, 415, 422]); // by the server, whenever it may come

export class Followed extends Network {
  #db;
  #store;
  #server;
  #told;
  #closed = new AbortController();
  #refreshing = new Bell();
  #posting = new Bell();
  #listening = new Bell();
  #problems = new Map(); // from what was tried to the error
  #mark = null;

  /** The last error of the server or the way to it; null when all is well. */
  get problem() {
    return [...this.#problems.values()].at(-1) ?? null;
  }

  /** Follows the network at a URL. Throws where it was never here and cannot be fetched. */
  static async open(db, store, url, options) {
    const { as, token, poll = 60, retry = 1, onChange, onError } = optionsOf("db.follow", options, OPTIONS);
    const server = new Server(url, token);
    const name = as ?? server.name;
    const record = await store.shelf.followed(name);
    if (db.has(name) && record?.url !== server.url) {
      const what = record ? `follows ${record.url}` : "is a network of this store";
      throw new NrError(`ERR ${name} ${what}: give another name ({ as: "other" }), or delete it`);
    }
    const known = db.has(name);
    if (!known) await fetched(db, store, server, name);
    const net = new Followed(db, store, name, server, { onChange, onError });
    store.writer.then(() => net.#begin(1000 * poll, 1000 * retry), () => {});
    return net;
  }

  constructor(db, store, name, server, told) {
    super(db, store, name, new TextEncoder().encode(name));
    this.#db = db;
    this.#store = store;
    this.#server = server;
    this.#told = told;
  }

  // ---- samples ----

  /** Puts a sample into the queue; how many entries wait there now. Throws what the network would. */
  async observe(inputs, outputs, options) {
    this.#db.check("NR.OBSERVE", this.key, ...sampleWords(inputs, outputs, options));
    const { to, weight } = options ?? {};
    const given = isRow(inputs) ? { samples: inputs, weight } : { inputs: listed(inputs), outputs };
    return this.#enqueue([{ ...given, to }]);
  }

  async observeMany(rows, outputs, options) {
    const to = options?.to;
    for (const words of samplesWords(rows, outputs, options)) this.#db.check("NR.OBSERVE", this.key, ...words);
    const parts = [];
    for (let at = 0; at < rows.length; at += MOST_ROWS) {
      const some = Array.from(rows).slice(at, at + MOST_ROWS);
      const theirs = outputs && Array.from(outputs).slice(at, at + MOST_ROWS);
      parts.push(isRow(rows[0]) ? { samples: some, to } : { inputs: some, outputs: theirs, to });
    }
    return this.#enqueue(parts);
  }

  async #enqueue(bodies) {
    if (this.#closed.signal.aborted) throw new NrError(`ERR ${this.name} is not followed any more`);
    const { url } = this.#server;
    for (const body of bodies) await this.#store.shelf.enqueue({ url, id: newId(), body: JSON.stringify(body, plain), refused: null });
    this.#posting.ring();
    return this.waiting();
  }

  /** How many entries of the queue are still to be posted. */
  async waiting() {
    return (await this.#queue()).filter(({ refused }) => !refused).length;
  }

  /** What the server has refused, and why: [{ id, why, samples }]. They stay until they are dropped. */
  async refused() {
    const entries = (await this.#queue()).filter(({ refused }) => refused);
    return entries.map(({ id, refused, body }) => ({ id, why: refused, samples: JSON.parse(body) }));
  }

  async dropRefused() {
    for (const { number, refused } of await this.#queue()) if (refused) await this.#store.shelf.dequeue(number);
  }

  #queue() {
    return this.#store.shelf.queued(this.#server.url);
  }

  /** Posts what waits, in its order, until nothing is left. */
  async #post(advanced) {
    for (let left; (left = (await this.#queue()).filter(({ refused }) => !refused)).length; ) {
      for (const entry of left) {
        if (this.#closed.signal.aborted) return;
        await this.#posted(entry);
        advanced();
      }
    }
  }

  async #posted(entry) {
    try {
      await this.#server.observe(entry.id, entry.body);
    } catch (error) {
      if (!REFUSED.has(error.status)) throw error;
      await this.#store.shelf.refuse(entry, error.message);
      this.#told.onError?.(error);
      return;
    }
    await this.#store.shelf.dequeue(entry.number);
  }

  // ---- the network ----

  /** Looks for another revision; whether there was one. */
  async refresh() {
    const changed = await fetched(this.#db, this.#store, this.#server, this.name);
    if (changed) this.#told.onChange?.(this);
    return changed;
  }

  /** Ends following; the network and what waits in the queue stay. */
  close() {
    this.#closed.abort();
    for (const bell of [this.#refreshing, this.#posting, this.#listening]) bell.ring();
    globalThis.removeEventListener?.("online", this.#online);
  }

  #online = () => {
    this.#refreshing.ring();
    this.#posting.ring();
  };

  #begin(poll, retry) {
    globalThis.addEventListener?.("online", this.#online);
    this.#keep("refresh", () => this.refresh(), this.#refreshing, poll, retry);
    this.#keep("post", (advanced) => this.#post(advanced), this.#posting, LOOK, retry);
    this.#keep("listen", () => this.#listen(), this.#listening, retry, retry);
  }

  /** Works until this is closed: again when the bell rings, or after so many milliseconds; where it has
   * failed after `retry` of them, and twice as many each time until it advances. */
  async #keep(what, work, bell, milliseconds, retry) {
    let soon = retry;
    while (!this.#closed.signal.aborted) {
      let wait = milliseconds;
      try {
        await work(() => (soon = retry));
        this.#problems.delete(what);
        soon = retry;
      } catch (error) {
        this.#failed(what, error);
        wait = soon * (0.5 + Math.random() / 2);
        soon = Math.min(LATE, 2 * soon);
      }
      if (!this.#closed.signal.aborted) await bell.rings(wait);
    }
  }

  /** Hears what the server tells, and so also when it can be reached again. */
  async #listen() {
    await this.#server.events(({ id, trainings, fields }) => {
      const mark = JSON.stringify([id, trainings, fields]);
      if (mark === this.#mark && !this.problem) return;
      this.#mark = mark;
      this.#online();
    }, this.#closed.signal);
  }

  /** Who listens in vain looks now and then, which is no problem. */
  #failed(what, error) {
    if (this.#closed.signal.aborted || what === "listen") return;
    this.#problems.set(what, error);
    this.#told.onError?.(error);
  }
}

for (const word of ["train", "reset", "clear", "forget", "configure", "addFields", "dropFields", "restore"]) {
  Followed.prototype[word] = async function refuse() {
    throw new NrError(`ERR ${this.name} follows a server, where it is changed: ${word} is for a network of this store`);
  };
}

/** Fetches a network if it has another revision; whether it had. */
async function fetched(db, store, server, name) {
  const record = await store.shelf.followed(name);
  const found = await server.fetch(db.has(name) && record?.url === server.url ? record.etag : null);
  if (!found) return false;
  await db.restore(name, found.blob, { replace: true });
  await store.shelf.follow(name, { url: server.url, etag: found.etag });
  return true;
}

/** What waits for a time, or until it is rung; a ring that nobody waits for is heard by the next. */
class Bell {
  #rung = false;
  #wake = null;

  ring() {
    this.#rung = true;
    this.#wake?.();
  }

  async rings(milliseconds) {
    if (!this.#rung) {
      let timer;
      await new Promise((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, Math.min(milliseconds, LONGEST));
        timer.unref?.();
      });
      clearTimeout(timer);
    }
    this.#rung = false;
  }
}

const listed = (x) => (typeof x === "number" ? [x] : Array.from(x));

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Values as JSON has them. A Date becomes its ISO 8601 by itself; NaN is null, which is missing. */
function plain(_, value) {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
  return ArrayBuffer.isView(value) ? Array.from(value) : value;
}
