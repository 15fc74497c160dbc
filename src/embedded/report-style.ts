// The style of a run's report, for light and dark screens.

export const reportStyle = `
:root {
  color-scheme: light dark;
  --line: light-dark(#d8dde3, #3a4149); --dim: light-dark(#57606a, #9aa4ae); --card: light-dark(#f6f8fa, #1b2026);
  --bad: light-dark(#b42318, #ff8a80); --good: light-dark(#1a7f37, #6bd28a); --busy: light-dark(#8a5a00, #f2c14e);
  --reference: light-dark(#8c959f, #77818c); --current: light-dark(#0b5cad, #7db9ff);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.25rem 1.25rem 3rem; font: 1rem/1.5 system-ui, sans-serif;
  background: light-dark(#fff, #14181d); color: light-dark(#1c2127, #e6eaee);
}
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.15rem; overflow-wrap: anywhere; }
h3 { margin: 0 0 .25rem; font-size: 1rem; overflow-wrap: anywhere; }
section > h3 { margin-top: 1.25rem; }
header p, .legend, small { color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; white-space: nowrap; }
th { color: var(--dim); font-weight: 600; }
.number { text-align: right; }
.long { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
.bars { width: 30%; min-width: 8rem; padding-right: 0; font-size: 0; vertical-align: middle; }
code { font: .85em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: normal; }
.badge { display: inline-block; padding: 0 .5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .8rem; font-weight: 600; white-space: nowrap; color: var(--busy); }
.badge.good { color: var(--good); } .badge.bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
article { padding: .9rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; min-width: 0; }
article p { margin: .25rem 0 .5rem; color: var(--dim); overflow-wrap: anywhere; }
article ul { margin: .5rem 0 0; padding: 0; list-style: none; }
.histogram { table-layout: fixed; font-size: .8rem; line-height: 1.25; }
.histogram th { width: 38%; font-weight: 400; white-space: normal; overflow-wrap: anywhere; }
.histogram th, .histogram td { padding: .2rem .5rem .2rem 0; border: 0; }
.histogram .bar { max-width: calc(100% - 4rem); }
.share { margin-left: .35rem; color: var(--dim); }
.bar { display: inline-block; height: .7rem; min-width: 1px; vertical-align: middle; border-radius: 1px; }
.reference { background: var(--reference); } .current { background: var(--current); } .bar.bad { background: var(--bad); }
.swatch { display: inline-block; width: .8rem; height: .8rem; margin: 0 .35rem 0 .75rem; border-radius: 2px; vertical-align: baseline; }
.legend .swatch:first-child { margin-left: 0; }
`;
