// What a record says, in the words of the side panel.

/** Names as people write them: wall_hide is wall hide. */
export const words = (name) => name.replaceAll("_", " ");

/** A change to the conveyance in words, such as added 35 kg. */
export const changeWords = (one) => one.change + (one.mass_kg === null ? "" : ` ${Number(one.mass_kg.toPrecision(3))} kg`);

export const digits = (x) => String(Number(x.toPrecision(2)));

/** How sure its name is; of what has none, what it is likeliest to be. */
export function likeliest(region) {
  const first = region.families?.[0]?.family; // records that were kept before have none
  return `${!first || first === region.family ? "" : `${words(first)} `}${Math.round(100 * region.family_probability)} %`;
}

export function mass(region) {
  if (region.mass_kg === null) return "mass unknown";
  return `${digits(region.mass_kg)} kg (${digits(region.mass_low_kg)} to ${digits(region.mass_high_kg)})`;
}

/** The answer to "is there any load". */
export function anyLoad(load) {
  if (!load) return "not looked at"; // a record that was kept before there was this test
  if (load.why) return `${load.answer}: ${load.why}`;
  const where = load.sections.map((one, n) => (one.answer === "loaded" ? n + 1 : 0)).filter(Boolean);
  const mass = load.mass_kg === null ? "" : `, ${digits(load.mass_kg)} kg (${digits(load.mass_low_kg)} to ${digits(load.mass_high_kg)})`;
  const metres = where.length ? `, metre ${where.join(", ")} of ${load.sections.length}` : "";
  return `${load.answer}${mass}${metres}; p ${digits(load.p_value)}`;
}

/** The answer to "is it as declared". */
export function asDeclared(declared) {
  const p = declared.p_value === null ? "" : `; p ${digits(declared.p_value)}`;
  const fits = declared.plausible.length ? `; fits ${declared.plausible.slice(0, 5).map(words).join(", ")}` : "";
  const mass = declared.mass ? `; ${declared.mass.answer === "undetermined" ? "mass undetermined" : declared.mass.answer}` : "";
  const registry = declared.registry ? `; press: ${declared.registry.answer}` : "";
  return `${declared.answer}${declared.why ? `: ${declared.why}` : ""}${p}${fits}${mass}${registry}`;
}

/** The answer to "was it changed since the reference". */
export function sinceReference(changes) {
  if (changes.p_value === null) return `${changes.answer}: ${changes.why}`;
  const regions = changes.regions.map(changeWords).join(", ");
  return `${changes.answer}${regions ? `: ${regions}` : ""}; p ${digits(changes.p_value)}, ${Math.round(100 * changes.compared)} % compared`;
}

/** Milliseconds of each stage. */
export function timing(record) {
  return Object.entries(record.timing_ms).map(([stage, ms]) => `${stage} ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`).join(", ");
}

const percent = (share) => (share === null ? "unknown" : `${Math.round(100 * share)} %`);

/** The answer to "what could be seen". */
export function seenThrough(seen) {
  if (seen.unseen === null) return seen.why || "can't be told";
  return `${percent(seen.powder)} for 1 kg of powder, ${percent(seen.steel)} for 5 kg of steel; ${percent(seen.unseen)} of the load not, limit ${percent(seen.limit)}`;
}

/** What can't be seen through: [{text, box}], shields first, each of them by what it stands out; null gives none. */
export function hiddenPlaces(record) {
  if (!record?.seen || record.blank) return []; // a scan that shows nothing hides nothing
  const { seen } = record;
  const shields = seen.shields.map(({ box, attenuation, around }) => ({
    box,
    text: `shield, attenuation ${digits(attenuation)} among ${digits(around)}`,
  }));
  return [...shields, ...seen.boxes.map((box) => ({ box, text: `opaque, ${box[2]} x ${box[3]} pixels` }))];
}
