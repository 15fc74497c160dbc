// GET /: a page that shows how the pipelines are, made on the server, without scripts.
import { Hono } from "hono";
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { readMonitoredState } from "../../embedded/monitored-state.ts";
import { viewRun, type RunView } from "../../monitor/run-view.ts";
import type { AppOptions } from "../app-options.ts";
import { pageStyle } from "../page-style.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

const recentRuns = 20;

export function pageRoutes({ reader, version }: AppOptions): Hono {
  return new Hono().get("/", async (context) => {
    const state = await readMonitoredState(reader);
    const runs = (await reader.store().runs({ limit: recentRuns })).map(viewRun);
    const held = state.statistics.steps.filter((row) => row.status === "held");
    const pipelines = state.statistics.last.map(({ pipeline, succeededAt }) => {
      const count = (status: string): number =>
        state.statistics.runs
          .filter((row) => row.pipeline === pipeline && row.status === status)
          .reduce((sum, row) => sum + row.count, 0);
      return {
        pipeline,
        succeededAt,
        succeeded: count("succeeded"),
        failed: count("failed"),
        running: count("running"),
      };
    });
    return context.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>Sluice</title>
            <style>
              ${pageStyle}
            </style>
          </head>
          <body>
            <header>
              <h1>Sluice</h1>
              <p>
                ${state.schedulerActive ? "A process works on this project now." : "No process works on this project now."}
              </p>
            </header>
            <main>
              <h2>Pipelines</h2>
              ${table(
                ["Pipeline", "Last success", "Succeeded", "Failed", state.schedulerActive ? "Running" : "Interrupted"],
                pipelines.map((row) => [
                  link(`/api/runs?pipeline=${encodeURIComponent(row.pipeline)}`, row.pipeline),
                  row.succeededAt === null ? "never" : time(new Date(row.succeededAt).toISOString()),
                  row.succeeded,
                  row.failed,
                  row.running,
                ]),
                "Nothing has been run yet.",
              )}
              <h2>Schedules</h2>
              ${table(
                ["Pipeline", "State", "Due since", "Asked for"],
                state.engine.schedules.map((row) => [
                  row.pipeline,
                  row.paused ? "paused" : state.runsSchedules ? "on" : "no scheduler runs it",
                  row.due === null ? "" : time(new Date(row.due).toISOString()),
                  state.engine.requests.find((item) => item.pipeline === row.pipeline)?.count ?? 0,
                ]),
                "No pipeline has a schedule.",
              )}
              <h2>Held</h2>
              ${table(
                ["Pipeline", "Step", "Runs"],
                held.map((row) => [
                  link(`/api/runs?status=running&pipeline=${encodeURIComponent(row.pipeline)}`, row.pipeline),
                  row.step,
                  row.count,
                ]),
                "Nothing waits for a person or for another run.",
              )}
              <h2>Latest runs</h2>
              ${table(
                ["Run", "Partition", "Status", "Created", "Took"],
                runs.map((run) => [
                  link(`/api/runs/${encodeURIComponent(run.id)}`, run.id),
                  run.partition ?? "",
                  statusText(run, state.schedulerActive),
                  time(run.createdAt),
                  tookText(run),
                ]),
                "Nothing has been run yet.",
              )}
              <h2>Quarantine</h2>
              ${table(
                ["Pipeline", "Step", "Rows"],
                state.quarantine.map((row) => [row.pipeline, row.step, row.rows]),
                "No row is in quarantine.",
              )}
              <h2>Feature views</h2>
              ${table(
                ["View", "Up to", "Partitions"],
                state.views.map((view) => [
                  view.view,
                  view.watermark === null ? "" : time(view.watermark),
                  view.partitions,
                ]),
                "No view is materialized.",
              )}
              <h2>Indexes</h2>
              ${table(
                ["Index", "Documents", "Chunks"],
                state.indexes.map((index) => [index.index, index.documents, index.chunks]),
                "No index is synced.",
              )}
            </main>
            <footer>
              <p>
                Sluice ${version}. ${link("/metrics", "Metrics")}, ${link("/api/runs", "runs")},
                ${link("/api/quarantine", "quarantine")} and ${link("/healthz", "health")} as data.
              </p>
            </footer>
          </body>
        </html>`,
    );
  });
}

function table(titles: readonly string[], rows: readonly (readonly (string | number | Html)[])[], none: string): Html {
  if (rows.length === 0) return html`<p>${none}</p>`;
  const heading = (title: string, position: number): Html =>
    typeof rows[0]?.[position] === "number"
      ? html`<th scope="col" class="number">${title}</th>`
      : html`<th scope="col">${title}</th>`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${titles.map(heading)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cellOf)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function cellOf(cell: string | number | Html): Html {
  return typeof cell === "number"
    ? html`<td class="number">${cell.toLocaleString("en-US")}</td>`
    : html`<td>${cell}</td>`;
}

function link(address: string, text: string): Html {
  return html`<a href="${address}">${text}</a>`;
}

function time(instant: string): Html {
  return html`<time datetime="${instant}">${instant.slice(0, 16).replace("T", " ")} UTC</time>`;
}

function statusText(run: RunView, active: boolean): Html {
  const status = run.status === "running" && !active ? "interrupted" : run.status;
  return html`<span class="${status}">${status}</span>`;
}

function tookText(run: RunView): string {
  if (run.finishedAt === null) return "";
  const milliseconds = Date.parse(run.finishedAt) - Date.parse(run.createdAt);
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
