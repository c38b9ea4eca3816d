// Files to keep: the picture as it is on the screen, at the size of the scan, and the report that came with the answer.

import { verdict } from "./decision.js";
import { digits } from "./words.js";

const SHOWN = 800; // pixels that a picture is shown wide: the marks of wider ones grow, so that they stay legible
const STRIP = 26; // rows of the line of text above the picture
const INK = { alarm: "#c4261d", unseen: "#9628c8", none: "#5a5a5a", clear: "#1f7a3f" };
const SIGNATURE_AND_HEADER = 33; // bytes of a PNG before the first chunk that may be ours
const TEXT = "Software\0nii picture"; // by which the programs know a picture of ours, which is no scan
const CHECK = 0xd3d40778; // CRC-32 of the chunk

/** A PNG file of the pane with what is marked in it, below one line: decision, score, p-value, budget, model. */
export async function overlayPicture(pane, look, marks, record, pfa) {
  const { columns, rows } = pane.scan;
  const growth = Math.max(1, columns / SHOWN);
  const strip = Math.round(STRIP * growth);
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows + strip });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, columns, rows + strip);
  const { kind, word } = verdict(record, pfa);
  const p = record.p_value === null ? "" : `  p ${digits(record.p_value)} at Pfa ${digits(pfa)}`;
  context.fillStyle = INK[kind];
  context.font = `${15 * growth}px system-ui, sans-serif`;
  context.fillText(`${word}  score ${record.score.toFixed(2)}${p}  ${record.model}`, 4, 18 * growth, columns - 8);
  context.setTransform(1, 0, 0, 1, 0, strip);
  pane.drawScan(context, look, marks, 1, growth);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  return new Blob(marked(await blob.arrayBuffer()), { type: "image/png" });
}

function marked(png) {
  const chunk = new DataView(new ArrayBuffer(12 + TEXT.length));
  chunk.setUint32(0, TEXT.length);
  [..."tEXt", ...TEXT].forEach((letter, i) => chunk.setUint8(4 + i, letter.charCodeAt(0)));
  chunk.setUint32(8 + TEXT.length, CHECK);
  return [png.slice(0, SIGNATURE_AND_HEADER), chunk, png.slice(SIGNATURE_AND_HEADER)];
}

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
