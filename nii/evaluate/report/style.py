"""The style sheet of the report: light, dark and print, no fonts or pictures from elsewhere."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --raised: #f4f6f8; --ink: #16202a; --muted: #56636f; --grid: #d5dbe1;
  --benign: #0b6fb8; --concealed: #b8500b; --good: #1b6e3a; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12171c; --raised: #1c232a; --ink: #e6ebf0; --muted: #9fabb7; --grid: #38424c;
    --benign: #63b3f2; --concealed: #f2a45c; --good: #6fcf97; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 1.5rem 0 .25rem; }
h1, p, li, figcaption { overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--grid); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, li { max-width: 68ch; }
p { margin: .5rem 0; }
.lead { font-size: 1.35rem; line-height: 1.4; max-width: 52ch; }
.muted, caption, figcaption, footer { color: var(--muted); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
a { color: var(--benign); }
:focus-visible { outline: 3px solid var(--concealed); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--page); padding: .5rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
.cards { display: grid; gap: .75rem; margin: 1.25rem 0; }
.cards { grid-template-columns: repeat(auto-fill, minmax(10.75rem, 1fr)); }
.cards div { background: var(--raised); border-radius: .5rem; padding: .75rem 1rem; }
.cards dt { color: var(--muted); font-size: .9rem; }
.cards dd { margin: 0; font-size: .85rem; color: var(--muted); }
.cards dd.value { font-size: 1.6rem; font-weight: 600; line-height: 1.3; color: var(--ink); }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .35rem; }
th, td { padding: .3rem .75rem; text-align: right; white-space: nowrap; }
th, td { border-bottom: 1px solid var(--grid); font-weight: 400; }
th { font-weight: 600; }
thead th { vertical-align: bottom; color: var(--muted); font-size: .9rem; white-space: normal; }
tbody th, thead th:first-child, th.text, td.text { text-align: left; }
td.text { white-space: normal; max-width: 60ch; overflow-wrap: anywhere; }
.grid { display: grid; gap: 1rem 2rem; margin: 1rem 0; }
.grid > div { min-width: 0; }
.grid .table { margin: 0; font-size: .95rem; }
.grid figure + .table, .grid .table + .table { margin-top: 1.25rem; }
.grid th, .grid td { padding: .3rem .5rem; }
.grid tbody th { white-space: normal; }
.grid { grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
figure { margin: 0; }
figcaption { font-size: .9rem; margin-top: .35rem; max-width: 68ch; }
figure svg { width: 100%; max-width: 40rem; height: auto; stroke-linejoin: round; }
figure svg text { font-family: inherit !important; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; margin-bottom: 1.5rem; }
.pair figcaption { grid-column: 1 / -1; max-width: none; color: var(--ink); margin: 0; }
.pair img { width: 100%; display: block; border-radius: .25rem; background: var(--raised); }
.pair span { display: block; font-size: .85rem; color: var(--muted); }
footer { margin-top: 3rem; padding-bottom: 2rem; font-size: .9rem; }
@media (max-width: 45rem) { .pair { grid-template-columns: 1fr; } }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --raised: #f4f6f8; --ink: #000; --muted: #444; --grid: #ccc;
    --benign: #0b6fb8; --concealed: #b8500b; --good: #1b6e3a; --bad: #b3261e;
  }
  @page { margin: 15mm; }
  * { print-color-adjust: exact; }
  html { font-size: 8.5pt; }
  header, main, footer { max-width: none; padding: 0; }
  nav, .skip { display: none; }
  :focus-visible { outline: none; }
  h2, h3, caption { break-after: avoid; }
  .table, tr, figure, .cards div { break-inside: avoid; }
  .table { overflow: visible; }
  th, td { padding: .12rem .4rem; }
  .grid th, .grid td { padding: .12rem .22rem; }
  .cards { grid-template-columns: repeat(6, 1fr); gap: .4rem; }
  .cards div { padding: .5rem; }
  .grid { grid-template-columns: 1fr 1fr; }
  .grid .table { font-size: .82rem; }
  .grid thead th { font-size: .75rem; }
}
"""
