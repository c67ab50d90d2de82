/** The only file that knows IndexedDB: what of a store lies there, and transactions on it.
 *
 * A network is a record with its dump, and behind it in the log the commands that came since, a
 * record each: to write a dump whenever a sample comes would take the longer, the more there are.
 * Beside them are the addresses of networks that are followed, and what waits to be posted there. */
import { NrError } from "./errors.js";

const NETWORKS = "networks"; // key -> { dump, at }: `at` is the number of the last command in it
const LOG = "log"; // [key, number] -> the command's words
const FOLLOWED = "followed"; // name -> { url, etag }
const QUEUE = "queue"; // a number -> { url, id, body, refused }
const ALL = [NETWORKS, LOG];

/** All numbers of a key: arrays are behind numbers in IndexedDB's order. */
const ofKey = (key) => IDBKeyRange.bound([key, 0], [key, []]);

export class Disk {
  /** What an application calls it, which its errors say. */
  #name;
  #db;

  static async open(name) {
    if (typeof indexedDB === "undefined") throw new NrError("ERR this engine has no IndexedDB, where networks could be kept");
    const disk = new Disk();
    disk.#name = name;
    const request = indexedDB.open(`nr:${name}`, 1);
    request.onupgradeneeded = () => {
      for (const store of [NETWORKS, LOG, FOLLOWED]) request.result.createObjectStore(store);
      request.result.createObjectStore(QUEUE, { autoIncrement: true });
    };
    disk.#db = await asked(request).catch((error) => disk.#failed("opened", error));
    disk.#db.onversionchange = () => disk.#db.close(); // a page with a newer version of this package
    return disk;
  }

  /** All networks: { key, dump, at, numbers, log }. What is none of ours has no dump. */
  read() {
    return this.#reading(ALL, async (stores) => {
      const [keys, records] = await Promise.all([asked(stores[NETWORKS].getAllKeys()), asked(stores[NETWORKS].getAll())]);
      return Promise.all(keys.map((key, i) => this.#whole(stores, new Uint8Array(key), records[i])));
    });
  }

  /** One of them; null where there is none. */
  readOne(key) {
    return this.#reading(ALL, async (stores) => {
      const record = await asked(stores[NETWORKS].get(key));
      return record === undefined ? null : this.#whole(stores, key, record);
    });
  }

  async #whole(stores, key, record) {
    const range = ofKey(key);
    const [numbers, log] = await Promise.all([asked(stores[LOG].getAllKeys(range)), asked(stores[LOG].getAll(range))]);
    return { ...record, key, numbers: numbers.map(([, number]) => number), log };
  }

  /** Writes changes, all or none: { key, dump, at } in place of all there is of a network, dump null
   * where it is gone; or { key, at, log }, commands behind those that are there, of which the first has
   * the number `at`. */
  write(changes) {
    return this.#writing(ALL, (stores) => {
      for (const { key, dump, at, log } of changes) {
        if (log) log.forEach((argv, i) => stores[LOG].put(argv, [key, at + i]));
        else stores[LOG].delete(ofKey(key));
        if (dump) stores[NETWORKS].put({ dump, at }, key);
        else if (!log) stores[NETWORKS].delete(key);
      }
    });
  }

  // ---- what is followed, and what waits to be posted ----

  followed(name) {
    return this.#reading([FOLLOWED], (stores) => asked(stores[FOLLOWED].get(name)));
  }

  follow(name, record) {
    return this.#writing([FOLLOWED], (stores) => stores[FOLLOWED].put(record, name));
  }

  enqueue(entry) {
    return this.#writing([QUEUE], (stores) => stores[QUEUE].add(entry));
  }

  /** What waits for a network, in its order: { number, url, id, body, refused }. */
  queued(url) {
    return this.#reading([QUEUE], async (stores) => {
      const [numbers, entries] = await Promise.all([asked(stores[QUEUE].getAllKeys()), asked(stores[QUEUE].getAll())]);
      return entries.map((entry, i) => ({ ...entry, number: numbers[i] })).filter((entry) => entry.url === url);
    });
  }

  dequeue(number) {
    return this.#writing([QUEUE], (stores) => stores[QUEUE].delete(number));
  }

  /** Says why an entry is not posted again. */
  refuse({ number, ...entry }, why) {
    return this.#writing([QUEUE], (stores) => stores[QUEUE].put({ ...entry, refused: why }, number));
  }

  close() {
    this.#db.close();
  }

  // ---- transactions ----

  async #reading(names, work) {
    try {
      return await work(this.#stores(this.#db.transaction(names)));
    } catch (error) {
      return this.#failed("read", error);
    }
  }

  /** Resolves when the disk has it. */
  async #writing(names, work) {
    try {
      const transaction = this.#db.transaction(names, "readwrite", { durability: "strict" });
      const done = completed(transaction);
      try {
        work(this.#stores(transaction));
      } catch (error) {
        done.catch(() => {});
        transaction.abort();
        throw error;
      }
      await done;
    } catch (error) {
      this.#failed("written", error);
    }
  }

  #stores(transaction) {
    return Object.fromEntries([...transaction.objectStoreNames].map((name) => [name, transaction.objectStore(name)]));
  }

  #failed(done, error) {
    const full = error?.name === "QuotaExceededError";
    const why = full ? "the browser gives it no more room (QuotaExceededError)" : error?.message || error?.name;
    throw new NrError(`ERR indexeddb:${this.#name} cannot be ${done}: ${why}`, { cause: error });
  }
}

function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}
