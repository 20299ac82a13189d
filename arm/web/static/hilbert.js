// @ts-check
/**
 * Where prefixes lie on the map, and back. Pure.
 *
 * The curve is followed from the outside in: each two bits of an address choose a quarter of the square, and
 * how that quarter is turned. So a block looks the same alone as it does within its surroundings.
 */

/** A place as the bits of its address from the first: "00001010". @typedef {string} Bits */

/** For each turn of the curve: the quarter (x + 2 y) of each pair of bits, and the turn inside of it. */
const QUARTERS = [
  [0, 2, 3, 1],
  [0, 1, 3, 2],
  [3, 1, 0, 2],
  [3, 2, 0, 1],
];
const TURNS = [
  [1, 0, 0, 3],
  [0, 1, 1, 2],
  [3, 2, 2, 1],
  [2, 3, 3, 0],
];

/** The turn within a block that is so many pairs of bits inside. @param {Bits} bits from the root of the map */
export function turnWithin(bits) {
  let turn = 0;
  for (let at = 0; at + 1 < bits.length; at += 2) turn = TURNS[turn][parseInt(bits.slice(at, at + 2), 2)];
  return turn;
}

/** @param {number} index along the curve @param {number} order @param {number} turn @returns {[number, number]} column and row */
export function place(index, order, turn) {
  let [x, y] = [0, 0];
  for (let level = order - 1; level >= 0; level--) {
    const pair = Math.floor(index / 4 ** level) % 4;
    const quarter = QUARTERS[turn][pair];
    x = 2 * x + (quarter & 1);
    y = 2 * y + (quarter >> 1);
    turn = TURNS[turn][pair];
  }
  return [x, y];
}

/** The other way round. @param {number} x @param {number} y @param {number} order @param {number} turn */
export function indexAt(x, y, order, turn) {
  let index = 0;
  for (let level = order - 1; level >= 0; level--) {
    const pair = QUARTERS[turn].indexOf(((x >> level) & 1) + 2 * ((y >> level) & 1));
    index = 4 * index + pair;
    turn = TURNS[turn][pair];
  }
  return index;
}

/** @param {string} prefix @returns {{ bits: Bits, v6: boolean }} */
export function bitsOf(prefix) {
  const [address, length] = prefix.split("/");
  const v6 = address.includes(":");
  const words = v6 ? groups(address) : address.split(".").map(Number);
  const bits = words.map((word) => word.toString(2).padStart(v6 ? 16 : 8, "0")).join("");
  return { bits: bits.slice(0, length === undefined ? bits.length : Number(length)), v6 };
}

/** @param {Bits} bits @param {boolean} v6 */
export function prefixOf(bits, v6) {
  const all = bits.padEnd(v6 ? 128 : 32, "0");
  const size = v6 ? 16 : 8;
  const words = Array.from({ length: all.length / size }, (_, at) => parseInt(all.slice(at * size, (at + 1) * size), 2));
  return `${v6 ? shortened(words) : words.join(".")}/${bits.length}`;
}

/** @param {string} address of IPv6 */
function groups(address) {
  const [head, tail] = address.split("::").map((part) => (part ? part.split(":") : []));
  const rest = tail ?? [];
  const zeros = tail === undefined ? 0 : 8 - head.length - rest.length;
  return [...head, ...Array(zeros).fill("0"), ...rest].map((group) => parseInt(group, 16));
}

/** RFC 5952: the longest run of zeros is left out. @param {number[]} words */
function shortened(words) {
  const texts = words.map((word) => word.toString(16));
  let [start, length] = [0, 1];
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && words[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}
