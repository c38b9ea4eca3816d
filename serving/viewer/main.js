// The viewer: one state, one function per thing that an officer does, keys and buttons that call them.

import { Pane } from "./pane.js";
import { readScan, score } from "./scan.js";
import { anyLoad, asDeclared, digits, likeliest, mass, sinceReference, timing, words } from "./words.js";

const $ = (id) => document.getElementById(id);
const ZOOMS = { 1: 1, 2: 2, 3: 4, 4: 8, 5: 16 };
const LARGEST_ZOOM = 16;
const LARGEST_PFA = 0.3;
const AS_AT_START = { level: 0.5, width: 1, gamma: 1 };

const panes = { scan: new Pane($("scan-pane")), reference: new Pane($("reference-pane")) };
const view = { x: 0, y: 0, scale: 1, fitted: true };
const look = { mode: "grey", energy: 0, heat: true, boxes: true, without: false, edges: false, ...AS_AT_START };
const state = { files: null, reference: null, pfa: 0.01, smallest: 0.001, current: -1, ruling: false, ruler: null, key: "", models: [], records: false };

// ---- scans

async function open(files, pane = panes.scan) {
  if (!files.length) return;
  if (files.length > 2) return say("expected one scan, or two files of one energy each", true);
  say(`scoring ${[...files].map((file) => file.name).join(" + ")} ...`);
  const started = performance.now();
  try {
    const asked = pane === panes.scan ? { reference: state.reference, declared: $("declared").value.trim() } : {};
    const scan = await readScan(await score(files, null, state.key, undefined, asked));
    scan.kilovolts = isKilovolts(scan.record);
    if (pane === panes.scan) await take(scan, [...files]);
    else pane.show(scan);
    repaint();
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    say("");
    $("timing").textContent = `${timing(scan.record)}; on screen after ${seconds} s`;
    if (pane === panes.reference) await compareWith([...files]);
  } catch (error) {
    refused(error, () => open(files, pane));
  }
}

/** The scan in view is asked for again, with what it may have changed since this reference. */
async function compareWith(files) {
  state.reference = files.length === 1 ? files[0] : null; // of two files of one energy each the service takes none
  if (state.reference && state.files) await open(state.files);
}

async function take(scan, files) {
  Object.assign(state, { files, current: -1, ruler: null });
  panes.scan.show(scan);
  const { record } = scan;
  state.smallest = record.calibration ? record.calibration.smallest_pfa : null;
  state.pfa = record.pfa;
  $("name").textContent = record.path;
  $("model").textContent = record.model;
  for (const id of ["save-overlay", "save-tdr"]) $(id).disabled = false;
  showTools(scan);
  showPfa();
  showFacts(record);
  showRegions();
  showFinding("");
  fit();
}

/** Buttons that a scan has no use for: materials need two energies, an operator image is shown as it came. */
function showTools(scan) {
  const energies = scan.coloured ? 0 : scan.energies;
  for (const button of document.querySelectorAll("[data-energies]")) button.disabled = energies < Number(button.dataset.energies);
  if ($("modes").querySelector("[aria-checked='true']").disabled) setMode("grey");
}

/** Tube or linac: by the scan's energies, else by those that its model takes. */
function isKilovolts(record) {
  const model = state.models.find((one) => one.sha256 === record.model_sha256);
  const names = record.scan.energies.length ? record.scan.energies : model?.energies || [];
  return names.length > 0 && names.every((name) => /kv/i.test(name));
}

function refused(error, again) {
  if (error.status === 401) return askKey(again);
  const retry = error.retry ? `; try again in ${error.retry} s` : "";
  say(error.detail ? error.detail + retry : `no answer from the service: ${error.message}`, true);
}

function askKey(again) {
  say("this service needs an API key", true);
  const dialog = $("key-dialog");
  dialog.showModal();
  dialog.onclose = () => {
    state.key = $("key").value.trim(); // kept in memory only
    if (state.key) again();
  };
}

async function save(accept, ending) {
  if (!state.files) return;
  say("writing ...");
  try {
    const answer = await score(state.files, state.pfa, state.key, accept);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = state.files[0].name.replace(/\.[^.]*$/, "") + ending;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say(`saved ${link.download}`);
  } catch (error) {
    refused(error, () => save(accept, ending));
  }
}

// ---- the decision: everything that alarms has a p-value of at most the budget

const alarms = (one) => one.p_value !== null && one.p_value <= state.pfa;

/** Why there is no decision: no calibration, or a scan that shows nothing. */
const undecided = (record) => record.quality.notes.find((note) => note.includes(" decision")) || "";

function decide() {
  const { record } = panes.scan.scan;
  const [kind, word] = record.p_value === null ? ["none", "no decision"] : alarms(record) ? ["alarm", "ALARM"] : ["clear", "clear"];
  $("decision").className = kind;
  const p = record.p_value === null ? "" : `, p ${digits(record.p_value)}`;
  $("decision").replaceChildren(element("b", word), element("small", `score ${record.score.toFixed(2)}${p}`));
  [...$("regions").children].forEach((item, i) => {
    item.className = alarms(record.candidates[i]) ? "alarm" : "below";
  });
  const n = record.candidates.filter(alarms).length;
  $("count").textContent = `${n} of ${record.candidates.length} alarm`;
}

function setPfa(pfa) {
  state.pfa = Math.min(Math.max(pfa, state.smallest), LARGEST_PFA);
  showPfa();
  if (panes.scan.scan) decide();
  redraw();
}

/** The slider is logarithmic, from the smallest budget that the calibration supports. */
const pfaAt = (place) => state.smallest * (LARGEST_PFA / state.smallest) ** (place / 100);

function showPfa() {
  const slider = $("pfa");
  slider.disabled = state.smallest === null;
  if (slider.disabled) return void ($("pfa-note").textContent = undecided(panes.scan.scan.record));
  slider.value = (100 * Math.log(state.pfa / state.smallest)) / Math.log(LARGEST_PFA / state.smallest);
  $("pfa-text").textContent = `${digits(100 * state.pfa)} % of benign scans`;
  const found = panes.scan.scan?.record.calibration;
  if (found) $("pfa-note").textContent = `calibration ${found.name}: ${found.scans} benign scans, at least ${digits(100 * state.smallest)}\u00a0%`;
}

// ---- the side panel

function showRegions() {
  const { record } = panes.scan.scan;
  $("regions").replaceChildren(...record.candidates.map(regionItem));
  decide();
}

function regionItem(region, i) {
  const item = element("li", "");
  item.tabIndex = 0;
  item.append(
    element("b", `${i + 1} ${words(region.family)}`),
    element("span", region.p_value === null ? `score ${region.score.toFixed(2)}` : `p ${digits(region.p_value)}`),
    element("small", `${mass(region)}, ${region.material}`),
    element("small", likeliest(region)),
  );
  item.onclick = () => goTo(i);
  item.onkeydown = (event) => event.key === "Enter" && goTo(i);
  return item;
}

/** The known concealments most like a region, so that the officer sees why it is called so. */
function similarTo(region) {
  const row = element("div", "");
  row.className = "similar";
  for (const one of region.similar || []) {
    const [figure, image] = [element("figure", ""), element("img", "")];
    image.alt = `known ${words(one.family)}`;
    image.title = `${one.id}, distance ${digits(one.distance)}`;
    libraryPicture(one.id).then((address) => (image.src = address), (error) => say(error.message, true));
    figure.append(image, element("figcaption", `${words(one.family)} ${digits(one.mass_kg)} kg`));
    row.append(figure);
  }
  return row;
}

const known = new Map(); // addresses of library pictures, by id

function libraryPicture(id) {
  if (!known.has(id)) known.set(id, fetchPicture(`v1/library/${id}.png`));
  return known.get(id);
}

async function fetchPicture(path) {
  const answer = await fetch(path, { headers: keyHeader() }); // an <img> would send no key
  if (!answer.ok) throw new Error(`picture: status ${answer.status}`);
  return URL.createObjectURL(await answer.blob());
}

function goTo(i) {
  const { candidates } = panes.scan.scan.record;
  if (!candidates.length) return;
  state.current = (i + candidates.length) % candidates.length;
  const [x, y, w, h] = candidates[state.current].box;
  const { clientWidth, clientHeight } = panes.scan.canvas;
  const scale = Math.min(clientWidth / (4 * w), clientHeight / (4 * h), 8);
  Object.assign(view, { x: x + w / 2, y: y + h / 2, scale: Math.max(scale, panes.scan.fitScale()), fitted: false });
  [...$("regions").children].forEach((item, n) => item.setAttribute("aria-current", n === state.current));
  document.querySelector(".similar")?.remove();
  $("regions").children[state.current].append(similarTo(candidates[state.current]));
  $("regions").children[state.current].scrollIntoView({ block: "nearest" });
  redraw();
}

function showFacts(record) {
  const cargo = record.cargo[0];
  const facts = {
    "Any load": anyLoad(record.load),
    ...(record.declared ? { Declared: asDeclared(record.declared) } : {}),
    ...(record.changes ? { "Since reference": sinceReference(record.changes) } : {}),
    Load: record.empty > 0.5 ? `empty, ${Math.round(100 * record.empty)} %` : cargo ? `${words(cargo.kind)}, ${Math.round(100 * cargo.probability)} %` : "unknown",
    Size: `${panes.scan.scan.columns} x ${panes.scan.scan.rows} pixels`,
    Model: `${record.model}, ${record.model_sha256.slice(0, 12)}`,
    Input: record.sha256.slice(0, 16),
    Answer: `${record.id.slice(0, 8)}, ${record.time.slice(0, 19).replace("T", " ")}`,
  };
  $("facts").replaceChildren(...Object.entries(facts).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  const notes = [record.drift, ...record.quality.notes, ...(record.quality.figures.notes || [])].filter(Boolean);
  $("notes").replaceChildren(...notes.map((note) => element("li", note)));
}

// ---- the officer's finding, where the service keeps records

async function giveFinding(finding) {
  const { id } = panes.scan.scan.record;
  const headers = { "Content-Type": "application/json", ...keyHeader() };
  const body = JSON.stringify({ finding, note: $("note").value });
  const answer = await fetch(`v1/scans/${id}/finding`, { method: "POST", headers, body }).catch(() => null);
  if (!answer?.ok) return say(answer ? `finding not kept: status ${answer.status}` : "no answer from the service", true);
  if (panes.scan.scan.record.id === id) showFinding(finding);
}

function showFinding(finding) {
  $("finding").hidden = !state.records;
  if (!finding) $("note").value = "";
  for (const button of document.querySelectorAll("[data-finding]")) button.setAttribute("aria-checked", button.dataset.finding === finding);
}

// ---- looking

function setMode(mode) {
  if (!document.querySelector(`[data-mode="${mode}"]`).disabled) changeLook({ mode });
}

const toggle = (name) => $(name).disabled || changeLook({ [name]: !look[name] });
const swapEnergy = () => $("energy").disabled || changeLook({ energy: 1 - look.energy });

function changeLook(change) {
  Object.assign(look, change);
  for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-checked", button.dataset.mode === look.mode);
  for (const name of ["heat", "boxes", "without", "edges"]) $(name).setAttribute("aria-pressed", look[name]);
  for (const name of ["level", "width", "gamma"]) $(name).value = look[name];
  $("energy").textContent = look.energy ? "High energy" : "Low energy";
  repaint();
}

function zoomTo(scale, x = view.x, y = view.y) {
  Object.assign(view, { scale: Math.min(Math.max(scale, panes.scan.fitScale() / 2), LARGEST_ZOOM), x, y, fitted: false });
  redraw();
}

function fit() {
  const { scan } = panes.scan;
  if (!scan) return;
  Object.assign(view, { x: scan.columns / 2, y: scan.rows / 2, scale: panes.scan.fitScale(), fitted: true });
  redraw();
}

function zoomAt(pane, event) {
  event.preventDefault();
  if (!panes.scan.scan) return;
  const [x, y] = pane.toScan(event.offsetX, event.offsetY, view);
  const before = view.scale;
  zoomTo(before * 1.0015 ** -event.deltaY);
  const share = 1 - before / view.scale;
  zoomTo(view.scale, view.x + (x - view.x) * share, view.y + (y - view.y) * share);
}

function reset() {
  changeLook(AS_AT_START);
  fit();
}

function repaint() {
  const started = performance.now();
  for (const pane of Object.values(panes)) pane.paint(look);
  state.paintMs = performance.now() - started;
  redraw();
}

let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const started = performance.now();
    const own = { alarms, current: state.current, ruler: state.ruler };
    for (const [name, pane] of Object.entries(panes)) {
      const regions = pane.scan ? pane.scan.record.candidates : [];
      const changes = pane.scan?.record.changes?.regions || [];
      pane.draw(view, look, name === "scan" ? { ...own, regions, changes } : { alarms, regions, changes, current: -1, ruler: null });
    }
    state.drawMs = performance.now() - started;
  });
}

function point(pane, event) {
  const { scan } = pane;
  if (!scan) return;
  const [x, y] = pane.toScan(event.offsetX, event.offsetY, view).map(Math.floor);
  if (x < 0 || y < 0 || x >= scan.columns || y >= scan.rows) return void ($("pixel").textContent = "\u00a0");
  const i = y * scan.columns + x;
  const values = scan.coloured ? [] : scan.attenuation.map((plane) => `A ${plane[i].toFixed(3)} (T ${Math.exp(-plane[i]).toFixed(4)})`);
  $("pixel").textContent = [`x ${x}, y ${y}`, ...values, `evidence ${(scan.heat[i] / 255).toFixed(2)}`, `${digits(view.scale)}x`].join("   ");
}

function measure(pane, from, event) {
  const to = pane.toScan(event.offsetX, event.offsetY, view);
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const pitch = pane.scan.record.scan.pitch_mm;
  const text = pitch ? `${Math.round(Math.hypot(dx * pitch[1], dy * pitch[0]))} mm` : `${Math.round(Math.hypot(dx, dy))} px`;
  state.ruler = { from, to, text };
  redraw();
}

function dragging(pane) {
  pane.canvas.onpointerdown = (down) => {
    if (!pane.scan) return;
    pane.canvas.setPointerCapture(down.pointerId);
    const start = { ...view, ...look, from: pane.toScan(down.offsetX, down.offsetY, view) };
    pane.canvas.onpointermove = (event) => {
      const [dx, dy] = [event.offsetX - down.offsetX, event.offsetY - down.offsetY];
      if (down.button === 2) changeLook({ level: clip(start.level + dy / 400, 0, 1), width: clip(start.width + dx / 400, 0.05, 1) });
      else if (state.ruling) measure(pane, start.from, event);
      else zoomTo(view.scale, start.x - dx / view.scale, start.y - dy / view.scale);
    };
  };
  pane.canvas.onpointerup = () => (pane.canvas.onpointermove = (event) => point(pane, event));
  pane.canvas.onpointerup();
  pane.canvas.oncontextmenu = (event) => event.preventDefault();
  pane.canvas.addEventListener("wheel", (event) => zoomAt(pane, event), { passive: false });
}

// ---- wiring

function dropping(section, pane) {
  section.ondragover = (event) => (event.preventDefault(), section.classList.add("over"));
  section.ondragleave = () => section.classList.remove("over");
  section.ondrop = (event) => {
    event.preventDefault();
    section.classList.remove("over");
    open(event.dataTransfer.files, pane);
  };
}

function toggleReference() {
  const hidden = $("reference-pane").hidden;
  $("reference-pane").hidden = !hidden;
  if (hidden && !panes.reference.scan) $("reference-file").click();
  view.fitted ? fit() : redraw();
}

function toggleRuler() {
  state.ruling = !state.ruling;
  if (!state.ruling) state.ruler = null;
  $("ruler").setAttribute("aria-pressed", state.ruling);
  for (const pane of Object.values(panes)) pane.section.classList.toggle("ruling", state.ruling);
  redraw();
}

function toggleTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
}

const KEYS = {
  g: () => setMode("grey"),
  i: () => setMode("inverse"),
  c: () => setMode("colour"),
  a: () => setMode("attenuation"),
  7: () => setMode("organic"),
  8: () => setMode("metal"),
  e: swapEnergy,
  x: () => toggle("edges"),
  h: () => toggle("heat"),
  r: () => toggle("boxes"),
  w: () => toggle("without"),
  m: toggleRuler,
  f: fit,
  0: fit,
  "+": () => zoomTo(view.scale * 1.5),
  "=": () => zoomTo(view.scale * 1.5),
  "-": () => zoomTo(view.scale / 1.5),
  n: () => goTo(state.current + 1),
  p: () => goTo(state.current < 0 ? -1 : state.current - 1),
  "[": () => setPfa(state.pfa / 1.25),
  "]": () => setPfa(state.pfa * 1.25),
  z: reset,
  s: () => save("image/png", ".overlay.png"),
  d: () => save("application/dicom", ".tdr.dcs"),
};
for (const [key, scale] of Object.entries(ZOOMS)) KEYS[key] = () => zoomTo(scale);
const ALWAYS = { o: () => $("file").click(), b: toggleReference, t: toggleTheme, "?": () => $("keys").showModal() };

document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if ([$("note"), $("declared")].includes(event.target)) return; // somebody writes
  const act = ALWAYS[key] || (panes.scan.scan && KEYS[key]);
  if (!act) return;
  event.preventDefault();
  act();
};

for (const button of document.querySelectorAll("[data-mode]")) button.onclick = () => setMode(button.dataset.mode);
for (const button of document.querySelectorAll("[data-zoom]")) {
  button.onclick = () => panes.scan.scan && (button.dataset.zoom === "fit" ? fit() : zoomTo(Number(button.dataset.zoom)));
}
for (const id of ["heat", "boxes", "without", "edges"]) $(id).onclick = () => toggle(id);
for (const id of ["level", "width", "gamma"]) $(id).oninput = () => changeLook({ [id]: Number($(id).value) });
for (const button of document.querySelectorAll("[data-finding]")) button.onclick = () => giveFinding(button.dataset.finding);
$("pfa").oninput = () => setPfa(pfaAt(Number($("pfa").value)));
$("energy").onclick = swapEnergy;
$("ruler").onclick = toggleRuler;
$("reset").onclick = reset;
$("open").onclick = ALWAYS.o;
$("open-reference").onclick = toggleReference;
$("declared").onchange = () => state.files && open(state.files);
$("theme").onclick = toggleTheme;
$("help").onclick = ALWAYS["?"];
$("save-overlay").onclick = KEYS.s;
$("save-tdr").onclick = KEYS.d;
for (const [id, pane] of [["file", panes.scan], ["reference-file", panes.reference]]) {
  $(id).onchange = () => {
    open([...$(id).files], pane);
    $(id).value = "";
  };
}
dropping($("scan-pane"), panes.scan);
dropping($("reference-pane"), panes.reference);
Object.values(panes).forEach(dragging);
new ResizeObserver(() => (view.fitted ? fit() : redraw())).observe($("scan-pane"));

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text; // never as HTML: names come from files
  return made;
}

const keyHeader = () => (state.key ? { "X-API-Key": state.key } : {});
const clip = (x, low, high) => Math.min(Math.max(x, low), high);

async function start() {
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  changeLook({});
  const answer = await fetch("v1/model", { headers: keyHeader() }).catch(() => null);
  if (answer?.status === 401) return askKey(start);
  if (!answer?.ok) return;
  Object.assign(state, await answer.json()); // models, records
  $("model").textContent = state.models.map((one) => `${one.name} ${one.version}`).join(", ");
}

start();
window.viewer = { state, view, look, panes }; // for a look at it from the console
