/** Everything this package throws on purpose. A refused command has changed nothing, and its text
 * is the same as on every store of nr: `ERR no such key`. */
export class NrError extends Error {
  name = "NrError";

  /** The kind of refusal, the text's first word: `ERR`, `WRONGTYPE` ... */
  get code() {
    return this.message.split(" ", 1)[0];
  }
}
