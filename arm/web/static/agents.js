// @ts-check
/** The table of what the agents count themselves. It is fetched only while somebody has it open. */

import { fetchAgents } from "./api.js";
import { byId, fieldOf, fill, reconcile, setAttribute, setText } from "./dom.js";
import { figures } from "./figures.js";
import { count, duration } from "./format.js";

/** @typedef {import("./api.js").Agent} Agent */
/** @typedef {import("./api.js").Counters} Counters */

/** Agents send their counters every 20 to 30 s. */
const REFRESH = 5_000;
/** A browser can show more, but nobody reads it. */
const MOST = 500;

const details = /** @type {HTMLDetailsElement} */ (byId("agents"));
let timer = 0;
let asking = new AbortController();

export function watchAgents() {
  details.addEventListener("toggle", () => void refresh());
  document.addEventListener("visibilitychange", () => void refresh());
}

async function refresh() {
  clearTimeout(timer);
  asking.abort();
  if (!details.open || document.hidden) return;
  const mine = (asking = new AbortController());
  try {
    const { agents } = await fetchAgents(AbortSignal.any([mine.signal, AbortSignal.timeout(10_000)]));
    if (mine.signal.aborted) return;
    showAgents(agents);
    showFault("");
  } catch (error) {
    if (mine.signal.aborted) return;
    showFault(`The counters could not be refreshed: ${error instanceof Error ? error.message : error}`);
  }
  timer = setTimeout(refresh, REFRESH);
}

/** @param {string} fault */
function showFault(fault) {
  setText(byId("agents-fault"), fault);
  byId("agents-fault").hidden = fault === "";
}

/** @param {Agent[]} agents */
function showAgents(agents) {
  const rows = agents.flatMap(({ agent, sources }) => {
    const names = new Map();
    for (const { source, kind, values } of sources) if (kind === "port_name") names.set(source, values.name);
    // The name stands beside its port's counters, not on a line of its own.
    return sources
      .filter(({ kind }) => kind !== "port_name")
      .map((counters) => ({ agent, counters, name: String(names.get(counters.source) ?? "") }));
  });
  reconcile(
    byId("agents-rows"),
    rows.slice(0, MOST),
    ({ agent, counters }) => `${agent} ${counters.source} ${counters.kind}`,
    "counters",
    (element, { agent, counters, name }) => {
      fill(element, {
        agent,
        source: name || counters.source,
        kind: counters.kind.replaceAll("_", " "),
        age: duration(counters.age_seconds),
        figures: figures(counters),
      });
      setAttribute(fieldOf(element, "source"), "title", `data source ${counters.source}`);
    },
  );
  byId("agents-empty").hidden = rows.length > 0;
  byId("agents-more").hidden = rows.length <= MOST;
  setText(byId("agents-more"), `${count(MOST)} of ${count(rows.length)} lines; all are at api/v1/agents.`);
}
