// The viewer: one state, one function per thing that an officer does, keys and buttons that call them.
//
// What is on the screen belongs to one scan. The scan that is asked about last is the only one whose answer is shown,
// and from the moment it is asked about nothing of another one is visible or can be clicked.

import { alarms } from "./decision.js";
import { Pane } from "./pane.js";
import { $, clearPanel, markRegion, showDecision, showFacts, showFinding, showPlaces, showState } from "./panel.js";
import { download, overlayPicture } from "./save.js";
import { ask, readScan, score } from "./scan.js";
import { digits, hiddenPlaces, timing } from "./words.js";

const ZOOMS = { 1: 1, 2: 2, 3: 4, 4: 8, 5: 16 };
const LARGEST_ZOOM = 16;
const LARGEST_PFA = 0.3;
const PAN = 0.15; // of the picture's width or height, by an arrow key
const AS_AT_START = { level: 0.5, width: 1, gamma: 1 };
const DROP_HERE = $("scan-pane").querySelector(".drop").innerText;

const panes = { scan: new Pane($("scan-pane")), reference: new Pane($("reference-pane")) };
const view = { x: 0, y: 0, scale: 1, fitted: true };
const look = { mode: "grey", energy: 0, heat: true, boxes: true, without: false, edges: false, ...AS_AT_START };
const state = {
  files: null, // the scan that was asked about last
  pictured: null, // the one whose picture is shown
  record: null, // its answer; null while it is scored, and after a failure
  declared: "", // as it was sent
  reference: null, // the file of an earlier passage
  pfa: 0.01,
  smallest: 0.001,
  current: -1,
  ruling: false,
  ruler: null,
  key: "", // in memory only
  models: [],
  records: false,
};
let asking = new AbortController();

// ---- scans

/** Another scan: what was declared of the previous one, and its reference, are not this one's. */
async function open(files) {
  if (!files.length) return;
  if (state.files) leaveVehicle();
  state.files = [...files];
  await scoreScan();
}

/** Score the scan at hand, with what is declared of it and its reference. Whatever was asked before is given up. */
async function scoreScan() {
  asking.abort();
  const { signal } = (asking = new AbortController());
  const { files } = state;
  const name = files.map((file) => file.name).join(" + ");
  showNothing(`scoring ${name} ...`);
  $("name").textContent = name;
  showState("scoring", "scoring ...");
  const started = performance.now();
  try {
    if (files.length > 2) throw { detail: `expected one scan, or two files of one energy each, came ${files.length}` };
    await learnModels();
    const asked = { declared: (state.declared = $("declared").value.trim()), reference: state.reference };
    const scan = await readScan(await score(files, asked, keyHeader(), signal));
    if (signal.aborted) return;
    show(scan);
    $("timing").textContent = `${timing(scan.record)}; on screen after ${((performance.now() - started) / 1000).toFixed(2)} s`;
  } catch (error) {
    if (!signal.aborted) failed(error);
  }
}

function failed(error) {
  if (state.reference && error.detail?.startsWith("reference")) {
    takeReferenceOff(error.detail);
    return scoreScan();
  }
  const text = error.detail || `no answer from the service: ${error.message}`;
  const why = text + (error.retry ? `; try again in ${error.retry} s` : "");
  showState("failed", "failed", "", why);
  if (state.pictured !== state.files) panes.scan.clear("No scan: see at the right why.");
  if (error.status === 401) askKey(scoreScan);
}

/** Of a scan that is asked about again, its picture and its view stay. */
function showNothing(text) {
  Object.assign(state, { record: null, current: -1, ruler: null });
  clearPanel();
  say("");
  if (state.pictured !== state.files) {
    panes.scan.clear(text);
    state.pictured = null;
  }
  if (panes.reference.file !== state.reference) panes.reference.clear(text);
  redraw();
}

function show(scan) {
  const { record, reference } = scan;
  const again = state.pictured === state.files;
  scan.kilovolts = isKilovolts(record);
  panes.scan.show(scan);
  Object.assign(state, { record, pictured: state.files, pfa: record.pfa });
  state.report = scan.report;
  state.smallest = record.calibration ? record.calibration.smallest_pfa : null;
  $("model").textContent = record.model;
  for (const id of ["save-overlay", "save-tdr"]) $(id).disabled = false;
  $("finding").hidden = !state.records;
  showTools(scan);
  showReference(reference);
  showPlaces(record, goTo, goToBox);
  showFacts(record);
  showPfa();
  showDecision(record, state.pfa);
  repaint();
  if (!again) fit();
}

/** Nobody has asked about anything: as at the start. */
function nextVehicle() {
  asking.abort();
  if (state.files) leaveVehicle();
  state.files = null;
  showNothing(DROP_HERE);
  $("name").textContent = "no scan";
  showState("none", "no scan");
}

function leaveVehicle() {
  const left = [$("declared").value.trim() && "declaration", state.reference && "reference"].filter(Boolean);
  $("declared").value = "";
  takeReferenceOff("");
  if (left.length) $("carried").textContent = `Taken off, as of the previous scan: ${left.join(", ")}.`;
}

// ---- the reference: an earlier passage, which isn't scored, only compared

async function openReference(files) {
  if (!files.length) return;
  if (files.length > 1) return say(`expected a reference of one file, came ${files.length}`, true);
  state.reference = files[0];
  $("carried").textContent = "";
  $("reference-pane").hidden = false;
  panes.reference.clear(`${files[0].name} comes with the next scan.`);
  panes.reference.file = null;
  if (state.files) await scoreScan();
}

function showReference(reference) {
  if (!reference) return;
  reference.kilovolts = panes.scan.scan.kilovolts;
  panes.reference.show(reference);
  panes.reference.file = state.reference;
}

function takeReferenceOff(why) {
  state.reference = panes.reference.file = null;
  panes.reference.clear("Drop the reference here.");
  $("reference-pane").hidden = true;
  $("carried").textContent = why;
}

/** Buttons that a scan has no use for: materials need two energies, an operator image is shown as it came. */
function showTools(scan) {
  for (const button of document.querySelectorAll("[data-energies]")) button.disabled = scan.energies < Number(button.dataset.energies);
  if ($("modes").querySelector("[aria-checked='true']").disabled) setMode("grey");
}

/** Tube or linac: by the scan's energies, else by those that its model takes. */
function isKilovolts(record) {
  const model = state.models.find((one) => one.sha256 === record.model_sha256);
  const names = record.scan.energies.length ? record.scan.energies : model?.energies || [];
  return names.length > 0 && names.every((name) => /kv/i.test(name));
}

// ---- the service's models, and its key

async function learnModels() {
  if (state.models.length) return;
  const { models, records } = await (await ask("v1/model", { headers: keyHeader() })).json();
  Object.assign(state, { models, records });
  if (!state.record) $("model").textContent = models.map((one) => `${one.name} ${one.version}`).join(", ");
}

/** again: what to do with the key. Who gives none is asked again by the button, or by the next answer that wants one. */
function askKey(again) {
  const dialog = $("key-dialog");
  $("give-key").hidden = false;
  $("give-key").onclick = () => askKey(again);
  $("key").value = dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  dialog.onclose = () => {
    const key = $("key").value.trim();
    if (dialog.returnValue !== "use" || !key) return say("this service needs an API key", true);
    state.key = key;
    $("give-key").hidden = true;
    say("");
    again();
  };
}

const keyHeader = () => (state.key ? { "X-API-Key": state.key } : {});

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

// ---- what to keep: nothing is scored for it again

const savedName = (ending) => state.files[0].name.replace(/\.[^.]*$/, "") + ending;

async function saveOverlay() {
  const [name, marks] = [savedName(".overlay.png"), marksOf(panes.scan)];
  download(await overlayPicture(panes.scan, look, { ...marks, current: -1, ruler: null }, state.record, state.pfa), name);
  say(`saved ${name}`);
}

function saveReport() {
  const [name, { pfa }] = [savedName(".tdr.dcs"), state.record];
  download(state.report, name);
  say(pfa === state.pfa ? `saved ${name}` : `saved ${name}, decided at ${digits(100 * pfa)} % as the record is`);
}

// ---- the budget

function setPfa(pfa) {
  if (state.smallest === null) return;
  state.pfa = Math.min(Math.max(pfa, state.smallest), LARGEST_PFA);
  showPfa();
  showDecision(state.record, state.pfa);
  redraw();
}

/** The slider is logarithmic, from the smallest budget that the calibration supports. */
const pfaAt = (place) => state.smallest * (LARGEST_PFA / state.smallest) ** (place / 100);

function showPfa() {
  const { calibration } = state.record;
  $("pfa").disabled = !calibration;
  if (!calibration) return;
  $("pfa").value = (100 * Math.log(state.pfa / state.smallest)) / Math.log(LARGEST_PFA / state.smallest);
  $("pfa-text").textContent = `${digits(100 * state.pfa)} % of benign scans`;
  $("pfa-note").textContent = `${calibration.scans} benign scans (${calibration.name}), at least ${digits(100 * state.smallest)}\u00a0%`;
}

// ---- places

function goTo(i) {
  const { candidates } = state.record;
  if (!candidates.length) return;
  state.current = (i + candidates.length) % candidates.length;
  markRegion(state.record, state.current, libraryPicture);
  goToBox(candidates[state.current].box);
}

function goToBox([x, y, w, h]) {
  const { clientWidth, clientHeight } = panes.scan.canvas;
  const scale = Math.min(clientWidth / (4 * w), clientHeight / (4 * h), 8);
  Object.assign(view, { x: x + w / 2, y: y + h / 2, scale: Math.max(scale, panes.scan.fitScale()), fitted: false });
  redraw();
}

// ---- the officer's finding, where the service keeps records

async function giveFinding(finding) {
  const { id, path } = state.record;
  const headers = { "Content-Type": "application/json", ...keyHeader() };
  const body = JSON.stringify({ finding, note: $("note").value });
  const answer = await fetch(`v1/scans/${id}/finding`, { method: "POST", headers, body }).catch(() => null);
  if (!answer?.ok) return say(`finding of ${path} not kept: ${answer ? `status ${answer.status}` : "no answer from the service"}`, true);
  if (state.record?.id === id) showFinding(finding);
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
  if (!panes.scan.scan) return; // taken off while somebody drags
  const { columns, rows } = panes.scan.scan;
  const within = { x: clip(x, 0, columns), y: clip(y, 0, rows) }; // so that nobody loses the scan
  Object.assign(view, { scale: clip(scale, panes.scan.fitScale() / 2, LARGEST_ZOOM), ...within, fitted: false });
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
  if (!panes.scan.scan || !pane.scan) return;
  const [x, y] = pane.toScan(event.offsetX, event.offsetY, view);
  const before = view.scale;
  zoomTo(before * 1.0015 ** -event.deltaY);
  const share = 1 - before / view.scale;
  zoomTo(view.scale, view.x + (x - view.x) * share, view.y + (y - view.y) * share);
}

/** By an arrow key: right and down are positive. */
function pan(right, down) {
  const { clientWidth, clientHeight } = panes.scan.canvas;
  zoomTo(view.scale, view.x + (right * PAN * clientWidth) / view.scale, view.y + (down * PAN * clientHeight) / view.scale);
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
    for (const pane of Object.values(panes)) pane.draw(view, look, marksOf(pane));
    state.drawMs = performance.now() - started;
  });
}

/** What is marked in a pane: of the scan what its record says, of the reference nothing, since it isn't scored. */
function marksOf(pane) {
  const record = pane === panes.scan ? state.record : null;
  return {
    alarms: (region) => alarms(region, state.pfa),
    regions: record?.candidates || [],
    changes: record?.changes?.regions || [],
    unseen: hiddenPlaces(record).map(({ box, text }) => ({ box, text: text.startsWith("shield") ? "shield" : "" })),
    current: state.current,
    ruler: pane === panes.scan ? state.ruler : null,
  };
}

function point(pane, event) {
  const { scan } = pane;
  if (!scan) return;
  const [x, y] = pane.toScan(event.offsetX, event.offsetY, view).map(Math.floor);
  if (x < 0 || y < 0 || x >= scan.columns || y >= scan.rows) return void ($("pixel").textContent = "\u00a0");
  const i = y * scan.columns + x;
  const values = scan.coloured ? [] : Array.from({ length: scan.energies }, (_, energy) => scan.attenuationAt(energy, i)).map((a) => `A ${a.toFixed(3)} (T ${Math.exp(-a).toFixed(4)})`);
  const evidence = scan.heat && state.record ? [`evidence ${(scan.heat[i] / 255).toFixed(2)}`] : [];
  $("pixel").textContent = [`x ${x}, y ${y}`, ...values, ...evidence, `${digits(view.scale)}x`].join("   ");
}

function measure(pane, from, event) {
  if (!pane.scan) return;
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

function dropping(section, take) {
  section.ondragover = () => section.classList.add("over");
  section.ondragleave = () => section.classList.remove("over");
  section.ondrop = (event) => {
    event.stopPropagation();
    event.preventDefault();
    section.classList.remove("over");
    take(event.dataTransfer.files);
  };
}

function toggleReference() {
  const hidden = $("reference-pane").hidden;
  $("reference-pane").hidden = !hidden;
  if (hidden && !state.reference) $("reference-file").click();
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

const ALWAYS = { o: () => $("file").click(), b: toggleReference, k: nextVehicle, t: toggleTheme, "?": () => $("keys").showModal() };
const LOOKING = {
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
  arrowleft: () => pan(-1, 0),
  arrowright: () => pan(1, 0),
  arrowup: () => pan(0, -1),
  arrowdown: () => pan(0, 1),
  z: reset,
};
for (const [key, scale] of Object.entries(ZOOMS)) LOOKING[key] = () => zoomTo(scale);
const fewer = () => setPfa(state.pfa / 1.25);
const more = () => setPfa(state.pfa * 1.25);
const ANSWERED = {
  n: () => goTo(state.current + 1),
  p: () => goTo(state.current < 0 ? -1 : state.current - 1),
  "[": fewer,
  "]": more,
  ",": fewer, // brackets need AltGr on many keyboards
  ".": more,
  s: saveOverlay,
  d: saveReport,
};

document.onkeydown = (event) => {
  // AltGr is Ctrl with Alt to some systems; it types a character, brackets on a German keyboard
  const commands = event.ctrlKey || event.metaKey || event.altKey;
  if ((commands && !event.getModifierState("AltGraph")) || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type='range'])")) return; // somebody writes
  const key = event.key.toLowerCase();
  if (key.startsWith("arrow") && event.target.closest("input, .scrolls")) return;
  const act = actOf(key) || (!event.shiftKey && actOf(event.code.replace("Digit", ""))); // digits want Shift in France
  if (!act) return;
  event.preventDefault();
  act();
};

const actOf = (key) => ALWAYS[key] || (panes.scan.scan && LOOKING[key]) || (state.record && ANSWERED[key]);

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
$("declared").onchange = () => {
  if (state.files && $("declared").value.trim() !== state.declared) scoreScan();
};
$("declared").oninput = () => ($("carried").textContent = "");
$("next").onclick = nextVehicle;
$("theme").onclick = toggleTheme;
$("help").onclick = ALWAYS["?"];
$("save-overlay").onclick = saveOverlay;
$("save-tdr").onclick = saveReport;
for (const [id, take] of [["file", open], ["reference-file", openReference]]) {
  $(id).onchange = () => {
    take([...$(id).files]);
    $(id).value = "";
  };
}
// a file that is dropped anywhere else is a scan too: the browser would leave the page for it
const isFile = (event) => event.dataTransfer.types.includes("Files");
document.ondragover = (event) => {
  if (isFile(event)) event.preventDefault(); // what a handler returns counts too: false would let text be dropped
};
document.ondrop = (event) => {
  if (!isFile(event)) return;
  event.preventDefault();
  open(event.dataTransfer.files);
};
dropping($("scan-pane"), open);
dropping($("reference-pane"), openReference);
Object.values(panes).forEach(dragging);
new ResizeObserver(() => (view.fitted ? fit() : redraw())).observe($("scan-pane"));

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

const clip = (x, low, high) => Math.min(Math.max(x, low), high);

async function start() {
  try {
    await learnModels();
  } catch (error) {
    if (error.status === 401) askKey(start);
  }
}

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
changeLook({});
nextVehicle();
start();
window.viewer = { state, view, look, panes }; // for a look at it from the console
