// `sluice serve` for as long as a test asks it something, and Prometheus' own opinion of what it answers.
import { spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { parseExposition, type ParsedMetric } from "../unit/monitor/exposition.ts";
import { sluice, type CommandOptions } from "./command.ts";

export interface Service {
  readonly url: string;
  /** Sends JSON, and returns the status and what is answered. */
  post(path: string, body: object): Promise<{ readonly status: number; readonly answer: any }>;
  /** The value of a series, such as `sluice_index_chunks{index="docs"}`; undefined when there is none. */
  metric(series: string): Promise<number | undefined>;
  metricsText(): Promise<string>;
}

/**
 * Serves a project while `work` goes on, for reading only unless it is told otherwise; ends it with SIGTERM, which must give
 * exit code 0.
 */
export async function withService<T>(
  options: CommandOptions,
  work: (service: Service) => Promise<T>,
  args: readonly string[] = ["--read-only"],
): Promise<T> {
  let child: ChildProcess | null = null;
  const started = Promise.withResolvers<string>();
  const ended = sluice(["serve", ...args, "--port", "0", "--json"], {
    ...options,
    onStart: (process) => {
      child = process;
      options.onStart?.(process);
      process.stdout!.once("data", (text: string) => started.resolve((JSON.parse(text) as { url: string }).url));
    },
  });
  void ended.then((result) => started.reject(new Error(`sluice serve ended with ${result.code}: ${result.stderr}`)));
  const url = await started.promise;
  const metricsText = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
  const stop = async (): Promise<number | null> => {
    // To everything it has started, as systemd does.
    process.kill(-child!.pid!, "SIGTERM");
    return (await ended).code;
  };
  let result: T;
  try {
    result = await work({
      url,
      post: async (path, body) => {
        const headers = { "Content-Type": "application/json" };
        const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
        return { status: response.status, answer: await response.json() };
      },
      metricsText,
      metric: async (series) => {
        const metrics: ReadonlyMap<string, ParsedMetric> = parseExposition(await metricsText());
        return metrics.get(series.split("{")[0]!)?.samples.get(series);
      },
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const code = await stop();
  if (code !== 0) throw new Error(`sluice serve ended with ${code}`);
  return result;
}

export const hasPromtool: boolean = spawnSync("promtool", ["--version"]).status === 0;

/** In CI the tool must be there: its test then fails in place of being skipped. */
export const skipsPromtool: boolean = !hasPromtool && process.env["CI"] === undefined;

/** What `promtool check metrics` finds wrong; empty when nothing. */
export function promtoolFaults(metrics: string): string {
  const { status, stdout, stderr, error } = spawnSync("promtool", ["check", "metrics"], {
    input: metrics,
    encoding: "utf8",
  });
  if (error !== undefined) throw new Error("promtool is missing: apt-get install prometheus", { cause: error });
  return status === 0 ? "" : `exit code ${status}: ${stdout}${stderr}`;
}
