// @ts-check
/** Axes and ranges of the charts. */

import { color } from "./colors.js";
import { compact } from "./format.js";

const DAY = 86_400;

/** From 0 up. @param {unknown} _ @param {number | null} least @param {number | null} most */
export function zeroRange(_, least, most) {
  return [Math.min(0, least ?? 0), most ? most * 1.08 : 1];
}

/** A share: the part of 0 to 1 that is in use. @param {unknown} _ @param {number | null} least @param {number | null} most */
export function shareRange(_, least, most) {
  if (least === null || most === null) return [0, 1];
  const room = Math.max((most - least) * 0.15, 0.005);
  return [Math.max(0, least - room), Math.min(1, most + room)];
}

/** Close around the figures, but never so close that noise looks like news. @param {unknown} _ @param {number | null} least @param {number | null} most */
export function nearRange(_, least, most) {
  if (least === null || most === null) return [0, 1];
  const room = Math.max((most - least) * 0.15, most * 0.01, 1);
  return [Math.max(0, least - room), most + room];
}

/** Pixels: from a phone to a wall screen, charts grow with the text. */
export function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

/** @param {import("./plot.js").Kind} kind */
export function axes(kind) {
  const pixels = Math.round(0.78 * rem());
  const font = `${pixels}px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif`;
  const look = {
    font,
    stroke: () => color("soft"),
    grid: { stroke: () => color("line"), width: 1 },
    ticks: { show: false },
  };
  const tick = kind.tick ?? compact;
  const below = kind.x
    ? (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map(compact)
    : (/** @type {unknown} */ _, /** @type {number[]} */ splits, /** @type {unknown} */ __, /** @type {unknown} */ ___, /** @type {number} */ step) =>
        splits.map((seconds) => timeTick(seconds, step));
  return [
    { ...look, values: below, space: 4.5 * pixels, size: 2.3 * pixels, gap: 4 },
    {
      ...look,
      values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map(tick),
      size: (/** @type {any} */ _, /** @type {string[] | null} */ texts) => widest(texts, pixels),
      space: 2.7 * pixels,
      gap: 6,
    },
  ];
}

/** Room for the longest text, by and large. @param {string[] | null} texts @param {number} pixels high */
function widest(texts, pixels) {
  return Math.max(3, ...(texts ?? []).map((text) => 1 + 0.55 * text.length)) * pixels;
}

/** @param {number} seconds @param {number} step between two of them */
function timeTick(seconds, step) {
  const date = new Date(seconds * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (step >= DAY || midnight) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return date.toLocaleTimeString("en-GB", step >= 60 ? { hour: "2-digit", minute: "2-digit" } : {});
}
