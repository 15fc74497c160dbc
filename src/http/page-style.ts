// The style of the status page, for light and dark screens.
import { raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export const pageStyle: HtmlEscapedString = raw(`
:root {
  color-scheme: light dark;
  --line: light-dark(#d8dde3, #3a4149); --dim: light-dark(#57606a, #9aa4ae);
  --bad: light-dark(#b42318, #ff8a80); --good: light-dark(#1a7f37, #6bd28a); --busy: light-dark(#8a5a00, #f2c14e);
}
body {
  margin: 0 auto; max-width: 64rem; padding: 1rem 1.25rem 3rem; font: 1rem/1.5 system-ui, sans-serif;
  background: light-dark(#fff, #14181d); color: light-dark(#1c2127, #e6eaee);
}
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
header p, footer { color: var(--dim); }
a { color: light-dark(#0b5cad, #7db9ff); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--dim); font-weight: 600; }
.number { text-align: right; }
.failed, .interrupted { color: var(--bad); }
.succeeded { color: var(--good); }
.running { color: var(--busy); }
`);
