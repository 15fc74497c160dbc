// What the task bodies write down, and a driver that waits for the word: the same as bench/peers/marks.py.
import { appendFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** The task: does nothing. The line it leaves is written after its end and so is no part of it. */
export function body(run, task) {
  const start = now();
  const end = now();
  appendFileSync(process.env.BENCH_MARKS, `${run} ${task} ${start.toFixed(6)} ${end.toFixed(6)}\n`);
}

/** Says that everything is ready, waits for the word, runs `work`, says when it began and ended, waits for the end. */
export async function drive(work) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  say("ready");
  if ((await lines.next()).done) return;
  const asked = now();
  await work();
  const ended = now();
  say(JSON.stringify({ asked, ended, recorded: ended }));
  await lines.next();
}

function say(text) {
  writeSync(1, `bench ${text}\n`);
}

/** Seconds since 1970, to the microsecond. */
function now() {
  return (performance.timeOrigin + performance.now()) / 1000;
}
