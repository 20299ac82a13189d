// @ts-check
/** The figures of each family, and the line of sessions and sFlow below them. */

import { DEFAULT } from "./charts.js";
import { byId, fieldOf, fill, reconcile, setAttribute, setText } from "./dom.js";
import { clock, count, duration, familyTitle, percent, rate } from "./format.js";

/** @typedef {import("./api.js").Status} Status */
/** @typedef {import("./api.js").FamilyStatus} FamilyStatus */

/** A smaller share of the traffic is not worth a word. */
const NOTABLE = 0.001;

/** @param {Status} status */
export function showTiles(status) {
  setText(byId("about"), `${status.strategy}${mode(status)} · version ${status.version} · up ${duration(status.time - status.started)}`);
  setText(byId("clock"), `as of ${clock(status.time)}`);
  reconcile(byId("families"), status.families, (family) => family.family, "family", showFamily);
}

/** Only what is unusual is worth a word. @param {Status} status */
function mode({ operated }) {
  const rules = [[operated.pins, "pins"], [operated.denials, "denials"]].filter(([rules]) => Number(rules) > 0);
  const words = rules.map(([rules, what]) => ` · ${rules} ${what}`).join("");
  return operated.mode === "active" ? words : ` · mode ${operated.mode}${words}`;
}

/** @param {HTMLElement} element @param {FamilyStatus} family */
function showFamily(element, family) {
  const { coverage, coverage_error: error } = family;
  fill(element, {
    title: familyTitle(family.family),
    state: family.state,
    default_route: family.default_route ? "default route present" : "no default route",
    installed: count(family.installed),
    capacity: `of ${count(family.capacity)}`,
    intent: `${count(family.wanted)} wanted, ${count(family.announced)} announced`,
    hardware: hardware(family),
    coverage: coverage === null ? "–" : percent(coverage),
    coverage_error: coverage === null ? "no traffic" : error === null ? "" : `± ${(error * 100).toFixed(1)}`,
    hit_rate: family.hit_rate === null ? "" : `${percent(family.hit_rate)} by entries with a next hop of their own`,
    misses: misses(family),
    proof: proof(family.misforwarded_addresses, family.family),
    misforwarded: family.misforwarded ? `${percent(family.misforwarded)} of the traffic goes the wrong way` : "",
    bits_per_second: rate(family.bits_per_second),
    samples_per_second: `${count(family.samples_per_second)} samples/s`,
    active: count(family.active),
    rib_routes: count(family.rib_routes),
    missing: count(family.missing),
    unexpected: `${count(family.unexpected)} unexpected`,
  });
  setAttribute(fieldOf(element, "default_route"), "data-up", String(family.default_route));
  setAttribute(fieldOf(element, "proof"), "data-wrong", String((family.misforwarded_addresses ?? 0) > 0));
  const faulty = family.missing > 0 || family.unexpected > 0;
  setAttribute(/** @type {Element} */ (element.querySelector('[data-tile="missing"]')), "data-faulty", String(faulty));
  showGauge(element, "installed", family.installed, family.capacity, `${count(family.installed)} of ${count(family.capacity)}`);
  showGauge(element, "coverage", coverage ?? 0, 1, coverage === null ? "no traffic" : percent(coverage));
}

/** What the switch says itself, where it does. @param {FamilyStatus} family */
function hardware({ hardware: found }) {
  if (!found) return "";
  const parts = [[found.used, "in use"], [found.available, "free"]].filter(([entries]) => entries !== null);
  return `Hardware (${found.platform}): ${parts.map(([entries, words]) => `${count(Number(entries))} ${words}`).join(", ") || "not known"}`;
}

/** The reasons that cost most coverage. @param {FamilyStatus} family */
function misses({ misses: found }) {
  const costly = Object.entries(found ?? {}).filter(([reason, share]) => reason !== DEFAULT && share >= NOTABLE);
  const worst = costly.sort((a, b) => b[1] - a[1]).slice(0, 3);
  return worst.length === 0 ? "" : `Not covered: ${worst.map(([reason, share]) => `${reason.replaceAll("-", " ")} ${percent(share)}`).join(", ")}`;
}

/**
 * All addresses were looked at, with traffic or not.
 * @param {number | null} wrong @param {string} family
 */
function proof(wrong, family) {
  const what = family === "ipv6" ? "/64 networks" : "addresses";
  return wrong === null ? "not known which way addresses should go" : `${count(wrong)} ${what} go the wrong way`;
}

/**
 * @param {HTMLElement} root @param {string} name
 * @param {number} value @param {number} most @param {string} words
 */
function showGauge(root, name, value, most, words) {
  const gauge = /** @type {HTMLElement} */ (root.querySelector(`[data-gauge="${name}"]`));
  setAttribute(gauge, "aria-valuenow", String(value));
  setAttribute(gauge, "aria-valuemax", String(most));
  setAttribute(gauge, "aria-valuetext", words);
  setAttribute(gauge, "data-over", String(value > most));
  gauge.style.setProperty("--share", String(most > 0 ? Math.min(1, value / most) : 0));
}

/** @type {Status | undefined} */
let before;

/** @param {Status} status */
export function showInputs(status) {
  const sessions = Object.entries(status.sessions).map(([name, up]) => ({
    name: `BGP ${name}`,
    up: String(up),
    text: up ? "established" : "down",
  }));
  // A restarted daemon counts from 0 again, which is no rate.
  const seconds = before && before.started === status.started ? status.time - before.time : 0;
  const perSecond = before && seconds > 0 ? (status.sflow_datagrams - before.sflow_datagrams) / seconds : undefined;
  before = status;
  const parts = [`${count(status.sflow_datagrams)} datagrams`];
  if (perSecond !== undefined) parts.push(`${count(perSecond)}/s`);
  parts.push(...unseen(status));
  const kinds = Object.entries(status.sflow_malformed).sort((a, b) => b[1] - a[1]);
  const words = kinds.map(([kind, number]) => `${count(number)} ${kind}`).join(", ");
  const malformed = kinds.reduce((sum, [, faults]) => sum + faults, 0);
  if (malformed === 0) parts.push("0 malformed");
  const sflow = { name: "sFlow", up: String(perSecond === undefined || perSecond > 0), text: parts.join(" · ") };
  reconcile(byId("inputs"), [...sessions, sflow], (input) => input.name, "input", (element, input) => {
    setAttribute(element, "data-up", input.up);
    const faults = /** @type {HTMLElement} */ (element.querySelector('[data-part="faults"]'));
    fill(element, { name: input.name, text: input.text });
    faults.hidden = input !== sflow || malformed === 0;
    if (faults.hidden) return;
    setAttribute(faults, "title", words);
    fill(element, { faults: `${count(malformed)} malformed`, kinds: words });
  });
}

/**
 * The share of traffic that no sample told of may have matched wholly or not at all; the coverage's error
 * contains it already.
 * @param {Status} status
 */
function unseen({ sflow_unseen: share, families }) {
  if (share <= NOTABLE) return [];
  const errors = families.flatMap(({ coverage }) => (coverage === null ? [] : [share * Math.max(coverage, 1 - coverage)]));
  const words = `${percent(share)} of the traffic unseen`;
  return [errors.length === 0 ? words : `${words} (± ${(Math.max(...errors) * 100).toFixed(1)} of the coverage's error)`];
}
