// Params of runs: those that somebody gives are checked by the pipeline's schema, which is user code and so runs elsewhere;
// those of runs that nobody starts are worked out once per version.
import { SluiceError } from "../../errors.ts";
import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { Timer } from "../scheduler/timer.ts";

/** Milliseconds until defaults that could not be worked out are asked for again. */
const again = 30_000;

export interface RunParamsOptions {
  readonly prepare: (pipeline: string, raw: Json) => Promise<Json>;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly closed: () => boolean;
  /** The defaults of a pipeline that were asked for are there, or may be asked for again. */
  readonly ready: (pipeline: string) => void;
  readonly troubled: (pipeline: string, error: unknown) => void;
}

export interface RunParams {
  /** What was given, checked and with defaults; rejects with USAGE when it doesn't fit. */
  given(plan: Plan, raw: Json): Promise<Json>;
  /** All at their defaults; null while they are not known, and `ready` says when. */
  defaults(plan: Plan): { readonly params: Json } | null;
  close(): void;
}

export function createRunParams(options: RunParamsOptions): RunParams {
  const known = new Map<string, { readonly params: Json }>();
  const asking = new Set<string>();
  const waits = new Set<() => void>();

  async function ask({ pipeline, version }: Plan): Promise<void> {
    asking.add(version);
    try {
      known.set(version, { params: await options.prepare(pipeline, {}) });
      asking.delete(version);
      if (!options.closed()) options.ready(pipeline);
    } catch (error) {
      if (options.closed()) return;
      options.troubled(pipeline, error);
      const cancel = options.timer(options.clock.now() + again, () => {
        waits.delete(cancel);
        asking.delete(version);
        options.ready(pipeline);
      });
      waits.add(cancel);
    }
  }

  return {
    given: async ({ pipeline, params }, raw) => {
      if (params !== null) return options.prepare(pipeline, raw ?? {});
      if (raw === null || (typeof raw === "object" && Object.keys(raw).length === 0)) return null;
      throw new SluiceError("USAGE", `Pipeline "${pipeline}" takes no params`, { hint: "Leave them out." });
    },
    defaults: (plan) => {
      if (plan.params === null) return noParams;
      const found = known.get(plan.version) ?? null;
      if (found === null && !asking.has(plan.version)) void ask(plan);
      return found;
    },
    close: () => {
      for (const cancel of waits) cancel();
    },
  };
}

const noParams = { params: null } as const;
