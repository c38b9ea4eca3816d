// A scored scan from the service: its record and its layers, ready to be drawn.

const DEEPEST = 7; // attenuation shown as black, as in the overlay picture
export const STEPS = 1024; // levels of attenuation between air and DEEPEST
const SHOWN_HEAT = 0.3; // evidence from which on the layer is taken away
const THIN = 0.12; // attenuation below which no material can be told
const REACH = 4; // pixels around one that its energy ratio is averaged over
const MV = [0.838, 0.852]; // high over low attenuation: organic below, metal above; rough, it falls with thickness
const KV = [0.55, 0.72]; // at tube energies it is the other way round: metal below, organic above

// by the bits of a half float: its value, as transmission the attenuation, and the level of that
const HALF = halfTable();
const ATTENUATION = HALF.map((t) => -Math.log(Math.max(t, 1e-4)));
const LEVEL = Uint16Array.from(ATTENUATION, levelOf);

/**
 * POST the files, and what else is asked (reference, declared); a Response with the record and its layers.
 *
 * signal: aborts it. Throws {detail, status, retry}.
 */
export async function score(files, asked, headers, signal) {
  const body = new FormData();
  if (files.length === 2) {
    const [low, high] = inOrder(files);
    body.append("low", low);
    body.append("high", high);
  } else {
    body.append("file", files[0]);
  }
  for (const [name, value] of Object.entries(asked)) if (value) body.append(name, value);
  return ask("v1/scans", { method: "POST", body, headers: { ...headers, Accept: "multipart/form-data" }, signal });
}

/** A Response that is good. Throws {detail, status, retry}. */
export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function problem(answer) {
  const said = await answer.json().catch(() => ({ detail: `status ${answer.status}` }));
  return { status: answer.status, detail: said.detail, retry: answer.headers.get("Retry-After") };
}

/** Low energy first: by the words low and high in the names, else by name. */
function inOrder(files) {
  const sorted = [...files].sort((a, b) => a.name.localeCompare(b.name));
  return /high|_h\./i.test(sorted[0].name) && !/low|_l\./i.test(sorted[0].name) ? sorted.reverse() : sorted;
}

/** The parts of a multipart answer as a scan; its `reference` is the earlier passage, null where none was sent. */
export async function readScan(answer) {
  const form = await answer.formData();
  const part = async (name) => form.has(name) && npy(await form.get(name).arrayBuffer());
  const [pixels, heat, excess, earlier] = await Promise.all(["transmission", "heat", "excess", "reference"].map(part));
  const scan = new Layers(JSON.parse(form.get("record")), pixels, heat.data, excess);
  const geometry = earlier && JSON.parse(form.get("reference_scan"));
  scan.reference = earlier ? new Layers({ scan: geometry, path: geometry.path }, earlier, null, null) : null;
  scan.report = form.get("tdr");
  return scan;
}

/** Pixels to draw. Values stay half floats, as they came, and are looked up: a logarithm per pixel takes seconds. */
class Layers {
  constructor(record, pixels, heat, excess) {
    this.record = record;
    [this.rows, this.columns] = pixels.shape.slice(1);
    this.n = this.rows * this.columns;
    this.coloured = pixels.data instanceof Uint8Array; // an operator image: shown as it came
    this.energies = this.coloured ? 0 : pixels.shape[0];
    this.pixels = pixels.data;
    this.heat = heat; // null of a reference, which isn't scored
    this.excess = excess;
    this.cache = new Map();
  }

  #plane(data, energy) {
    return data.subarray(energy * this.n, (energy + 1) * this.n);
  }

  /** Attenuation at a pixel. */
  attenuationAt(energy, i) {
    return ATTENUATION[this.pixels[energy * this.n + i]];
  }

  /** Levels (0 to STEPS - 1) to draw: of an energy, with or without the layer, with or without sharpened edges. */
  drawn(energy, without, edges) {
    const name = `${energy}${without}${edges}`;
    if (!this.cache.has(name)) this.cache.set(name, this.#make(energy, without, edges));
    return this.cache.get(name);
  }

  #make(energy, without, edges) {
    if (edges) return sharpened(this.drawn(energy, without, false), this.rows, this.columns);
    const levels = lookedUp(LEVEL, this.#plane(this.pixels, energy));
    if (!without || !this.excess) return levels;
    const excess = this.#plane(this.excess.data, energy);
    for (let i = 0; i < this.n; i++) {
      if (this.heat[i] > SHOWN_HEAT * 255) levels[i] = levelOf(this.attenuationAt(energy, i) - HALF[excess[i]]);
    }
    return levels;
  }

  /** Per pixel 0 unknown, 1 organic, 2 inorganic, 3 metal; null where there is only one energy. */
  materials() {
    if (this.energies < 2) return null;
    if (this.classes) return this.classes;
    const planes = [0, 1].map((energy) => lookedUp(ATTENUATION, this.#plane(this.pixels, energy)));
    const [low, high] = planes.map((plane) => boxMean(plane, this.rows, this.columns, REACH));
    const tube = this.kilovolts;
    const [first, second] = tube ? KV : MV;
    this.classes = new Uint8Array(this.n);
    for (let i = 0; i < this.n; i++) {
      if (low[i] < THIN) continue;
      const ratio = high[i] / low[i];
      const kind = ratio < first ? 1 : ratio < second ? 2 : 3;
      this.classes[i] = tube ? 4 - kind : kind;
    }
    return this.classes;
  }
}

/** A NumPy file: shape and data; of float16 the bits. */
function npy(buffer) {
  const view = new DataView(buffer);
  const start = 10 + view.getUint16(8, true);
  const header = new TextDecoder().decode(new Uint8Array(buffer, 10, start - 10));
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((s) => s.trim()).map(Number);
  const kind = header.match(/'descr': '([^']*)'/)[1];
  if (kind === "|u1") return { shape, data: new Uint8Array(buffer, start) };
  return { shape, data: new Uint16Array(buffer.slice(start)) };
}

function halfTable() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[bits] = bits & 32768 ? -size : size;
  }
  return table;
}

/** What a table holds for each of the bits; a loop, since `from` with a function takes five times as long. */
function lookedUp(table, bits) {
  const out = new table.constructor(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = table[bits[i]];
  return out;
}

function levelOf(attenuation) {
  return Math.min(Math.max((attenuation / DEEPEST) * (STEPS - 1), 0), STEPS - 1);
}

function sharpened(levels, rows, columns) {
  const smooth = boxMean(levels, rows, columns, 2);
  const out = new Uint16Array(levels.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.min(Math.max(levels[i] + 2 * (levels[i] - smooth[i]), 0), STEPS - 1);
  }
  return out;
}

/** Mean over (2 reach + 1) squared pixels, by running sums along rows, then columns. */
function boxMean(plane, rows, columns, reach) {
  return runningMean(runningMean(plane, rows, columns, 1, columns, reach), columns, rows, columns, 1, reach);
}

function runningMean(plane, lines, length, step, stride, reach) {
  const out = new Float32Array(plane.length);
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    let sum = 0;
    let count = 0;
    for (let i = -reach; i < length; i++) {
      if (i + reach < length) (sum += plane[start + (i + reach) * step]), count++;
      if (i - reach - 1 >= 0) (sum -= plane[start + (i - reach - 1) * step]), count--;
      if (i >= 0) out[start + i * step] = sum / count;
    }
  }
  return out;
}
