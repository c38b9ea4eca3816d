// The side panel: what a record says, in words; a list of its regions and of what can't be seen through.

import { alarms, verdict } from "./decision.js";
import { anyLoad, asDeclared, digits, hiddenPlaces, likeliest, mass, seenThrough, sinceReference, words } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text; // never as HTML: names come from files
  made.className = className;
  return made;
}

/** kind: none, scoring, failed, unseen, alarm or clear. */
export function showState(kind, word, figures = "", why = "") {
  $("decision").className = kind;
  $("decision").replaceChildren(element("b", word), element("small", figures), element("p", why));
}

/** The decision at a budget, and which of the regions alarm at it. */
export function showDecision(record, pfa) {
  const { kind, word, why } = verdict(record, pfa);
  const p = record.p_value === null ? "" : `, p ${digits(record.p_value)}`;
  showState(kind, word, `score ${record.score.toFixed(2)}${p}`, why);
  [...$("regions").children].forEach((item, i) => {
    item.className = alarms(record.candidates[i], pfa) ? "alarm" : "below";
  });
  $("count").textContent = `${record.candidates.filter((one) => alarms(one, pfa)).length} of ${record.candidates.length} alarm`;
}

/** goTo(i): shows region i. goToBox(box): shows another place. */
export function showPlaces(record, goTo, goToBox) {
  $("regions").replaceChildren(...record.candidates.map((region, i) => regionItem(region, i, () => goTo(i))));
  const hidden = hiddenPlaces(record);
  $("unseen").hidden = hidden.length === 0;
  $("hidden").replaceChildren(...hidden.map(({ text, box }) => placeItem([element("b", text)], () => goToBox(box))));
}

function regionItem(region, i, act) {
  const parts = [
    element("b", `${i + 1} ${words(region.family)}`),
    element("span", region.p_value === null ? `score ${region.score.toFixed(2)}` : `p ${digits(region.p_value)}`),
    element("small", `${mass(region)}, ${region.material}`),
    element("small", likeliest(region)),
  ];
  return placeItem(parts, act);
}

function placeItem(parts, act) {
  const [item, button] = [element("li", ""), element("button", "", "place")];
  button.append(...parts);
  button.onclick = act;
  item.append(button);
  return item;
}

/** Mark region i in the list, with the known concealments most like it; picture(id): address of one of these. */
export function markRegion(record, i, picture) {
  [...$("regions").children].forEach((item, n) => item.setAttribute("aria-current", n === i));
  document.querySelector(".similar")?.remove();
  if (i < 0) return;
  $("regions").children[i].append(similarTo(record.candidates[i], picture));
  $("regions").children[i].scrollIntoView({ block: "nearest" });
}

/** The known concealments most like a region, so that the officer sees why it is called so. */
function similarTo(region, picture) {
  const row = element("div", "", "similar");
  for (const one of region.similar || []) {
    const [figure, image] = [element("figure", ""), element("img", "")];
    image.alt = `known ${words(one.family)}`;
    image.title = `${one.id}, distance ${digits(one.distance)}`;
    picture(one.id).then(
      (address) => (image.src = address),
      (error) => (image.title = error.message),
    );
    figure.append(image, element("figcaption", `${words(one.family)} ${digits(one.mass_kg)} kg`));
    row.append(figure);
  }
  return row;
}

export function showFacts(record) {
  const cargo = record.cargo[0];
  const facts = {
    "Any load": anyLoad(record.load),
    ...(record.seen && !record.blank ? { "Seen through": seenThrough(record.seen) } : {}),
    ...(record.declared ? { Declared: asDeclared(record.declared) } : {}),
    ...(record.changes ? { "Since reference": sinceReference(record.changes) } : {}),
    Load: record.empty > 0.5 ? `empty, ${Math.round(100 * record.empty)} %` : cargo ? `${words(cargo.kind)}, ${Math.round(100 * cargo.probability)} %` : "unknown",
    Size: `${record.scan.columns} x ${record.scan.rows} pixels`,
    Model: `${record.model}, ${record.model_sha256.slice(0, 12)}`,
    Input: record.sha256.slice(0, 16),
    Answer: `${record.id.slice(0, 8)}, ${record.time.slice(0, 19).replace("T", " ")}`,
  };
  $("facts").replaceChildren(...Object.entries(facts).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  const notes = [record.drift, ...record.quality.notes, ...(record.quality.figures.notes || [])].filter(Boolean);
  $("notes").replaceChildren(...notes.map((note) => element("li", note)));
}

/** finding: that was given, "" before one is. */
export function showFinding(finding) {
  if (!finding) $("note").value = "";
  for (const button of document.querySelectorAll("[data-finding]")) button.setAttribute("aria-checked", button.dataset.finding === finding);
}

/** Nothing of any record is left to be seen, or to be clicked. */
export function clearPanel() {
  for (const id of ["regions", "hidden", "facts", "notes"]) $(id).replaceChildren();
  for (const id of ["count", "pfa-note", "pfa-text", "timing"]) $(id).textContent = "";
  for (const id of ["save-overlay", "save-tdr", "pfa"]) $(id).disabled = true;
  $("pixel").textContent = "\u00a0";
  $("finding").hidden = $("unseen").hidden = true;
  showFinding("");
}
