"""How the page of a report looks: one style sheet, without anything from outside."""

STYLE = """
:root { --ink: #1f2933; --soft: #52606d; --line: #e4e7eb; --wash: #f5f7fa; --blue: #0072b2;
  --amber: #b45309; --amber-wash: #fffbeb; }
* { box-sizing: border-box; }
html { color-scheme: light; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 1200px; padding: 2.5rem 2rem 4rem; color: var(--ink);
  background: #fff; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
  Arial, sans-serif; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .4rem; font-size: 1.3rem; }
h3 { margin: 2.2rem 0 .3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
p { margin: .3rem 0 .9rem; max-width: 50rem; }
.lead { margin-top: .5rem; color: var(--soft); font-size: 1.1rem; }
.soft, figcaption, footer { color: var(--soft); }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
.notice { margin: 1rem 0; padding: .6rem 1rem; max-width: none; border-left: 4px solid var(--amber);
  background: var(--amber-wash); overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .8rem;
  margin: 1.2rem 0 1.6rem; }
.card { padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 8px; }
.card b { display: block; font-size: .9rem; font-weight: 600; }
.card .value { display: block; font-size: 1.75rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.card small { display: block; color: var(--soft); line-height: 1.35; }
.unit { font-size: .85em; color: var(--soft); }
.card .unit { font-size: .6em; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .94rem; }
th, td { padding: .4rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { font-weight: 600; }
thead th { border-bottom: 2px solid var(--ink); white-space: nowrap; }
tbody th[colspan] { padding-top: 1.3rem; color: var(--blue); }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.name { overflow-wrap: anywhere; min-width: 9rem; }
.metric td:not(.wide) { white-space: nowrap; }
.missing { color: var(--soft); }
.bar { display: flex; height: .9rem; margin: .8rem 0; border-radius: 4px; overflow: hidden;
  background: var(--line); }
.bar span:nth-child(1) { background: var(--blue); }
.bar span:nth-child(2) { background: #d55e00; }
.key::before { content: ""; display: inline-block; width: .75rem; height: .75rem;
  margin-right: .5rem; border-radius: 2px; background: var(--colour); }
ul { padding: 0; list-style: none; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.5rem 2rem;
  align-items: start; }
figure { margin: .8rem 0; }
img { display: block; width: 100%; height: auto; }
figcaption { font-size: .9rem; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: .88rem; }
a { color: var(--blue); }
@media (max-width: 760px) {
  body { padding: 1.5rem 1rem 3rem; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .metric thead { display: none; }
  .metric tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  .metric td, .metric tbody th { border: 0; padding: .1rem 0; }
  .metric td:first-child { font-weight: 600; white-space: normal; }
  .metric td.wide { grid-column: 1 / -1; order: 1; }
  .metric td.better { order: 2; }
  .metric td.count { order: 3; }
}
@media print { body { max-width: none; } figure, .card { break-inside: avoid; } }
"""
