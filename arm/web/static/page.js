// @ts-check
/** Wires the page: live status into banner and tiles, the chosen part of the route table into the table. */

import { watchAgents } from "./agents.js";
import { fetchRoutes } from "./api.js";
import { watchCharts } from "./charts.js";
import { watchCurve } from "./curve.js";
import { byId, setText } from "./dom.js";
import { watchEvents } from "./events.js";
import { Explain } from "./explain.js";
import { Filters } from "./filters.js";
import { clock, count } from "./format.js";
import { watchFlows } from "./flows.js";
import { showHealth } from "./health.js";
import { AddressMap } from "./map.js";
import { watchLinks } from "./nav.js";
import { Stream } from "./stream.js";
import { showTable } from "./table.js";
import { choice } from "./view.js";
import { showInputs, showTiles } from "./tiles.js";

/** @typedef {import("./api.js").Status} Status */

const REFRESH = 2_000;
/** The daemon publishes each second; figures that stand still for this long are old news. */
const STILL = 10_000;

/** @type {Status | undefined} */
let status;
let statusHeard = Date.now();
let connected = false;
let tried = false;

/** Shows how far the figures can be trusted: everything that is not current says so. */
function showTrust() {
  const still = Date.now() - statusHeard > STILL;
  const seen = status ? `showing data from ${clock(status.time)}` : "no data yet";
  let fault = "";
  if (!connected && tried) fault = `Connection lost, ${seen}. Reconnecting …`;
  else if (connected && still) fault = `ARM answers, but its figures stand still: ${seen}.`;
  setText(byId("connection"), fault);
  byId("connection").hidden = fault === "";
  document.body.classList.toggle("old", fault !== "");
  if (status) showHealth(status, fault === "");
}

new Stream(
  (news) => {
    status = news;
    statusHeard = Date.now();
    showTiles(news);
    showInputs(news);
    showTrust();
  },
  (up) => {
    const back = up && !connected && tried; // the first table is on its way already
    connected = up;
    tried = true;
    showTrust();
    if (back) void refresh();
  },
  () => events.again(),
);
setInterval(showTrust, 1_000);

const filters = new Filters(() => void refresh(true));
let timer = 0;
let asking = new AbortController();

/** Fetches the visible page, again and again while somebody can see it. @param {boolean} [byReader] */
async function refresh(byReader = false) {
  clearTimeout(timer);
  asking.abort(); // an older answer must not overwrite a newer question
  const mine = (asking = new AbortController());
  try {
    const page = await fetchRoutes(filters.query(), AbortSignal.any([mine.signal, AbortSignal.timeout(10_000)]));
    if (mine.signal.aborted) return;
    if (page.routes.length === 0 && page.matched > 0) {
      filters.goTo(Math.floor((page.matched - 1) / page.limit) * page.limit); // the table became shorter
      return;
    }
    showTable(page, status?.time ?? Date.now() / 1000);
    showFault("");
    if (byReader) setText(byId("routes-found"), `${count(page.matched)} routes`);
  } catch (error) {
    if (mine.signal.aborted) return;
    showFault(`The table could not be refreshed: ${error instanceof Error ? error.message : error}`);
  }
  if (!document.hidden) timer = setTimeout(refresh, REFRESH);
}

/** @param {string} fault */
function showFault(fault) {
  setText(byId("routes-fault"), fault);
  byId("routes-fault").hidden = fault === "";
}

for (const [id, pages] of /** @type {[string, number][]} */ ([["previous", -1], ["next", 1]])) {
  const button = byId(id);
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") filters.turn(pages);
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void refresh();
});
void refresh();
watchAgents();
watchLinks();

const explain = new Explain();
byId("rows").addEventListener("click", (event) => {
  const row = event.target instanceof Element ? event.target.closest("tr") : null;
  // Who selects text wants to copy it.
  if (row?.dataset.key && getSelection()?.isCollapsed !== false) explain.open(row.dataset.key);
});

const scoped = () => [charts, flows, curve, map.poll].forEach((poll) => poll.again());
const family = choice("of", scoped);
const span = choice("span", () => [charts, flows].forEach((poll) => poll.again()));
const by = choice("by", () => flows.again());
const charts = watchCharts(family, span);
const flows = watchFlows(family, span, by);
const curve = watchCurve(family);
const map = new AddressMap(family, (prefix) => explain.open(prefix));
const events = watchEvents();
