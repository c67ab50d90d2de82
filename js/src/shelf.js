/** What a store in memory has beside its networks: who is followed, and what waits to be posted. The
 * store in IndexedDB keeps the same (disk.js). */
export class Shelf {
  #followed = new Map(); // name -> { url, etag }
  #queue = new Map(); // number -> { url, id, body, refused }
  #last = 0;

  async followed(name) {
    return this.#followed.get(name);
  }

  async follow(name, record) {
    this.#followed.set(name, record);
  }

  async enqueue(entry) {
    this.#queue.set(++this.#last, entry);
  }

  /** What waits for a network, in its order: { number, url, id, body, refused }. */
  async queued(url) {
    return [...this.#queue].map(([number, entry]) => ({ ...entry, number })).filter((entry) => entry.url === url);
  }

  async dequeue(number) {
    this.#queue.delete(number);
  }

  /** Says why an entry is not posted again. */
  async refuse({ number, ...entry }, why) {
    this.#queue.set(number, { ...entry, refused: why });
  }
}
