/** Which build of the core this engine takes: nr-relaxed.wasm, whose multiply-add is an instruction,
 * or nr.wasm, which computes the same bits from doubles.
 *
 * Relaxed SIMD leaves it to the engine whether a multiply-add rounds once or twice, and the core's
 * bits are those of once. So a function of nothing else is compiled and asked. */

/** (a, b, c) => a * b + c, by f32x4.relaxed_madd. */
const SUM = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // a module of version 1
  0x01, 0x08, 0x01, 0x60, 0x03, 0x7d, 0x7d, 0x7d, 0x01, 0x7d, // a type: three f32 to one
  0x03, 0x02, 0x01, 0x00, // a function of it
  0x07, 0x07, 0x01, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x00, // exported as "sum"
  0x0a, 0x16, 0x01, 0x14, 0x00, // its code
  0x20, 0x00, 0xfd, 0x13, 0x20, 0x01, 0xfd, 0x13, 0x20, 0x02, 0xfd, 0x13, // each f32x4.splat
  0xfd, 0x85, 0x02, // f32x4.relaxed_madd
  0xfd, 0x1f, 0x00, 0x0b, // f32x4.extract_lane 0
]);
const [A, B, C] = [1 + 2 ** -23, 1 - 2 ** -23, -1];

/** Whether (a, b, c) => a * b + c rounds once: a * b is 1 - 2^-46, of which a float is 1. */
export function rounds(sum) {
  return sum(A, B, C) === -(2 ** -46);
}

/** Whether this engine has a fused multiply-add. */
export function isFused() {
  if (!WebAssembly.validate(SUM)) return false;
  return rounds(new WebAssembly.Instance(new WebAssembly.Module(SUM)).exports.sum);
}

/** Where the build lies that this engine takes. */
export function buildHere() {
  return isFused() ? new URL("../nr-relaxed.wasm", import.meta.url) : new URL("../nr.wasm", import.meta.url);
}
