// @ts-check
/** The address space as a Hilbert map: where traffic goes, and how much of it hardware carries. */

import { ask } from "./api.js";
import { byId, fill, reconcile, setText } from "./dom.js";
import { count, familyTitle, percent, rate } from "./format.js";
import { bitsOf, indexAt, place, prefixOf, turnWithin } from "./hilbert.js";
import { draw, installedShare } from "./mapdraw.js";
import { Poll } from "./poll.js";
import { choose, chosen, onAddress } from "./view.js";

/** @typedef {import("./mapdraw.js").Cell} Cell */
/** @typedef {{ family: string, prefix: string, order: number, cells: Cell[] }} Answer */

const PERIOD = 5_000;
const ORDER = 6; // 64 cells in a row
const ZOOM = 3; // 8 squares in a row, each of which can be zoomed into
const HEAVIEST = 12;
/** Global unicast is all of IPv6 that there is to see. */
const ROOTS = /** @type {Record<string, string>} */ ({ ipv4: "0.0.0.0/0", ipv6: "2000::/3" });
/** Traffic is known by so many bits of an address. */
const BITS = /** @type {Record<string, number>} */ ({ ipv4: 32, ipv6: 64 });

export class AddressMap {
  /** @type {Answer | undefined} */
  #answer;
  /** @type {{ x: number, y: number } | null} */
  #pointed = null;

  /** @param {() => string} family @param {(prefix: string) => void} explain */
  constructor(family, explain) {
    this.family = family;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId("map-canvas"));
    this.tip = byId("map-tip");
    this.canvas.addEventListener("pointermove", (event) => this.#point(this.#cellAt(event)));
    this.canvas.addEventListener("pointerleave", () => this.#point(null));
    this.canvas.addEventListener("blur", () => this.#point(null));
    this.canvas.addEventListener("click", (event) => this.#zoomAt(this.#cellAt(event)));
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    byId("map-explain").addEventListener("click", () => explain(this.block));
    new ResizeObserver(() => this.#draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.poll = new Poll({
      section: byId("map"),
      fault: byId("map-fault"),
      what: "map",
      period: () => PERIOD,
      refresh: async (signal) => {
        const query = { family: this.family(), prefix: this.block, order: String(this.order) };
        this.#answer = await ask("map", query, signal);
        this.#show();
      },
    });
    onAddress(() => this.poll.again());
  }

  /** The prefix that is shown. One of the other family, left in the address, is none. */
  get block() {
    const root = ROOTS[this.family()];
    const asked = bitsOf(chosen("block", root));
    const { bits, v6 } = bitsOf(root);
    const fits = asked.v6 === v6 && asked.bits.startsWith(bits) && (asked.bits.length - bits.length) % 2 === 0;
    return fits ? prefixOf(asked.bits, v6) : root;
  }

  get order() {
    return Math.max(1, Math.min(ORDER, Math.floor((BITS[this.family()] - bitsOf(this.block).bits.length) / 2)));
  }

  get #turn() {
    return turnWithin(bitsOf(this.block).bits.slice(bitsOf(ROOTS[this.family()]).bits.length));
  }

  /** @param {string} prefix */
  zoom(prefix) {
    choose({ block: prefix === ROOTS[this.family()] ? "" : prefix });
    this.#pointed = null;
    this.poll.again();
  }

  #show() {
    const { block } = this;
    const { bits, v6 } = bitsOf(block);
    const root = bitsOf(ROOTS[this.family()]).bits.length;
    const trail = [];
    for (let length = root; length <= bits.length; length += 2 * ZOOM) trail.push(prefixOf(bits.slice(0, length), v6));
    if (trail.at(-1) !== block) trail.push(block);
    reconcile(byId("map-trail"), trail, (prefix) => prefix, "crumb", (element, prefix) => {
      const button = /** @type {HTMLElement} */ (element.querySelector("button"));
      setText(button, prefix);
      button.onclick = () => this.zoom(prefix);
      if (prefix === block) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    const cells = this.#answer?.cells ?? [];
    const all = cells.reduce((sum, cell) => sum + cell.bits_per_second, 0);
    const installed = cells.reduce((sum, cell) => sum + cell.installed_bits_per_second, 0);
    const share = all > 0 ? `, ${percent(installed / all)} of it by entries` : "";
    setText(byId("map-sum"), `${familyTitle(this.family())} ${block}: ${rate(all)}${share}`);
    const heaviest = [...cells].sort((a, b) => b.bits_per_second - a.bits_per_second).slice(0, HEAVIEST);
    reconcile(byId("map-rows"), heaviest, ({ prefix }) => prefix, "map-row", (row, cell) => {
      fill(row, {
        prefix: cell.prefix,
        bits_per_second: rate(cell.bits_per_second),
        share: cell.bits_per_second > 0 ? percent(installedShare(cell)) : "–",
        installed: count(cell.installed),
      });
      const button = /** @type {HTMLElement} */ (row.querySelector("button"));
      button.onclick = () => this.#zoomTo(cell.prefix);
    });
    byId("map-empty").hidden = cells.length > 0;
    this.#draw();
  }

  #draw() {
    if (!this.#answer || this.#answer.prefix !== this.block) return;
    const { order } = this.#answer;
    const turn = this.#turn;
    const cells = this.#answer.cells.map((cell) => {
      const [x, y] = place(cell.index, order, turn);
      return { x, y, cell };
    });
    const levels = Math.min(ZOOM, order);
    const square = 2 ** (order - levels);
    const { bits, v6 } = bitsOf(this.block);
    const labels = Array.from({ length: 4 ** levels }, (_, index) => {
      const [x, y] = place(index, levels, turn);
      return { x: x * square, y: y * square, text: prefixOf(bits + pairs(index, levels), v6) };
    });
    draw(this.canvas, { side: 2 ** order, square, cells, labels, pointed: this.#pointed });
  }

  /** @param {MouseEvent} event */
  #cellAt(event) {
    const side = 2 ** (this.#answer?.order ?? ORDER);
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const at = (/** @type {number} */ pixels) => Math.max(0, Math.min(side - 1, Math.floor((pixels / width) * side)));
    return { x: at(event.clientX - left), y: at(event.clientY - top) };
  }

  /** @param {{ x: number, y: number } | null} cell */
  #point(cell) {
    this.#pointed = cell;
    this.#draw();
    this.tip.hidden = cell === null || !this.#answer;
    if (!cell || !this.#answer) return;
    const { order, cells } = this.#answer;
    const index = indexAt(cell.x, cell.y, order, this.#turn);
    const { bits, v6 } = bitsOf(this.block);
    const found = cells.find((each) => each.index === index);
    const traffic = found && found.bits_per_second > 0 ? `${rate(found.bits_per_second)}, ${percent(installedShare(found))} by entries` : "no traffic";
    setText(this.tip, `${prefixOf(bits + pairs(index, order), v6)}: ${traffic}, ${count(found?.installed ?? 0)} entries`);
    const step = this.canvas.clientWidth / 2 ** order;
    this.tip.style.top = `${(cell.y + 1) * step + 6}px`;
    const room = this.canvas.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(room, cell.x * step))}px`;
  }

  /** @param {{ x: number, y: number }} cell */
  #zoomAt({ x, y }) {
    if (!this.#answer) return;
    const { bits, v6 } = bitsOf(this.block);
    const { order } = this.#answer;
    this.#zoomTo(prefixOf(bits + pairs(indexAt(x, y, order, this.#turn), order), v6));
  }

  /** Into the square that holds a cell, unless that is too small to be divided. @param {string} cell */
  #zoomTo(cell) {
    const { bits, v6 } = bitsOf(cell);
    const length = bitsOf(this.block).bits.length + 2 * ZOOM;
    if (length + 2 * (ZOOM - 1) <= BITS[this.family()]) this.zoom(prefixOf(bits.slice(0, length), v6));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const side = 2 ** (this.#answer?.order ?? ORDER);
    const { x, y } = this.#pointed ?? { x: side / 2, y: side / 2 };
    const by = event.shiftKey ? side / 8 : 1;
    /** @type {Record<string, [number, number]>} */
    const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
    const within = (/** @type {number} */ at) => Math.max(0, Math.min(side - 1, at));
    if (event.key in moves) this.#point({ x: within(x + moves[event.key][0]), y: within(y + moves[event.key][1]) });
    else if (event.key === "Enter" && this.#pointed) this.#zoomAt(this.#pointed);
    else if (event.key === "Backspace" || event.key === "Escape") this.#back();
    else return;
    event.preventDefault();
  }

  #back() {
    const crumbs = [...byId("map-trail").querySelectorAll("button")];
    crumbs.at(-2)?.click();
  }
}

/** An index as bits, two for each level. @param {number} index @param {number} levels */
function pairs(index, levels) {
  return index.toString(2).padStart(2 * levels, "0");
}
