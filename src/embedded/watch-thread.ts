// The thread that `orphan-watch.ts` starts.
import { Socket } from "node:net";
import { workerData } from "node:worker_threads";
import { giveBack } from "./claims.ts";
import { lineOf, lineReader } from "./message-lines.ts";
import { pipes, type Recall, type Recalled } from "./messages.ts";
import type { WatchStart } from "./orphan-watch.ts";

const { parent, claims } = workerData as WatchStart;

const end = (): void => void process.kill(process.pid, "SIGKILL");

// Where the pipe's end goes unseen, the parent's number tells: an orphan is adopted.
setInterval(() => process.ppid !== parent && end(), 1000);

const recalls = new Socket({ fd: pipes.recalls, readable: true, writable: true });
recalls.setEncoding("utf8");
recalls.on(
  "data",
  lineReader<Recall>(({ jobs }) => {
    const given: Recalled = { jobs: jobs.filter((job) => giveBack(claims, job)) };
    recalls.write(lineOf(given));
  }, end),
);
recalls.on("error", end);
recalls.on("end", end);
