// @ts-check
/** Figures over time, of one family and of the daemon. */

import { fetchHistory } from "./api.js";
import { byId } from "./dom.js";
import { amount, bytes, count, familyTitle, percent, rate } from "./format.js";
import { Chart, loadLibrary } from "./plot.js";
import { Poll } from "./poll.js";

/** @typedef {import("./api.js").History} History */
/** @typedef {import("./plot.js").Line} Line */
/** @typedef {import("./plot.js").Kind} Kind */

/**
 * @typedef {object} Shown
 * @property {string} figure without the family
 * @property {string} name as the legend has it
 * @property {string} color
 * @property {boolean} [dashed]
 * @property {boolean} [spread] a band from the lowest to the highest within each step
 * @property {string} [error] the figure that is the half-width of a band
 */

const REASON = "miss.";
/** No entry serves it, but nothing is lost: it would only dwarf the reasons that cost coverage. */
export const DEFAULT = "follows-default";
const COLORS = ["c2", "c4", "c5", "c6", "c7", "c8", "c9", "c10"];

/** @type {(Kind & { lines: Shown[] })[]} */
const FAMILY = [
  { title: "Coverage", format: percent, tick: percent, range: "share", lines: [
    { figure: "coverage", name: "sent as the full table says", color: "c1", error: "coverage_error" },
  ] },
  { title: "Not covered, by reason", format: percent, tick: percent, stacked: true, lines: [] },
  { title: "Served", format: percent, tick: percent, range: "share", lines: [
    { figure: "hit_rate", name: "by an entry to a next hop of its own", color: "c3", spread: true },
    { figure: `${REASON}${DEFAULT}`, name: "by the default, which leads there too", color: "c0" },
  ] },
  { title: "Entries", format: count, lines: [
    { figure: "capacity", name: "capacity", color: "c0", dashed: true },
    { figure: "wanted", name: "wanted", color: "c3", dashed: true },
    { figure: "installed", name: "installed", color: "c1" },
    { figure: "active", name: "active prefixes", color: "c2" },
  ] },
  { title: "Traffic", format: rate, lines: [{ figure: "bits_per_second", name: "bit rate", color: "c1", spread: true }] },
  { title: "RIB", format: count, range: "near", lines: [{ figure: "rib_routes", name: "routes", color: "c1", spread: true }] },
  { title: "Changes per second", format: amount, lines: [
    { figure: "route_changes_per_second", name: "in the RIB", color: "c1" },
    { figure: "fib_changes_per_second", name: "in the FIB", color: "c2" },
  ] },
  { title: "Samples per second", format: amount, lines: [{ figure: "samples_per_second", name: "sFlow samples", color: "c1", spread: true }] },
];
/** @type {(Kind & { lines: Shown[] })[]} */
const DAEMON = [
  { title: "Traffic unseen", format: percent, tick: percent, lines: [{ figure: "unseen", name: "lost samples", color: "c2" }] },
  { title: "ARM: processor", format: (cores) => `${amount(cores)} cores`, lines: [{ figure: "cpu", name: "in use", color: "c1", spread: true }] },
  { title: "ARM: memory", format: bytes, tick: bytes, lines: [{ figure: "resident_bytes", name: "resident", color: "c1" }] },
  { title: "ARM: stalls", format: (seconds) => `${amount(seconds * 1000)} ms`, lines: [{ figure: "stall_seconds", name: "longest", color: "c6" }] },
];
for (const kind of [...FAMILY, ...DAEMON]) {
  kind.sync = "time";
  if (kind.format === rate) kind.tick = rate;
  if (kind.title === "ARM: stalls") kind.tick = kind.format;
}

/** @type {Record<string, number>} in milliseconds: no faster than there is news to see */
export const PERIODS = { "5m": 2_000, "1h": 15_000, "1d": 60_000, "1w": 300_000 };
/** @type {Record<string, string>} */
export const SPANS = { "5m": "5 minutes", "1h": "1 hour", "1d": "1 day", "1w": "1 week" };

/**
 * @param {() => string} family
 * @param {() => string} span
 */
export function watchCharts(family, span) {
  const charts = [...FAMILY, ...DAEMON].map((kind) => new Chart(byId("charts-grid"), kind));
  /** All that there are, once they are known. @type {string[]} */
  let known = [];
  return new Poll({
    section: byId("charts"),
    fault: byId("charts-fault"),
    what: "charts",
    period: () => PERIODS[span()],
    refresh: async (signal) => {
      const uPlot = await loadLibrary();
      byId("charts-missing").hidden = uPlot !== undefined;
      if (!uPlot) return;
      const label = family();
      const names = known.filter((name) => name.startsWith(`${label}.`) || name.startsWith("daemon."));
      const history = await fetchHistory(span(), names, signal);
      if (known.length === 0) known = Object.keys(history.figures);
      for (const [place, chart] of charts.entries()) {
        const of = place < FAMILY.length ? label : "daemon";
        const lines = of !== "daemon" && chart.kind.stacked ? reasons(history, label) : linesOf(history, of, [...FAMILY, ...DAEMON][place].lines);
        chart.root.hidden = lines.length === 0;
        if (lines.length === 0) continue;
        const where = `${of === "daemon" ? "" : `${familyTitle(of)}, `}${SPANS[history.span]}`;
        chart.show(uPlot, history.starts, lines, where);
      }
    },
  });
}

/** @param {History} history @param {string} of @param {Shown[]} shown @returns {Line[]} */
function linesOf(history, of, shown) {
  return shown.flatMap(({ figure, name, color, dashed, spread, error }) => {
    const found = history.figures[`${of}.${figure}`];
    if (!found) return [];
    const line = { name, color, dashed, values: bridged(found.mean, history) };
    if (spread) return [{ ...line, low: bridged(found.low, history), high: bridged(found.high, history) }];
    const width = error && bridged(history.figures[`${of}.${error}`]?.mean ?? [], history);
    if (!width) return [line];
    const around = (/** @type {number} */ sign) =>
      line.values.map((value, at) => (value === null ? null : Math.min(1, Math.max(0, value + sign * (width[at] ?? 0)))));
    return [{ ...line, low: around(-1), high: around(1) }];
  });
}

/**
 * A tick that is a little late leaves a second without a figure, which is no gap to speak of.
 * @param {(number | null)[]} values @param {{ step: number }} history
 */
export function bridged(values, { step }) {
  if (step > 1) return values;
  return values.map((value, at) => value ?? ((values[at + 1] ?? null) === null ? null : (values[at - 1] ?? null)));
}

/** What the daemon knows reasons for, the first at the bottom. @param {History} history @param {string} label @returns {Line[]} */
function reasons(history, label) {
  const start = `${label}.${REASON}`;
  const names = Object.keys(history.figures).filter((name) => name.startsWith(start) && name !== start + DEFAULT);
  return names.map((name, place) => ({
    name: name.slice(start.length).replaceAll(/[-_]/g, " "),
    color: COLORS[place % COLORS.length],
    values: bridged(history.figures[name].mean, history),
  }));
}
