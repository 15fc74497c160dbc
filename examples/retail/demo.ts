// `npm run demo`: the retail example from end to end. It starts what a shop would already have (a catalogue, a
// database), then types the commands a user would type, and sums up what they printed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, relative, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { startCatalogue } from "./catalogue-server.ts";
import {
  summarize,
  type BackfillOutput,
  type FeaturesOutput,
  type QuarantineGroup,
  type SearchHit,
} from "./demo-summary.ts";
import { firstDays, retailFolder } from "./retail-data.ts";
import { fillShop } from "./shop-database.ts";

const folder = import.meta.dirname;
const command = join(folder, "../../bin/sluice.js");
const question = "how do I backfill?";

/** Ends the demo with one line and an exit code. */
class DemoFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

// Ctrl-C reaches the running command too, which stops in good order; the demo ends after it.
let interrupted = false;
process.on("SIGINT", () => (interrupted = true));

/** Runs `sluice …` in the example's folder with its progress on our stderr, and returns the JSON it prints. */
async function sluice<Output>(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Output> {
  const typed = `sluice ${args.map((arg) => (/^[\w.=-]+$/.test(arg) ? arg : `"${arg}"`)).join(" ")}`;
  console.error(`\n$ ${typed}`);
  const child = spawn(process.execPath, [command, ...args, "--json"], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = (): void => void child.kill("SIGTERM");
  process.once("SIGTERM", stop);
  const [printed, [code]] = (await Promise.all([text(child.stdout), once(child, "exit")])) as [string, [number | null]];
  process.off("SIGTERM", stop);
  if (interrupted) throw new DemoFailure("Interrupted; the same command goes on from here", 130);
  if (code !== 0)
    throw new DemoFailure(
      `The demo stopped: \`${typed}\` ${code === null ? "was killed" : `ended with exit code ${code}`}`,
    );
  try {
    return JSON.parse(printed) as Output;
  } catch {
    throw new DemoFailure(`The demo stopped: \`${typed}\` printed something that is not JSON`);
  }
}

async function demo(environment: NodeJS.ProcessEnv): Promise<string> {
  const { from, to } = firstDays(30);
  console.error(`Sales from ${retailFolder()}, ${from} to ${to}`);
  console.error(`Customers in ${await fillShop()}`);

  await sluice(environment, "run", "reference");
  const backfill = await sluice<BackfillOutput>(environment, "backfill", "retail_daily", "--from", from, "--to", to);
  await sluice(environment, "run", "docs_index");

  const [best] = await sluice<{ customer_id: string }[]>(
    environment,
    "query",
    "select customer_id from warehouse.sales where customer_id is not null group by 1 order by sum(quantity * unit_price) desc, 1 limit 1",
  );
  if (best === undefined) throw new DemoFailure("The demo stopped: warehouse.sales holds no line with a customer");
  return summarize({
    from,
    to,
    backfill,
    quarantine: await sluice<QuarantineGroup[]>(environment, "quarantine", "list"),
    features: await sluice<FeaturesOutput>(environment, "features", "get", "customer_activity", best.customer_id),
    question,
    hits: await sluice<SearchHit[]>(environment, "search", "docs", question),
    folder: relative(process.cwd(), folder) || ".",
    state: resolve(folder, environment["SLUICE_HOME"] || ".sluice"),
  });
}

const catalogue = process.env["CATALOGUE_URL"] ? null : await startCatalogue().catch(() => null);
try {
  if (catalogue === null && !process.env["CATALOGUE_URL"]) throw new DemoFailure("The demo can't listen on 127.0.0.1");
  const summary = await demo({
    ...process.env,
    // The commands run in another folder than this one.
    ...(process.env["RETAIL_DIR"] ? { RETAIL_DIR: resolve(process.env["RETAIL_DIR"]) } : {}),
    ...(catalogue === null ? {} : { CATALOGUE_URL: catalogue.url, CATALOGUE_TOKEN: catalogue.token }),
  });
  console.log(`\n${summary}`);
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = error instanceof DemoFailure ? error.exitCode : 1;
} finally {
  await catalogue?.close();
}
