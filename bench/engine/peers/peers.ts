// The peers that the engine is compared with, all with the same three workloads of tasks that do nothing.
import { airflow, airflowDefaults } from "./airflow.ts";
import { dagster, dagsterInProcess } from "./dagster.ts";
import type { PeerFigures, Workload } from "./figures.ts";
import { luigi, luigiLocal } from "./luigi.ts";
import { measure, type MeasureOptions, type Setup } from "./measure.ts";
import { pythonInstalled } from "./pins.ts";
import { prefect, prefectServed } from "./prefect.ts";
import { temporal, temporalInstalled, temporalLocal } from "./temporal.ts";

export { workloads, type PeerFigures, type Workload } from "./figures.ts";

export interface Peer {
  /** The product, and after a comma what sets this way of running it apart. */
  readonly name: string;
  /** Whether exactly the pinned versions are installed. */
  installed(): boolean;
  /** `not installed: COMMAND`, for a report. */
  readonly notInstalled: string;
  /** Starts the peer, runs one workload and stops it again. Throws when it isn't installed or a run fails. */
  run(workload: Workload, options: MeasureOptions): Promise<PeerFigures>;
}

/** From the one with the most behind it to the one with the least. */
export const peers: readonly Peer[] = [
  peer("airflow", airflow, () => pythonInstalled("airflow")),
  peer("airflow", airflowDefaults, () => pythonInstalled("airflow")),
  peer("prefect", prefect, () => pythonInstalled("prefect")),
  peer("prefect", prefectServed, () => pythonInstalled("prefect")),
  peer("dagster", dagster, () => pythonInstalled("dagster")),
  peer("dagster", dagsterInProcess, () => pythonInstalled("dagster")),
  peer("luigi", luigi, () => pythonInstalled("luigi")),
  peer("luigi", luigiLocal, () => pythonInstalled("luigi")),
  peer("temporal", temporal, temporalInstalled),
  peer("temporal", temporalLocal, temporalInstalled),
];

function peer(product: string, setup: Setup, installed: () => boolean): Peer {
  const notInstalled = `not installed: bash bench/peers/install.sh ${product}`;
  return {
    name: setup.peer,
    installed,
    notInstalled,
    run: async (workload, options) => {
      if (process.platform !== "linux") throw new Error("Peers are measured through /proc, which only Linux has");
      if (!installed()) throw new Error(`${setup.peer}: ${notInstalled}`);
      return measure(setup, workload, options);
    },
  };
}
