// @ts-check
/** What each number of entries is worth on the traffic of now, by strategy. */

import { ask } from "./api.js";
import { byId, setText } from "./dom.js";
import { clock, count, familyTitle, percent } from "./format.js";
import { Chart, loadLibrary } from "./plot.js";
import { Poll } from "./poll.js";

/**
 * @typedef {object} Curve
 * @property {string} family
 * @property {number} capacity
 * @property {number[]} entries
 * @property {{ top: (number | null)[], safe: (number | null)[], optimal: (number | null)[] }} strategies
 * @property {(number | null)[]} bound
 * @property {number | null} made
 */

const PERIOD = 60_000;
/** Three strategies are chosen anew at each point, which takes the daemon a while. */
const PATIENCE = 120_000;

/** @param {() => string} family */
export function watchCurve(family) {
  const chart = new Chart(byId("curve-chart"), {
    title: "Coverage",
    format: percent,
    tick: percent,
    range: "share",
    x: (entries) => `${count(entries)} entries`,
    tall: true,
  });
  return new Poll({
    section: byId("curve"),
    fault: byId("curve-fault"),
    what: "curve",
    period: () => PERIOD,
    patience: PATIENCE,
    refresh: async (signal) => {
      /** @type {Curve} */
      const curve = await ask("curve", { family: family() }, signal);
      const uPlot = await loadLibrary();
      if (!uPlot) return;
      const { entries, strategies, bound, capacity, made } = curve;
      const when = made === null ? "There is no traffic yet to choose by." : `On the traffic of ${clock(made)}.`;
      setText(byId("curve-note"), `${when} Capacity: ${count(capacity)} entries (the dashed line).`);
      chart.kind.mark = capacity;
      chart.show(
        uPlot,
        entries,
        [
          { name: "bound of any safe table", color: "c0", values: bound, dashed: true },
          { name: "optimal", color: "c3", values: strategies.optimal },
          { name: "safe", color: "c1", values: strategies.safe },
          { name: "top", color: "c2", values: strategies.top },
        ],
        `${familyTitle(curve.family)}, by number of entries, at capacity`,
      );
    },
  });
}
