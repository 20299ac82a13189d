// @ts-check
/** A chart with its legend and its words. Drawing is uPlot's, which the package brings with it. */

import { color } from "./colors.js";
import { copyOf, fieldOf, reconcile, setAttribute, setText } from "./dom.js";
import { clock } from "./format.js";
import { axes, nearRange, rem, shareRange, zeroRange } from "./scales.js";

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} color the name of a colour in charts.css
 * @property {(number | null)[]} values
 * @property {(number | null)[]} [low] with `high`: a band around the line
 * @property {(number | null)[]} [high]
 * @property {boolean} [dashed]
 */

/**
 * @typedef {object} Kind
 * @property {string} title
 * @property {(value: number) => string} format
 * @property {(value: number) => string} [tick] shorter, for the axis
 * @property {"zero" | "share" | "near"} [range] from 0; part of 0 to 1; close around the figures
 * @property {boolean} [stacked]
 * @property {(value: number) => string} [x] what is not time along the lower edge
 * @property {string} [sync] charts of the same name point at the same time
 * @property {number} [mark] a vertical line at this x
 * @property {boolean} [tall]
 */

const RANGES = { zero: zeroRange, share: shareRange, near: nearRange };
const HEIGHT = 11; // rem, as in charts.css
const TALL = 20;

/** @type {Promise<any> | undefined} */
let library;

/** uPlot, or undefined where the package was built without it. */
export function loadLibrary() {
  return (library ??= new Promise((resolve) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = "static/vendor/uPlot.css";
    const script = document.createElement("script");
    script.src = "static/vendor/uPlot.js";
    script.addEventListener("load", () => resolve(/** @type {any} */ (globalThis).uPlot));
    script.addEventListener("error", () => resolve(undefined));
    document.head.append(sheet, script);
  }));
}

export class Chart {
  /** @type {any} */
  #plot;
  #shape = "";
  /** @type {Line[]} */
  #lines = [];
  /** @type {number[]} */
  #x = [];

  /** @param {HTMLElement} parent @param {Kind} kind */
  constructor(parent, kind) {
    this.kind = kind;
    this.root = copyOf("chart");
    this.root.classList.toggle("tall", kind.tall === true);
    parent.append(this.root);
    this.area = fieldOf(this.root, "area");
    setText(fieldOf(this.root, "title"), kind.title);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.area);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot?.redraw(false));
  }

  /** @param {any} uPlot @param {number[]} x @param {Line[]} lines @param {string} where for the words: "IPv4, 1 h" */
  show(uPlot, x, lines, where) {
    this.#x = x;
    this.#lines = lines;
    const columns = [x, ...lines.flatMap((line, place) => this.#columns(line, place))];
    const shape = JSON.stringify([lines.map(({ name, low, dashed }) => [name, !low, dashed]), this.kind.mark]);
    if (shape === this.#shape) this.#plot.setData(columns);
    else {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(), columns, this.area);
      this.#shape = shape;
    }
    const last = this.#last();
    const words = lines.map((line) => `${line.name} ${this.#text(line.values[last])}`).join(", ");
    setAttribute(this.area, "aria-label", `${this.kind.title}, ${where}: ${words || "nothing was measured"}`);
    setAttribute(this.root, "data-empty", String(lines.every((line) => line.values.every((value) => value === null))));
    this.#legend(this.#plot.cursor.idx ?? null);
  }

  /** @param {Line} line @param {number} place */
  #columns(line, place) {
    if (this.kind.stacked) {
      const below = this.#lines.slice(0, place + 1);
      const known = (/** @type {number} */ at) => this.#lines.some(({ values }) => values[at] !== null);
      const sum = (/** @type {number} */ at) => below.reduce((all, { values }) => all + (values[at] ?? 0), 0);
      return [line.values.map((_, at) => (known(at) ? sum(at) : null))];
    }
    return line.low && line.high ? [line.values, line.high, line.low] : [line.values];
  }

  #size() {
    return { width: Math.max(this.area.clientWidth, 160), height: (this.kind.tall ? TALL : HEIGHT) * rem() };
  }

  #options() {
    const { kind } = this;
    /** @type {object[]} */
    const series = [{}];
    /** @type {object[]} */
    const bands = [];
    for (const [place, line] of this.#lines.entries()) {
      const stroke = () => color(line.color);
      const fill = (/** @type {number} */ alpha) => () => color(line.color, alpha);
      if (kind.stacked) {
        series.push({ stroke, width: 1, points: { show: false }, ...(place === 0 && { fill: fill(0.75) }) });
        if (place > 0) bands.push({ series: [place + 1, place], fill: fill(0.75) });
        continue;
      }
      series.push({ stroke, width: 1.75, dash: line.dashed ? [6, 4] : undefined, points: { size: 4 } });
      if (!line.low) continue;
      const high = series.length;
      series.push({ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } });
      bands.push({ series: [high, high + 1], fill: fill(0.2) });
    }
    return {
      ...this.#size(),
      series,
      bands,
      axes: axes(kind),
      scales: { x: { time: kind.x === undefined }, y: { range: RANGES[kind.range ?? "zero"] } },
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
        ...(kind.sync && { sync: { key: kind.sync } }),
      },
      hooks: {
        setCursor: [(/** @type {any} */ plot) => this.#legend(plot.cursor.idx ?? null)],
        draw: [(/** @type {any} */ plot) => this.#mark(plot)],
      },
    };
  }

  /** The vertical line. @param {any} plot */
  #mark(plot) {
    if (this.kind.mark === undefined) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.kind.mark, "x", true));
    ctx.save();
    ctx.strokeStyle = color("text");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** The newest place that has a figure. */
  #last() {
    for (let at = this.#x.length - 1; at >= 0; at--) if (this.#lines.some(({ values }) => values[at] !== null)) return at;
    return this.#x.length - 1;
  }

  /** @param {number | null | undefined} value */
  #text(value) {
    return value === null || value === undefined ? "–" : this.kind.format(value);
  }

  /** The figures at the pointer, or else the newest. @param {number | null} pointed */
  #legend(pointed) {
    const at = pointed ?? (this.kind.mark === undefined ? this.#last() : this.#nearest(this.kind.mark));
    const x = this.#x[at];
    const when = this.kind.x ?? clock;
    const told = pointed !== null || this.kind.x !== undefined;
    setText(fieldOf(this.root, "moment"), told && x !== undefined ? when(x) : "");
    // By place: two long AS paths may have been cut to the same name.
    const key = (/** @type {Line} */ line) => String(this.#lines.indexOf(line));
    reconcile(fieldOf(this.root, "legend"), this.#lines, key, "legend", (element, line) => {
      setAttribute(element, "data-color", line.color);
      setAttribute(element, "data-dashed", String(line.dashed === true));
      setText(fieldOf(element, "name"), line.name);
      setText(fieldOf(element, "value"), this.#text(line.values[at]));
    });
  }

  /** @param {number} x */
  #nearest(x) {
    return this.#x.reduce((best, each, at) => (Math.abs(each - x) < Math.abs(this.#x[best] - x) ? at : best), 0);
  }
}
