// @ts-check
/** An explanation as lines of words. arm/web/explain.py has the meaning of every field. Pure. */

import { amount, clock, count, duration, packetRate, rate } from "./format.js";

/** @typedef {{ prefix: string, next_hop: string, as_path: string, communities: string[] }} SeenRoute */
/** @typedef {{ prefix: string, kind: string, next_hop: string | null, gateways: string[], wanted: boolean, announced: boolean, in_kernel: boolean, hardware: string, since: number | null }} SeenEntry */
/** @typedef {{ bits_per_second: number, error: number, packets_per_second: number, samples: number, weight: number, blocks: number }} Measured */
/** @typedef {{ kind: string, gateways: string[] }} Way */

/**
 * @typedef {object} Explanation
 * @property {string} asked
 * @property {string} family
 * @property {"served" | "default" | "detour" | "astray" | "several"} verdict
 * @property {{ name: string, text: string }[]} reasons
 * @property {SeenRoute | null} route
 * @property {string[]} covering
 * @property {number} hidden
 * @property {string[]} hidden_first
 * @property {string | null} block
 * @property {Measured} here
 * @property {Measured | null} of_route
 * @property {number | null} rank
 * @property {number} active
 * @property {number} chosen
 * @property {number} capacity
 * @property {SeenEntry | null} entry
 * @property {SeenEntry | null} coming
 * @property {Way} full
 * @property {Way} kernel
 */

export const VERDICTS = {
  served: "Served: an entry sends it where the full table says",
  default: "By the default route, which leads where the full table says",
  detour: "By the default route, though the full table says otherwise",
  astray: "Astray: neither where the full table says nor by the default route",
  several: "Not all of its addresses go the same way",
};

/** Names with their texts; what is not known is left out. @param {Explanation} found @returns {[string, string][]} */
export function facts(found) {
  const { route, entry, coming, of_route: ofRoute, here } = found;
  /** @type {[string, string | undefined][]} */
  const lines = [
    ["Route", route ? `${route.prefix} via ${route.next_hop}` : "none but the default"],
    ["AS path", route?.as_path],
    ["Communities", route?.communities.join(", ")],
    ["Covered by", found.covering.join(", ") || "no other route"],
    ["Hides", hides(found)],
    ["Full table", way(found.full)],
    ["Kernel", way(found.kernel)],
    ["Entry", entry ? words(entry) : "none: the default route decides"],
    ["Coming", coming ? words(coming) : undefined],
    ["Block", found.block ?? `${count(here.blocks)} blocks with traffic`],
    ["Traffic here", measured(here)],
    ["Traffic of the route", ofRoute ? measured(ofRoute) : undefined],
    ["Worth", ofRoute ? `${amount(ofRoute.weight)} per second` : undefined],
    ["Rank", found.rank === null ? "not among the active prefixes" : `${count(found.rank)} of ${count(found.active)} active`],
    ["Entries", `${count(found.chosen)} chosen, room for ${count(found.capacity)}`],
  ];
  return lines.filter((line) => line[1]).map(([name, text]) => [name, text ?? ""]);
}

/** @param {Explanation} found */
function hides({ hidden, hidden_first: first }) {
  if (hidden === 0) return "no more-specific route";
  const more = hidden > first.length ? ` and ${count(hidden - first.length)} more` : "";
  return `${first.join(", ")}${more}`;
}

/** @param {Way} way */
function way({ kind, gateways }) {
  const words = kind === "next hop" ? "by" : `${kind}${gateways.length > 0 ? ", by" : ""}`;
  return `${words} ${gateways.join(" and ")}`.trim();
}

/** @param {SeenEntry} entry */
function words({ prefix, kind, next_hop: nextHop, wanted, announced, in_kernel: inKernel, hardware, since }) {
  const state = [
    wanted ? "wanted" : "not wanted",
    announced ? "announced" : "not announced",
    inKernel ? "in the kernel" : "not in the kernel",
    hardware === "unknown" ? undefined : hardware === "refused" ? "refused by the hardware" : hardware === "yes" ? "in the hardware" : "not in the hardware",
    since === null ? undefined : `since ${clock(since)} (${duration(Date.now() / 1000 - since)})`,
  ];
  const via = nextHop === null ? "" : ` via ${nextHop}`;
  return `${prefix} (${kind})${via}: ${state.filter((part) => part !== undefined).join(", ")}`;
}

/** @param {Measured} traffic */
function measured({ bits_per_second: bits, error, packets_per_second: packets, samples }) {
  if (samples <= 0) return "no sample lately";
  return `${rate(bits)} ± ${rate(error)}, ${packetRate(packets)}, from ${amount(samples)} samples`;
}
