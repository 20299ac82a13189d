// @ts-check
/** The picture of the address space: one square for each block of addresses. */

import { along, color } from "./colors.js";

/**
 * @typedef {object} Cell
 * @property {number} index along the curve
 * @property {string} prefix
 * @property {number} bits_per_second
 * @property {number} installed_bits_per_second
 * @property {number} installed entries
 */

/**
 * @typedef {object} Picture
 * @property {number} side cells in a row
 * @property {number} square cells in a row of what a click zooms into
 * @property {{ x: number, y: number, cell: Cell }[]} cells
 * @property {{ x: number, y: number, text: string }[]} labels of the squares
 * @property {{ x: number, y: number } | null} pointed the cell under the pointer or the keyboard's
 */

/** A cell with a millionth of the greatest traffic is the faintest. */
const DECADES = 6;
const FAINTEST = 0.12;
/** From all by the default to all by entries. The way round by violet stays clear of grey. */
const SHARES = ["c2", "c4", "c1"];

/** @param {Cell} cell */
export function installedShare({ bits_per_second: all, installed_bits_per_second: installed }) {
  return all > 0 ? Math.min(1, installed / all) : 0;
}

/** @param {HTMLCanvasElement} canvas @param {Picture} picture */
export function draw(canvas, { side, square, cells, labels, pointed }) {
  const scale = devicePixelRatio;
  const size = Math.round(canvas.clientWidth * scale);
  if (size === 0) return;
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const step = size / side;
  context.fillStyle = color("ground");
  context.fillRect(0, 0, size, size);
  const most = Math.max(1, ...cells.map(({ cell }) => cell.bits_per_second));
  // Whole pixels, or seams would show between neighbours.
  const edge = (/** @type {number} */ at) => Math.round(at * step);
  for (const { x, y, cell } of cells) {
    const [left, top] = [edge(x), edge(y)];
    const [width, height] = [edge(x + 1) - left, edge(y + 1) - top];
    if (cell.bits_per_second > 0) {
      const level = 1 + Math.log10(cell.bits_per_second / most) / DECADES;
      context.fillStyle = along(SHARES, installedShare(cell), Math.max(FAINTEST, level));
      context.fillRect(left, top, width, height);
    } else if (cell.installed > 0) {
      context.strokeStyle = color("c1", 0.7);
      context.lineWidth = scale;
      context.strokeRect(left + scale, top + scale, Math.max(1, width - 2 * scale), Math.max(1, height - 2 * scale));
    }
  }
  lines(context, size, side / square, scale);
  write(context, labels, step, square * step, scale);
  if (pointed) frame(context, pointed, step, square, scale);
}

/** @param {CanvasRenderingContext2D} context @param {number} size @param {number} squares in a row @param {number} scale */
function lines(context, size, squares, scale) {
  context.strokeStyle = color("line");
  context.lineWidth = scale;
  context.beginPath();
  for (let at = 1; at < squares; at++) {
    const place = Math.round((at * size) / squares) + scale / 2;
    context.moveTo(place, 0);
    context.lineTo(place, size);
    context.moveTo(0, place);
    context.lineTo(size, place);
  }
  context.stroke();
}

/**
 * Only what fits: half a prefix would be another one.
 * @param {CanvasRenderingContext2D} context @param {Picture["labels"]} labels
 * @param {number} step @param {number} width of a square @param {number} scale
 */
function write(context, labels, step, width, scale) {
  context.font = `${Math.max(9, width / scale / 8) * scale}px system-ui, sans-serif`;
  context.textBaseline = "top";
  context.fillStyle = color("text", 0.8);
  for (const { x, y, text } of labels) {
    if (context.measureText(text).width < width - 6 * scale) context.fillText(text, x * step + 4 * scale, y * step + 4 * scale);
  }
}

/** The cell, and the square that a click zooms into. @param {CanvasRenderingContext2D} context @param {{ x: number, y: number }} at @param {number} step @param {number} square @param {number} scale */
function frame(context, { x, y }, step, square, scale) {
  context.strokeStyle = color("text");
  context.lineWidth = 2 * scale;
  context.strokeRect(x * step, y * step, step, step);
  context.lineWidth = 1.5 * scale;
  context.strokeStyle = color("accent");
  const first = (/** @type {number} */ at) => Math.floor(at / square) * square * step;
  context.strokeRect(first(x), first(y), square * step, square * step);
}
