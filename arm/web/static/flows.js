// @ts-check
/** Who the traffic belongs to: the top names by AS path, destination, peer or source over time, stacked. */

import { ask } from "./api.js";
import { bridged, PERIODS, SPANS } from "./charts.js";
import { byId } from "./dom.js";
import { familyTitle, rate } from "./format.js";
import { Chart, loadLibrary } from "./plot.js";
import { Poll } from "./poll.js";

/**
 * @typedef {object} Traffic
 * @property {string} family
 * @property {string} by
 * @property {string} span
 * @property {number} step
 * @property {number[]} starts
 * @property {{ name: string, bits_per_second: (number | null)[] }[]} series the last one is "other"
 */

/** @type {Record<string, string>} */
const TITLES = { as_path: "AS path", destination_as: "destination AS", peer_as: "peer AS", source_as: "source AS" };
const COLORS = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"];

/**
 * @param {() => string} family
 * @param {() => string} span
 * @param {() => string} by
 */
export function watchFlows(family, span, by) {
  const chart = new Chart(byId("flows-chart"), { title: "Bit rate", format: rate, tick: rate, stacked: true, sync: "time", tall: true });
  return new Poll({
    section: byId("flows"),
    fault: byId("flows-fault"),
    what: "traffic by AS",
    period: () => PERIODS[span()],
    refresh: async (signal) => {
      /** @type {Traffic} */
      const traffic = await ask("traffic", { family: family(), by: by(), span: span() }, signal);
      const uPlot = await loadLibrary();
      if (!uPlot) return;
      const lines = traffic.series.map(({ name, bits_per_second }, place) => ({
        name: name || "no AS path",
        color: place === traffic.series.length - 1 ? "c0" : COLORS[place % COLORS.length],
        values: bridged(bits_per_second, traffic),
      }));
      const where = `by ${TITLES[traffic.by]}, ${familyTitle(traffic.family)}, ${SPANS[traffic.span]}`;
      chart.show(uPlot, traffic.starts, lines, where);
    },
  });
}
