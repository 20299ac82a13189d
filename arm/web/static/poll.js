// @ts-check
/** Asks the daemon again and again, but only for what somebody can see. */

import { ApiError } from "./api.js";
import { setAttribute, setText } from "./dom.js";

/** How long an answer may take, in milliseconds. */
const PATIENCE = 10_000;

/** @typedef {object} Asked
 * @property {HTMLElement} section is asked for while it is on the screen
 * @property {HTMLElement} fault where a failure is told
 * @property {string} what "charts": for the sentence about a failure
 * @property {() => number} period in milliseconds
 * @property {(signal: AbortSignal) => Promise<void>} refresh
 * @property {number} [patience] for what takes the daemon long, in milliseconds
 */

export class Poll {
  #timer = 0;
  #asking = new AbortController();
  #seen = false;

  /** @param {Asked} asked */
  constructor(asked) {
    this.asked = asked;
    new IntersectionObserver(
      (entries) => {
        const seen = entries.some((entry) => entry.isIntersecting);
        if (seen === this.#seen) return;
        this.#seen = seen;
        this.again();
      },
      { rootMargin: "300px" }, // it should be there before it is scrolled to
    ).observe(asked.section);
    document.addEventListener("visibilitychange", () => this.again());
  }

  /** Now, and from now on. An older answer never overwrites a newer question. */
  again() {
    clearTimeout(this.#timer);
    this.#asking.abort();
    if (!this.#seen || document.hidden) return;
    void this.#ask((this.#asking = new AbortController()));
  }

  /** @param {AbortController} mine */
  async #ask(mine) {
    const { refresh, what, period, patience } = this.asked;
    try {
      await refresh(AbortSignal.any([mine.signal, AbortSignal.timeout(patience ?? PATIENCE)]));
      if (!mine.signal.aborted) this.#tell("", false);
    } catch (error) {
      if (mine.signal.aborted) return;
      const absent = error instanceof ApiError && (error.status === 404 || error.status === 501);
      const why = error instanceof Error ? error.message : error;
      this.#tell(absent ? `This ARM does not offer the ${what}.` : `The ${what} could not be refreshed: ${why}`, absent);
    }
    if (!mine.signal.aborted) this.#timer = setTimeout(() => this.again(), period());
  }

  /** @param {string} text @param {boolean} absent nothing is wrong: there is no such thing here */
  #tell(text, absent) {
    const { fault, section } = this.asked;
    setText(fault, text);
    fault.hidden = text === "";
    fault.classList.toggle("absent", absent);
    setAttribute(section, "data-absent", String(absent));
  }
}
