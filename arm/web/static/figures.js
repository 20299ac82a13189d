// @ts-check
/** The figures of a counter record that an operator looks for first. What the agent does not know is left out. */

import { bytes, count, duration, percent, rate } from "./format.js";

/** @typedef {import("./api.js").Counters} Counters */
/** @typedef {import("./api.js").Usage} Usage */
/** @typedef {Counters["values"]} Values */

/** @type {Record<string, (values: Values) => (string | undefined)[]>} */
const BY_KIND = {
  interface: (values) => [
    state(values.status),
    known(values.speed, rate),
    known(values.in_octets, bytes, " in"),
    known(values.out_octets, bytes, " out"),
    lost(values, "errors"),
    lost(values, "discards"),
  ],
  ethernet: (values) => {
    const faults = Object.entries(values).filter(([, value]) => typeof value === "number" && value > 0);
    return faults.length === 0 ? ["no faults"] : faults.map(([name, value]) => known(value, count, ` ${words(name)}`));
  },
  host_cpu: (values) => [
    known(values.load_1, (load) => `load ${load.toFixed(2)}`),
    known(values.cpus, count, " CPUs"),
    known(values.uptime, (seconds) => `up ${duration(seconds)}`),
  ],
  host_memory: (values) => [
    known(values.total, bytes),
    known(values.free, bytes, " free"),
    known(values.cached, bytes, " cached"),
  ],
  host_disk: (values) => [
    known(values.total, bytes),
    known(values.free, bytes, " free"),
    known(values.fullest, (share) => `fullest partition ${percent(share / 10_000)}`),
  ],
  host_network: (values) => [
    known(values.in_octets, bytes, " in"),
    known(values.out_octets, bytes, " out"),
    lost(values, "errors"),
    lost(values, "drops"),
  ],
  broadcom_tables: (values) => Object.entries(values).map(([table, usage]) => filled(words(table), usage)),
};

/** @param {Counters} counters */
export function figures({ kind, values }) {
  const parts = BY_KIND[kind]?.(values) ?? [];
  return parts.filter((part) => part !== undefined).join(" · ");
}

/** @param {Values[string] | undefined} value @param {(value: number) => string} format @param {string} [unit] */
function known(value, format, unit = "") {
  return typeof value === "number" ? format(value) + unit : undefined;
}

/** @param {string} name */
function words(name) {
  return name.replaceAll("_", " ");
}

/** Bit 1 is what it does, bit 0 what it was told to do. @param {Values[string] | undefined} status */
function state(status) {
  if (typeof status !== "number") return undefined;
  return status & 2 ? "up" : status & 1 ? "down" : "switched off";
}

/** Both directions; nothing lost is not worth a word. @param {Values} values @param {string} what */
function lost(values, what) {
  const both = Number(values[`in_${what}`] ?? 0) + Number(values[`out_${what}`] ?? 0);
  return both > 0 ? `${count(both)} ${what}` : undefined;
}

/** Only tables whose size is known. @param {string} table @param {Values[string]} usage */
function filled(table, usage) {
  if (usage === null || typeof usage !== "object" || usage.used === null || usage.maximum === null) return undefined;
  return `${table} ${count(usage.used)} of ${count(usage.maximum)}`;
}
