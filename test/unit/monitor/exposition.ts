// Parses the Prometheus text format 0.0.4, strictly: what it doesn't know is an error.

export interface ParsedMetric {
  readonly help: string;
  readonly type: string;
  /** By series, as in the text: `name{a="b"}`. */
  readonly samples: Map<string, number>;
}

export function parseExposition(text: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, ParsedMetric>();
  let help: { name: string; text: string } | null = null;
  let current: { name: string; metric: ParsedMetric } | null = null;
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment?.[1] === "HELP") {
      help = { name: comment[2]!, text: comment[3]! };
      continue;
    }
    if (comment?.[1] === "TYPE") {
      if (help === null || help.name !== comment[2] || metrics.has(comment[2]!))
        throw new Error(`out of order: ${line}`);
      current = { name: comment[2]!, metric: { help: help.text, type: comment[3]!, samples: new Map() } };
      metrics.set(current.name, current.metric);
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/.exec(line);
    const value = Number(sample?.[3]);
    if (sample === null || sample[1] !== current?.name || Number.isNaN(value)) throw new Error(`not a sample: ${line}`);
    const series = sample[1] + (sample[2] ?? "");
    if (current!.metric.samples.has(series)) throw new Error(`twice: ${series}`);
    current!.metric.samples.set(series, value);
  }
  return metrics;
}
