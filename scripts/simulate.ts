// npm run simulate: the engine in worlds where everything goes wrong that can, one world per seed (test/simulation).
//
//   npm run simulate -- --seeds 10000000 [--from 1] [--workers 2]   many seeds, in processes of their own
//   npm run simulate -- --seed 42                                   one seed, and everything that happened in it
//
// Ends with 1 when a seed breaks a rule, after at most ten of those.
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { checkSeed, faultsOf } from "../test/simulation/check-seed.ts";
import { simulate } from "../test/simulation/simulate.ts";
import { addReport, addTally, emptyTally, tallyText, type Tally } from "../test/simulation/tally.ts";

interface Stretch {
  readonly from: number;
  readonly count: number;
  readonly failuresAllowed: number;
}

interface StretchReport {
  readonly tally: Tally;
  readonly failures: readonly string[];
}

/** Stretches are short, so that what a process may leak can't add up. */
const stretchLength = 2_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    failures: { type: "string", default: "10" },
    stretch: { type: "string" },
  },
});

if (values.stretch !== undefined) await runStretch(JSON.parse(values.stretch) as Stretch);
else if (values.seed !== undefined) await replay(whole("seed", values.seed));
else
  await runAll(
    whole("seeds", values.seeds),
    whole("from", values.from),
    whole("workers", values.workers),
    whole("failures", values.failures),
  );

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} needs a whole number from 1 up, not "${text}"`);
  process.exit(2);
}

/** A process's share: says what came of it in one message. */
async function runStretch({ from, count, failuresAllowed }: Stretch): Promise<void> {
  const tally = emptyTally();
  const failures: string[] = [];
  for (let seed = from; seed < from + count && failures.length < failuresAllowed; seed += 1) {
    try {
      addReport(tally, await checkSeed(seed));
    } catch (error) {
      failures.push(
        error instanceof Error && error.message.startsWith(`seed ${seed}`)
          ? error.message
          : `seed ${seed}: ${(error as Error).stack}`,
      );
    }
  }
  const report: StretchReport = { tally, failures };
  process.send!(report, undefined, undefined, () => process.disconnect());
}

async function runAll(seeds: number, from: number, workers: number, failuresAllowed: number): Promise<void> {
  const began = Date.now();
  const tally = emptyTally();
  const failures: string[] = [];
  let next = from;
  let told = Date.now();
  const lane = async (): Promise<void> => {
    while (next < from + seeds && failures.length < failuresAllowed) {
      const stretch = {
        from: next,
        count: Math.min(stretchLength, from + seeds - next, Math.ceil(seeds / workers)),
        failuresAllowed: failuresAllowed - failures.length,
      };
      next += stretch.count;
      const report = await stretchReport(stretch);
      addTally(tally, report.tally);
      failures.push(...report.failures);
      for (const failure of report.failures) console.log(failure);
      if (Date.now() - told > 10_000) {
        told = Date.now();
        const perSecond = Math.round(tally.seeds / ((told - began) / 1000));
        console.log(
          `${tally.seeds.toLocaleString("en")} of ${seeds.toLocaleString("en")} seeds, ${perSecond} a second`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, lane));
  console.log(`${tallyText(tally)}\n${failures.length} failed, in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  process.exit(failures.length === 0 ? 0 : 1);
}

function stretchReport(stretch: Stretch): Promise<StretchReport> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ["--stretch", JSON.stringify(stretch)]);
    let report: StretchReport | null = null;
    child.on("message", (message) => (report = message as StretchReport));
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (report !== null) resolve(report);
      else
        reject(
          new Error(
            `The process of seeds ${stretch.from} to ${stretch.from + stretch.count - 1} ended with ${signal ?? code}`,
          ),
        );
    });
  });
}

async function replay(seed: number): Promise<void> {
  const calm = await simulate({ seed, faults: 0, verbose: true });
  const rough = await simulate({ seed, faults: faultsOf(seed), verbose: true });
  for (const { plan } of rough.workload.pipelines) console.log(JSON.stringify(plan, null, 1));
  console.log(`\n== without faults (${calm.acts} acts)\n${calm.trace.join("\n")}\n${calm.breaches.join("\n")}`);
  console.log(
    `\n== with faults (${rough.acts} acts, ${rough.processes} processes)\n${rough.trace.join("\n")}\n${rough.breaches.join("\n")}\n`,
  );
  try {
    await checkSeed(seed);
    console.log(`seed ${seed} keeps every rule`);
  } catch (error) {
    console.log((error as Error).message);
    process.exitCode = 1;
  }
}
