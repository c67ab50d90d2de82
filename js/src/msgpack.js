/** As much of msgpack as the core's replies and the samples by name are made of. */
import { NrError } from "./errors.js";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

// ---- reading: what the core has written, so that nothing has to be checked ----

/** A reply as numbers, texts, null and arrays; blobs are Uint8Arrays of their own. */
export function unpack(bytes) {
  return new Reader(bytes).value();
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  value() {
    const tag = this.bytes[this.at++];
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 15);
    if (tag < 0xa0) return this.array(tag & 15);
    if (tag < 0xc0) return this.text(tag & 31);
    if (tag >= 0xe0) return tag - 256;
    return this.long(tag);
  }

  long(tag) {
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.blob(this.count(1 << (tag - 0xc4)));
      case 0xca: return this.take(4, "getFloat32");
      case 0xcb: return this.take(8, "getFloat64");
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.count(1 << (tag - 0xcc));
      case 0xd0: return this.take(1, "getInt8");
      case 0xd1: return this.take(2, "getInt16");
      case 0xd2: return this.take(4, "getInt32");
      case 0xd3: return Number(this.take(8, "getBigInt64"));
      case 0xd9: case 0xda: case 0xdb: return this.text(this.count(1 << (tag - 0xd9)));
      case 0xdc: case 0xdd: return this.array(this.count(2 << (tag - 0xdc)));
      case 0xde: case 0xdf: return this.map(this.count(2 << (tag - 0xde)));
      default: throw new NrError(`ERR a reply with a byte ${tag} that is none of msgpack's`);
    }
  }

  take(size, method) {
    const value = this.view[method](this.at);
    this.at += size;
    return value;
  }

  count(size) {
    if (size === 8) return Number(this.take(8, "getBigUint64"));
    return this.take(size, `getUint${size * 8}`);
  }

  blob(size) {
    return this.bytes.slice(this.at, (this.at += size));
  }

  text(size) {
    return decoder.decode(this.bytes.subarray(this.at, (this.at += size)));
  }

  array(size) {
    return Array.from({ length: size }, () => this.value());
  }

  map(size) {
    return Object.fromEntries(Array.from({ length: size }, () => [this.value(), this.value()]));
  }
}

// ---- writing ----

const TIME = 4; // the core's extension type: microseconds since 1970

/** A value of a sample, or samples: null, truths, numbers, texts, Dates (UTC), Float32Arrays, and
 * arrays and objects of these. Throws NrError for anything else. */
export function pack(value) {
  const out = new Writer();
  out.value(value);
  return out.bytes.subarray(0, out.at);
}

class Writer {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  at = 0;

  value(value) {
    if (value === null || value === undefined) return this.tag(0xc0);
    switch (typeof value) {
      case "boolean": return this.tag(value ? 0xc3 : 0xc2);
      case "number": return this.number(value);
      case "bigint": return this.bigint(value);
      case "string": return this.sized(encoder.encode(value), 0xd9);
    }
    if (value instanceof Date) return this.time(value);
    if (value instanceof Float32Array) return this.floats(value);
    if (value instanceof Uint8Array) return this.sized(value, 0xc4);
    if (Array.isArray(value)) return this.list(value);
    if (typeof value === "object") return this.object(value);
    throw new NrError(`ERR a ${typeof value} is no value of a field`);
  }

  room(size) {
    if (this.at + size <= this.bytes.length) return;
    const more = new Uint8Array(Math.max(2 * this.bytes.length, this.at + size));
    more.set(this.bytes);
    this.bytes = more;
    this.view = new DataView(more.buffer);
  }

  tag(byte) {
    this.room(1);
    this.bytes[this.at++] = byte;
  }

  put(tag, size, method, value) {
    this.room(size + 1);
    this.bytes[this.at++] = tag;
    this.view[method](this.at, value);
    this.at += size;
  }

  number(value) {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      return this.put(0xcb, 8, "setFloat64", value);
    }
    if (value >= 0 && value < 128) return this.tag(value);
    return this.put(0xd3, 8, "setBigInt64", BigInt(value));
  }

  bigint(value) {
    if (BigInt.asIntN(64, value) !== value) throw new NrError(`ERR ${value} has more than 64 bits`);
    this.put(0xd3, 8, "setBigInt64", value);
  }

  time(value) {
    const micros = value.getTime() * 1000;
    if (Number.isNaN(micros)) return this.tag(0xc0);
    this.tag(0xd7); // eight bytes
    this.room(9);
    this.bytes[this.at++] = TIME;
    this.view.setBigInt64(this.at, BigInt(micros), true);
    this.at += 8;
  }

  /** Bytes behind their number; `tag` is that of a length of one byte, others follow it. */
  sized(bytes, tag) {
    this.count(bytes.length, tag);
    this.room(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  count(size, tag) {
    if (size < 256) return this.put(tag, 1, "setUint8", size);
    if (size < 65536) return this.put(tag + 1, 2, "setUint16", size);
    return this.put(tag + 2, 4, "setUint32", size);
  }

  floats(values) {
    this.sized(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 0xc4);
  }

  /** Numbers with digits behind the point are a vector; whole ones may be symbols, and stay. */
  list(values) {
    const vector = values.every((one) => typeof one === "number")
      && values.some((one) => !Number.isInteger(one));
    if (vector) return this.floats(Float32Array.from(values));
    this.put(0xdd, 4, "setUint32", values.length);
    for (const one of values) this.value(one);
  }

  object(value) {
    const entries = Object.entries(value);
    this.put(0xdf, 4, "setUint32", entries.length);
    for (const [name, one] of entries) {
      this.value(name);
      this.value(one);
    }
  }
}
