// One picture on a canvas: pixels through a table of colours, heat map, regions, ruler.

import { STEPS } from "./scan.js";
import { changeWords, words } from "./words.js";

const CHANGED = "#007a85"; // a change to the conveyance, unlike any alarm
const UNSEEN = "#9628c8"; // hatched: what the beam doesn't pass
const ALARM = "#d22b22";
const BELOW = "#f0a020";
const HATCH = 14; // points between the lines
const PAPER = [245, 246, 248];
const HUES = { 1: [226, 125, 20], 2: [32, 150, 60], 3: [30, 80, 205] }; // orange, green, blue
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

export class Pane {
  constructor(section) {
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.picture = document.createElement("canvas");
    this.heatPicture = document.createElement("canvas");
    this.scan = null;
  }

  /** Nothing is shown but a text. */
  clear(text) {
    this.scan = null;
    this.section.classList.remove("full");
    this.section.querySelector(".drop").innerText = text;
    for (const canvas of [this.canvas, this.picture, this.heatPicture]) canvas.width = canvas.height = 0;
  }

  show(scan) {
    this.scan = scan;
    this.section.classList.add("full");
    for (const canvas of [this.picture, this.heatPicture]) {
      canvas.width = scan.columns;
      canvas.height = scan.rows;
    }
    this.#paintHeat();
  }

  /** Pixels again: after a change of mode, energy, window, level, gamma. */
  paint(look) {
    const scan = this.scan;
    if (!scan) return;
    const context = this.picture.getContext("2d");
    const image = context.createImageData(scan.columns, scan.rows);
    const out = new Uint32Array(image.data.buffer);
    if (scan.coloured) paintColours(scan, out);
    else paintLevels(scan, look, out);
    context.putImageData(image, 0, 0);
  }

  #paintHeat() {
    const { heat, columns, rows } = this.scan;
    if (!heat) return;
    const context = this.heatPicture.getContext("2d");
    const image = context.createImageData(columns, rows);
    const out = new Uint32Array(image.data.buffer);
    // squared, so that weak evidence leaves no veil on the picture
    const alpha = Uint8Array.from({ length: 256 }, (_, h) => Math.round(170 * (h / 255) ** 2));
    for (let i = 0; i < out.length; i++) out[i] = (alpha[heat[i]] << 24) | 0x1e1eff;
    context.putImageData(image, 0, 0);
  }

  fitScale() {
    const { clientWidth, clientHeight } = this.canvas;
    return Math.min(clientWidth / this.scan.columns, clientHeight / this.scan.rows);
  }

  /** What lies under a point of the canvas, in pixels of the scan. */
  toScan(x, y, view) {
    const { clientWidth, clientHeight } = this.canvas;
    return [view.x + (x - clientWidth / 2) / view.scale, view.y + (y - clientHeight / 2) / view.scale];
  }

  draw(view, look, marks) {
    const { canvas, context, scan } = this;
    const dots = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * dots), Math.round(canvas.clientHeight * dots)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!scan) return;
    const s = view.scale * dots;
    context.setTransform(s, 0, 0, s, width / 2 - view.x * s, height / 2 - view.y * s);
    this.drawScan(context, look, marks, s, dots);
  }

  /** On a context whose transform is set: s of its points to a pixel of the scan, marks `dots` points thick. */
  drawScan(context, look, marks, s, dots) {
    context.imageSmoothingEnabled = s < dots;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0);
    if (look.heat && this.scan.heat) context.drawImage(this.heatPicture, 0, 0);
    if (look.boxes) drawMarks(context, marks, s, dots);
    if (marks.ruler) drawRuler(context, marks.ruler, s, dots);
  }
}

function drawMarks(context, marks, s, dots) {
  for (const { box, text } of marks.unseen) drawUnseen(context, box, text, s, dots);
  // the highest last, on top of the others
  for (let i = marks.regions.length - 1; i >= 0; i--) drawRegion(context, marks.regions[i], i, s, marks, dots);
  for (const change of marks.changes) drawChange(context, change, s, dots);
}

function paintColours(scan, out) {
  const { pixels, n } = scan;
  for (let i = 0; i < n; i++) out[i] = 0xff000000 | (pixels[2 * n + i] << 16) | (pixels[n + i] << 8) | pixels[i];
}

function paintLevels(scan, look, out) {
  const energy = Math.min(look.energy, scan.energies - 1);
  const levels = scan.drawn(energy, look.without, look.edges);
  const coloured = ["colour", "organic", "metal"].includes(look.mode);
  const classes = coloured ? scan.materials() : null;
  const table = colourTable(look);
  if (classes) for (let i = 0; i < out.length; i++) out[i] = table[(classes[i] << 10) | levels[i]];
  else for (let i = 0; i < out.length; i++) out[i] = table[levels[i]];
}

/** Colours (ABGR) of every material class and level of attenuation. */
export function colourTable(look) {
  const table = new Uint32Array(4 * STEPS);
  for (let kind = 0; kind < 4; kind++) {
    for (let level = 0; level < STEPS; level++) {
      // the square root shows a packet behind a wall and the outline of a steel coil in one picture
      const bright = 1 - Math.sqrt(level / (STEPS - 1));
      const v = Math.min(Math.max((bright - look.level) / look.width + 0.5, 0), 1) ** look.gamma;
      const [r, g, b] = colourOf(look.mode, kind, v);
      table[kind * STEPS + level] = (0xff << 24) | (b << 16) | (g << 8) | r;
    }
  }
  return table;
}

function colourOf(mode, kind, v) {
  const grey = [255 * v, 255 * v, 255 * v].map(Math.round);
  if (mode === "inverse") return grey.map((one) => 255 - one);
  if (mode === "attenuation") return ramp(VIRIDIS, 1 - v);
  if (mode === "grey" || kind === 0) return grey;
  const faint = (mode === "organic" && kind === 3) || (mode === "metal" && kind !== 3);
  if (faint) return PAPER.map((p, i) => Math.round(0.8 * p + 0.2 * grey[i]));
  // air is white, thick is black, the hue is strongest between
  return HUES[kind].map((hue) => Math.round(v < 0.5 ? hue * (0.25 + 1.5 * v) : hue + (255 - hue) * (2 * v - 1)));
}

function ramp(stops, x) {
  const at = Math.min(x * (stops.length - 1), stops.length - 1.0001);
  const [i, part] = [Math.floor(at), at % 1];
  return stops[i].map((low, c) => Math.round(low + part * (stops[i + 1][c] - low)));
}

function drawRegion(context, region, number, s, marks, dots) {
  const alarms = marks.alarms(region);
  if (!alarms && number !== marks.current && number > 0) return; // below the budget: only the highest is drawn
  const colour = alarms ? ALARM : BELOW;
  context.lineWidth = ((number === marks.current ? 3 : 1.8) * dots) / s;
  context.strokeStyle = colour;
  context.setLineDash(alarms ? [] : [(6 * dots) / s, (4 * dots) / s]);
  const [x, y, w, h] = region.box;
  const gap = (3 * dots) / s;
  context.strokeRect(x - gap, y - gap, w + 2 * gap, h + 2 * gap);
  context.setLineDash([]);
  context.lineWidth = (1.2 * dots) / s;
  context.beginPath();
  region.polygon.forEach(([px, py], i) => (i ? context.lineTo(px + 0.5, py + 0.5) : context.moveTo(px + 0.5, py + 0.5)));
  context.closePath();
  context.stroke();
  label(context, `${number + 1} ${words(region.family)}`, x - gap, y - gap, colour, s, dots);
}

/** A place that nothing can be seen behind: hatched, so that it isn't told by its colour alone. */
function drawUnseen(context, [x, y, w, h], text, s, dots) {
  context.save();
  context.strokeStyle = UNSEEN;
  context.lineWidth = (2 * dots) / s;
  context.strokeRect(x, y, w, h);
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.beginPath();
  for (let at = 0; at < w + h; at += (HATCH * dots) / s) {
    context.moveTo(x + at, y);
    context.lineTo(x + at - h, y + h);
  }
  context.lineWidth = dots / s;
  context.stroke();
  context.restore();
  if (text) label(context, text, x, y, UNSEEN, s, dots);
}

function drawChange(context, change, s, dots) {
  const [x, y, w, h] = change.box;
  context.strokeStyle = CHANGED;
  context.lineWidth = (2 * dots) / s;
  context.strokeRect(x, y, w, h);
  label(context, changeWords(change), x, y + h + (20 * dots) / s, CHANGED, s, dots);
}

function label(context, text, x, y, colour, s, dots) {
  const size = (13 * dots) / s;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const wide = context.measureText(text).width + 0.6 * size;
  const top = y - 1.35 * size < 0 ? y : y - 1.35 * size;
  const edge = (context.canvas.width - context.getTransform().e) / s; // right edge of the canvas, in scan pixels
  const left = Math.min(x, edge - wide);
  context.fillStyle = colour;
  context.fillRect(left, top, wide, 1.35 * size);
  context.fillStyle = colour === BELOW ? "#1a1200" : "#fff";
  context.fillText(text, left + 0.3 * size, top + size);
}

function drawRuler(context, ruler, s, dots) {
  context.strokeStyle = "#00a2ff";
  context.lineWidth = (2 * dots) / s;
  context.beginPath();
  context.moveTo(...ruler.from);
  context.lineTo(...ruler.to);
  context.stroke();
  label(context, ruler.text, ...ruler.to, "#0070c0", s, dots);
}
