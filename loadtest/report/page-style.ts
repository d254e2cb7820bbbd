/** The style sheet of the page. Line colours are distinguishable in both schemes, also for colour-blind readers. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --ink: #1d1f23; --soft: #63666d; --grid: #e3e4e6; --card: #ffffff;
  --good: #1d7a46; --bad: #b3261e; --mark: #8a4b00;
  --c0: #2563c9; --c1: #c2410c; --c2: #15803d; --c3: #9d2f8f; --c4: #0e7490; --c5: #a16207; --c6: #4d5bc4; --c7: #5f6368;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15171a; --ink: #e8e9eb; --soft: #a1a5ad; --grid: #2d3036; --card: #1c1f23;
    --good: #6fcf97; --bad: #ff8a80; --mark: #f0b060;
    --c0: #7aa9ff; --c1: #ff9a66; --c2: #6fd694; --c3: #e694db; --c4: #5fcbe0; --c5: #e5c05a; --c6: #a8b2ff; --c7: #b8bcc4;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; margin: 0; }
h2 { font-size: 16px; margin: 28px 0 8px; }
.sub { color: var(--soft); margin: 4px 0 16px; }
.verdict { border-left: 4px solid; padding: 8px 12px; background: var(--card); margin: 0 0 16px; }
.verdict.good { border-color: var(--good); }
.verdict.bad { border-color: var(--bad); }
.verdict.good b { color: var(--good); }
.verdict.bad b { color: var(--bad); }
.tiles { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 16px; }
.tiles div { background: var(--card); border: 1px solid var(--grid); border-radius: 6px; padding: 8px 12px; flex: 1 1 110px; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 16px 0; padding: 12px; background: var(--card); border: 1px solid var(--grid); border-radius: 6px; }
figcaption { font-weight: 600; display: flex; flex-wrap: wrap; gap: 4px 16px; }
.legend { font-weight: 400; color: var(--soft); display: flex; flex-wrap: wrap; gap: 0 12px; }
.key { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle; background: currentColor; }
svg { display: block; width: 100%; height: auto; }
.plot { overflow-x: auto; }
@media (max-width: 820px) { .tick, .mark-number { font-size: 14px !important; } }
/* Below this size charts become unreadable: they scroll sideways, the page does not. */
@media (max-width: 600px) {
  svg { min-width: 560px; }
  .tick, .mark-number { font-size: 15px !important; }
  table { font-size: 13px; }
  th, td { padding-right: 10px !important; }
}
.grid { stroke: var(--grid); }
.tick { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.line.quiet { stroke-width: 1; stroke-dasharray: 3 3; }
.dot { fill: currentColor; }
.spot { fill: transparent; }
.spot:hover { fill: currentColor; fill-opacity: 0.5; }
.mark { stroke: var(--mark); stroke-dasharray: 4 3; }
.mark-number { fill: var(--mark); font-size: 12px; font-weight: 600; }
.band { fill: var(--mark); fill-opacity: 0.12; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
section { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; white-space: nowrap; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 400; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
`;
