// @ts-check
/** The colours of the style sheets, for canvases, in the scheme of now. */

/** @type {Map<string, number[]>} */
const known = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => known.clear());

/** Red, green and blue. @param {string} name of a variable that is a #rrggbb @returns {number[]} */
function parts(name) {
  let found = known.get(name);
  if (!found) {
    const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim().slice(1);
    const long = value.length === 3 ? [...value].map((digit) => digit + digit).join("") : value;
    found = [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16));
    known.set(name, found);
  }
  return found;
}

/** @param {string} name @param {number} [alpha] */
export function color(name, alpha = 1) {
  return `rgb(${parts(name).join(" ")} / ${alpha})`;
}

/**
 * A colour on the way through several.
 * @param {readonly string[]} names at equal distances @param {number} share from 0, the first, to 1, the last
 * @param {number} alpha
 */
export function along(names, share, alpha) {
  const at = Math.min(names.length - 2, Math.floor(share * (names.length - 1)));
  const [one, other] = [parts(names[at]), parts(names[at + 1])];
  const mixed = one.map((part, place) => Math.round(part + (other[place] - part) * (share * (names.length - 1) - at)));
  return `rgb(${mixed.join(" ")} / ${alpha})`;
}
