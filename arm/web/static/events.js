// @ts-check
/** What changed and why, the newest first. */

import { ask } from "./api.js";
import { byId, fieldOf, fill, reconcile, setAttribute } from "./dom.js";
import { clock, duration, familyTitle } from "./format.js";
import { Poll } from "./poll.js";
import { choose, chosen, onAddress } from "./view.js";

/**
 * @typedef {object} Event
 * @property {number} number
 * @property {number} time
 * @property {string} kind
 * @property {string} text
 * @property {string | null} family
 * @property {Record<string, string | number | boolean>} facts
 */
/** @typedef {{ events: Event[], before: number | null }} Page */

const PERIOD = 5_000;
const PAGE = 25;

/** @type {Record<string, string>} control in the form → name in the address */
const CONTROLS = { kind: "events", family: "events_of" };

export function watchEvents() {
  const form = /** @type {HTMLFormElement} */ (byId("events-filters"));
  const older = byId("events-older");
  /** How many pages the reader has opened, and what was asked for on each but the first. */
  let pages = 1;
  const control = (/** @type {string} */ name) => /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
  const read = () => {
    for (const [name, key] of Object.entries(CONTROLS)) control(name).value = chosen(key, "");
  };
  const poll = new Poll({
    section: byId("events"),
    fault: byId("events-fault"),
    what: "events",
    period: () => PERIOD,
    refresh: async (signal) => {
      /** @type {Record<string, string>} */
      const query = { limit: String(Math.min(1000, pages * PAGE)) };
      for (const name of Object.keys(CONTROLS)) if (control(name).value) query[name] = control(name).value;
      /** @type {Page} */
      const page = await ask("log", query, signal);
      show(page.events);
      older.hidden = page.before === null;
      byId("events-empty").hidden = page.events.length > 0;
    },
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    choose(Object.fromEntries(Object.entries(CONTROLS).map(([name, key]) => [key, control(name).value])));
    pages = 1;
    poll.again();
  });
  older.addEventListener("click", () => {
    pages += 1;
    poll.again();
  });
  onAddress(() => {
    read();
    poll.again();
  });
  read();
  return poll;
}

/** @param {Event[]} events */
function show(events) {
  const now = Date.now() / 1000;
  reconcile(byId("events-rows"), events, ({ number }) => String(number), "event", (row, event) => {
    fill(row, {
      time: clock(event.time),
      kind: event.kind,
      family: event.family === null ? "" : familyTitle(event.family),
      text: event.text,
    });
    setAttribute(fieldOf(row, "time"), "title", `${duration(now - event.time)} ago`);
    setAttribute(row, "data-tone", tone(event));
  });
}

/** @param {Event} event */
function tone({ facts }) {
  if (facts.critical === true && facts.raised === true) return "critical";
  return facts.raised === true || facts.lost === true || facts.ok === false ? "warning" : "calm";
}
