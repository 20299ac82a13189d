// @ts-check
/** Figures as people read them. A no-break space keeps number and unit on one line. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

/** For the edge of a chart: 1.04M. @param {number} value */
export function compact(value) {
  return short.format(value);
}

/** What is seldom a whole number: 0.31, 12.4, 1,204. @param {number} value */
export function amount(value) {
  return value >= 100 ? count(value) : value.toFixed(value >= 10 ? 1 : value > 0 ? 2 : 0);
}

/** Three figures and a unit: 12.4 Gb/s. @param {number} bitsPerSecond */
export function rate(bitsPerSecond) {
  return scaled(bitsPerSecond, "b/s");
}

/** Three figures and a unit: 8.12 kp/s. @param {number} packetsPerSecond */
export function packetRate(packetsPerSecond) {
  return scaled(packetsPerSecond, "p/s");
}

/** Three figures and a unit: 8.12 GB. @param {number} octets */
export function bytes(octets) {
  return scaled(octets, "B");
}

/** @param {number} amount @param {string} unit */
function scaled(amount, unit) {
  let value = amount;
  let step = 0;
  // 999.5 would be rounded to 1000, which belongs to the next unit.
  while (value >= 999.5 && step < PREFIXES.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}\u00a0${PREFIXES[step]}${unit}`;
}

/**
 * A share from 0 to 1. Only all is 100 % and only nothing is 0 %: an operator must see the last bit of a loss.
 * @param {number} share
 */
export function percent(share) {
  const shown = share < 1 ? Math.min(share * 100, 99.9) : 100;
  return `${(share > 0 ? Math.max(shown, 0.1) : 0).toFixed(1)}\u00a0%`;
}

/** The two biggest units: 2 h 5 min. @param {number} seconds */
export function duration(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const days = Math.floor(total / 86400);
  const hours = Math.floor(total / 3600) % 24;
  const minutes = Math.floor(total / 60) % 60;
  if (days > 0) return `${count(days)}\u00a0d ${hours}\u00a0h`;
  if (hours > 0) return `${hours}\u00a0h ${minutes}\u00a0min`;
  if (minutes > 0) return `${minutes}\u00a0min`;
  return `${total}\u00a0s`;
}

/** The time of day here, with the date unless it is today. @param {number} unixSeconds */
export function clock(unixSeconds) {
  const moment = new Date(unixSeconds * 1000);
  const time = moment.toLocaleTimeString("en-GB");
  const today = moment.toDateString() === new Date().toDateString();
  return today ? time : `${moment.toLocaleDateString("en-CA")} ${time}`;
}

/** @param {string} label */
export function familyTitle(label) {
  return label === "ipv6" ? "IPv6" : "IPv4";
}
