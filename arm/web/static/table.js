// @ts-check
/** The visible page of the route table. The server filters, sorts and cuts; this only shows. */

import { byId, fieldOf, fill, reconcile, setAttribute, setText } from "./dom.js";
import { clock, count, duration, familyTitle, packetRate, rate } from "./format.js";

/** @typedef {import("./api.js").ActiveRoute} ActiveRoute */
/** @typedef {import("./api.js").RoutePage} RoutePage */

/**
 * @param {RoutePage} page
 * @param {number} now by the daemon's clock, which `since` was taken from
 */
export function showTable(page, now) {
  reconcile(byId("rows"), page.routes, (route) => route.prefix, "row", (row, route) => showRow(row, route, now));
  const last = page.offset + page.routes.length;
  const of = `${count(page.matched)}${page.matched < page.total ? ` (${count(page.total)} in all)` : ""}`;
  setText(byId("range"), page.matched === 0 ? "0" : `${count(page.offset + 1)}–${count(last)} of ${of}`);
  byId("empty").hidden = page.matched > 0;
  // Not `disabled`, which would take the focus away from whoever pages by keyboard.
  setAttribute(byId("previous"), "aria-disabled", String(page.offset === 0));
  setAttribute(byId("next"), "aria-disabled", String(last >= page.matched));
}

/** @param {HTMLElement} row @param {ActiveRoute} route @param {number} now */
function showRow(row, route, now) {
  fill(row, {
    rank: count(route.rank),
    prefix: route.prefix,
    family: familyTitle(route.family),
    bits_per_second: rate(route.bits_per_second),
    packets_per_second: packetRate(route.packets_per_second),
    next_hop: route.next_hop ?? "no route",
    as_path: route.as_path,
    kind: route.kind ?? "",
    state: state(route),
    since: route.since === null ? "" : duration(now - route.since),
  });
  setAttribute(row, "data-different", String(route.difference !== null));
  setAttribute(row, "data-routed", String(route.next_hop !== null));
  setAttribute(fieldOf(row, "since"), "title", route.since === null ? "" : clock(route.since));
}

/** Where its entry stands. @param {ActiveRoute} route */
function state({ difference, wanted, announced, in_kernel: inKernel }) {
  if (difference !== null) return difference.replaceAll("-", " ");
  if (inKernel) return announced ? "installed" : "leaving";
  return announced ? "on its way" : wanted ? "waiting" : "not chosen";
}
