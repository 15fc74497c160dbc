// The report of a run as one HTML page that needs nothing else: no script, no font, no address. Every value is escaped.
import type { ExpectationResult } from "../dataset/expectation-report.ts";
import type { ColumnDrift } from "../quality/drift/result.ts";
import type { RunReport } from "./run-report.ts";
import { reportStyle } from "./report-style.ts";

/** The page's text. */
export function reportPage(report: RunReport): string {
  const { run } = report;
  const title = `${run.pipeline}${run.partition === null ? "" : ` ${run.partition}`}`;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escape(title)} · data report</title><style>${reportStyle}</style></head><body>`,
    `<header><h1>${escape(title)} ${badge(run.status)}</h1>`,
    `<p>Run ${escape(run.id)}, begun ${escape(run.createdAt)}${run.finishedAt === null ? "" : `, ended ${escape(run.finishedAt)}`}</p></header>`,
    stepsSection(report),
    ...report.expectations.map(({ step, results }) => expectationsSection(step, results)),
    ...report.drift.map(({ step, report: drift }) => driftSection(step, drift)),
    quarantineSection(report),
    historySection(report),
    "</body></html>\n",
  ].join("\n");
}

function stepsSection({ steps, gates }: RunReport): string {
  const warnings = new Map(
    gates.flatMap(({ step, report }) =>
      typeof report === "string"
        ? [[step, report === "open" ? "" : "closed: diverted"] as const]
        : report.warning === undefined
          ? []
          : [[step, report.warning] as const],
    ),
  );
  const rows = steps.map((step) => [
    escape(step.name),
    escape(step.kind),
    badge(step.status),
    ...(["in", "out", "duplicate", "quarantined"] as const).map((name) =>
      step.rows === null ? "" : count(step.rows[name]),
    ),
    escape(step.error?.message ?? step.reason ?? warnings.get(step.name) ?? ""),
  ]);
  return section("Steps", table(["step", "kind", "status", "#in", "#out", "#duplicate", "#quarantined", "!"], rows));
}

function expectationsSection(step: string, results: readonly ExpectationResult[]): string {
  const failed = results.filter(({ success }) => !success).length;
  // What failed comes first: it is what the page is opened for.
  const ordered = [...results].sort((a, b) => Number(a.success) - Number(b.success));
  const rows = ordered.map((result) => [
    badge(result.success ? "met" : result.severity === "warn" ? "warning" : "not met"),
    escape(result.column ?? "dataset"),
    escape(result.title),
    value(result.observed),
    result.unexpected === undefined ? "" : `${count(result.unexpected.count)} (${percent(result.unexpected.share)})`,
    escape(result.error ?? ""),
  ]);
  const summary = failed === 0 ? `all ${results.length} met` : `${failed} of ${results.length} not met`;
  return section(
    `Expectations of ${step}: ${summary}`,
    table(["verdict", "column", "!expectation", "observed", "#unexpected rows", "!"], rows),
  );
}

function driftSection(step: string, report: RunReport["drift"][number]["report"]): string {
  const intro = `<p>${badge(report.verdict)} ${count(report.currentRows)} rows, compared with ${escape(report.baseline)} (${count(report.referenceRows)} rows)</p>`;
  const order = ["drift", "insufficient data", "stable", "not compared"];
  const columns = [...report.columns].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const legend = `<p class="legend"><span class="swatch reference"></span>baseline <span class="swatch current"></span>this run</p>`;
  return section(
    `Drift of ${step}`,
    `${intro}${columns.length === 0 ? "" : legend}<div class="cards">${columns.map(driftCard).join("")}</div>`,
  );
}

function driftCard(column: ColumnDrift): string {
  const measures = column.measures.map(
    ({ measure, effect, threshold, adjustedP }) =>
      `<li>${escape(measure)} ${number(effect)} <small>threshold ${number(threshold)}, p ${adjustedP < 0.0001 ? "&lt; 0.0001" : number(adjustedP)}</small></li>`,
  );
  return [
    `<article><h3>${escape(column.column)} ${badge(column.verdict)}</h3>`,
    `<p>${escape(column.reason)}</p>`,
    column.bins.length === 0 ? "" : histogram(column),
    measures.length === 0 ? "" : `<ul>${measures.join("")}</ul>`,
    "</article>",
  ].join("");
}

/** Shares of each side, a pair of bars a bin, with the numbers as text for whoever can't see bars. */
function histogram({ bins }: ColumnDrift): string {
  const shown = bins.slice(0, 12);
  const sum = (side: "reference" | "current"): number => bins.reduce((all, bin) => all + bin[side], 0) || 1;
  const [n, m] = [sum("reference"), sum("current")];
  const most = Math.max(...shown.map((bin) => Math.max(bin.reference / n, bin.current / m)), 1e-9);
  const bar = (side: "reference" | "current", share: number): string =>
    `<span class="bar ${side}" style="width:${((share / most) * 100).toFixed(1)}%"></span><span class="share">${percent(share)}</span>`;
  const rows = shown.map(
    (bin) =>
      `<tr><th>${escape(bin.label)}</th><td>${bar("reference", bin.reference / n)}<br>${bar("current", bin.current / m)}</td></tr>`,
  );
  const rest = bins.length - shown.length;
  return `<table class="histogram">${rows.join("")}</table>${rest > 0 ? `<p>and ${rest} more</p>` : ""}`;
}

function quarantineSection({ quarantine: { groups, sample } }: RunReport): string {
  if (groups.length === 0) return section("Failing rows", "<p>No row of this run is in quarantine.</p>");
  const all = groups.reduce((sum, { rows }) => sum + rows, 0);
  const reasons = groups.flatMap(({ step, reasons: found }) =>
    found.map((reason) => [escape(step), escape(reason.path), escape(reason.rule), count(reason.count)]),
  );
  const rows = sample.map((row) => [
    escape(row.step),
    count(row.record),
    row.reasons
      .map(({ message, value: found }) => `${escape(message)} <code>${escape(JSON.stringify(found))}</code>`)
      .join("<br>"),
    `<code>${escape(cut(JSON.stringify(row.row)))}</code>`,
  ]);
  return section(
    `Failing rows: ${count(all)}`,
    `${table(["step", "column", "rule", "#rows"], reasons)}<h3>The first ${sample.length}</h3>${table(["step", "#record", "!reasons", "!row"], rows)}`,
  );
}

function historySection({ history, run }: RunReport): string {
  const most = Math.max(1, ...history.map(({ rows }) => rows?.in ?? 0));
  const rows = history.map((entry) => [
    entry.run === run.id
      ? `<strong>${escape(entry.partition ?? entry.createdAt)}</strong>`
      : escape(entry.partition ?? entry.createdAt),
    badge(entry.status),
    ...(entry.rows === null
      ? ["", "", "", ""]
      : [
          count(entry.rows.in),
          count(entry.rows.out),
          count(entry.rows.quarantined),
          `<span class="bar current" style="width:${((entry.rows.out / most) * 100).toFixed(1)}%"></span><span class="bar bad" style="width:${((entry.rows.quarantined / most) * 100).toFixed(1)}%"></span>`,
        ]),
  ]);
  return section(
    `The last ${history.length} runs`,
    table(["run", "status", "#in", "#valid", "#quarantined", "*rows"], rows),
  );
}

function section(title: string, content: string): string {
  return `<section><h2>${escape(title)}</h2>${content}</section>`;
}

/** Columns whose titles begin with # hold numbers, with ! long text, with * bars. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const kinds: Readonly<Record<string, string>> = { "#": "number", "!": "long", "*": "bars" };
  const classes = titles.map((title) => kinds[title[0]!] ?? "");
  const head = titles.map((title, at) => `<th class="${classes[at]}">${escape(title.replace(/^[#!*]/, ""))}</th>`);
  const body = rows.map(
    (row) => `<tr>${row.map((cell, at) => `<td class="${classes[at]}">${cell}</td>`).join("")}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

const good = new Set(["succeeded", "met", "stable"]);
const bad = new Set(["failed", "upstream-failed", "not met", "drift", "cancelled"]);

function badge(word: string): string {
  return `<span class="badge ${good.has(word) ? "good" : bad.has(word) ? "bad" : "plain"}">${escape(word)}</span>`;
}

function value(observed: unknown): string {
  return observed === null ? "" : `<code>${escape(cut(JSON.stringify(observed)))}</code>`;
}

function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}

function count(rows: number): string {
  return rows.toLocaleString("en-US");
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

function number(found: number): string {
  return String(Number(found.toPrecision(3)));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
