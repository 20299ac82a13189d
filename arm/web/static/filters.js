// @ts-check
/** Which part of the route table the reader chose to see. */

import { byId, setAttribute } from "./dom.js";
import { choose, chosen, onAddress } from "./view.js";

const PAGE = 100;
const TYPING = 100; // milliseconds
/** What differs between ARM and the kernel comes first, then what is worth most. */
const DEFAULTS = { q: "", family: "", state: "all", kind: "", sort: "difference", order: "asc", offset: "0" };
/** The direction that a first click on a header means: most traffic, newest. */
const DOWN_FIRST = new Set(["bits_per_second", "packets_per_second", "since"]);

/** @typedef {keyof typeof DEFAULTS} Name */
const NAMES = /** @type {Name[]} */ (Object.keys(DEFAULTS));

export class Filters {
  /** @param {(byReader: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.form = /** @type {HTMLFormElement} */ (byId("filters"));
    this.values = { ...DEFAULTS };
    this.#read();
    let typing = 0;
    this.form.addEventListener("input", (event) => {
      clearTimeout(typing);
      // A choice is made; a word may be half typed.
      typing = setTimeout(() => this.#fromForm(), event.target instanceof HTMLSelectElement ? 0 : TYPING);
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of document.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => this.#sortBy(/** @type {HTMLElement} */ (button).dataset.sort ?? ""));
    }
    onAddress(() => {
      this.#read();
      this.onChange(true);
    });
  }

  /** The parameters for the API. */
  query() {
    const query = new URLSearchParams({ limit: String(PAGE) });
    for (const name of NAMES) if (this.values[name]) query.set(name, this.values[name]);
    return query;
  }

  get offset() {
    return Number(this.values.offset);
  }

  /** Turns pages; 1 is the next one. @param {number} pages */
  turn(pages) {
    this.goTo(this.offset + pages * PAGE);
  }

  /** @param {number} offset */
  goTo(offset) {
    this.#set({ offset: String(Math.max(0, offset)) });
  }

  #fromForm() {
    const form = new FormData(this.form);
    const text = (/** @type {string} */ name) => String(form.get(name)).trim();
    this.#set({ q: text("q"), family: text("family"), state: text("state"), kind: text("kind"), offset: "0" });
  }

  /** @param {string} sort */
  #sortBy(sort) {
    const down = this.values.sort === sort ? this.values.order === "asc" : DOWN_FIRST.has(sort);
    this.#set({ sort, order: down ? "desc" : "asc", offset: "0" });
  }

  /** @param {Partial<typeof DEFAULTS>} changes */
  #set(changes) {
    Object.assign(this.values, changes);
    choose(Object.fromEntries(NAMES.map((name) => [name, this.values[name] === DEFAULTS[name] ? "" : this.values[name]])));
    this.#showSort();
    this.onChange(true);
  }

  #read() {
    for (const name of NAMES) this.values[name] = chosen(name, DEFAULTS[name]);
    for (const name of /** @type {Name[]} */ (["q", "family", "state", "kind"])) {
      const control = /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
      if (control.value !== this.values[name]) control.value = this.values[name];
    }
    this.#showSort();
  }

  #showSort() {
    for (const button of document.querySelectorAll("[data-sort]")) {
      const sorted = /** @type {HTMLElement} */ (button).dataset.sort === this.values.sort;
      const direction = this.values.order === "desc" ? "descending" : "ascending";
      setAttribute(/** @type {Element} */ (button.closest("th")), "aria-sort", sorted ? direction : "none");
    }
  }
}
