// What a test puts in place of the world, in a worker: what steps produce without being run, and where what is loaded goes.
// Everything else is as it would be.
import type { Connection } from "../config.ts";
import type { Sink } from "../connect/sink.ts";
import type { RangeReader, Source, SourceAdapter } from "../connect/source.ts";
import type { Column, Dataset } from "../dataset/dataset.ts";
import { writeRows } from "../dataset/write-dataset.ts";
import { SluiceError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { StepContext, StepResult, StepSpec } from "../pipeline/step.ts";
import type { Project } from "./project.ts";
import type { Services } from "./services.ts";

export interface StandIns {
  /** The pipeline that `fixtures` is about. */
  readonly pipeline: string;
  /** What steps produce in place of being run, by name. */
  readonly fixtures: Readonly<Record<string, Json>>;
  /** In place of the project's own, by name; "real" for the project's own. */
  readonly connections: Readonly<Record<string, Connection | "real">>;
}

type Spec = StepSpec<unknown, Services>;

/** The project with the fixtures in place of the code of their steps. Plans, and so versions, are as they were. */
export function projectWith(project: Project, { pipeline: name, fixtures }: StandIns): Project {
  const tested = project.pipelines.get(name);
  if (tested === undefined || Object.keys(fixtures).length === 0) return project;
  const code: Pipeline["code"] = (partition, params) => {
    const made = tested.code(partition, params);
    const specs = new Map(
      [...made.specs].map(([step, spec]) => [
        step,
        Object.hasOwn(fixtures, step) ? fixed(spec as Spec, fixtures[step]!) : spec,
      ]),
    );
    return { ...made, specs: specs as typeof made.specs };
  };
  const replaced: Pipeline = { ...tested, code, specs: (partition, params) => code(partition, params).specs };
  return { ...project, pipelines: new Map(project.pipelines).set(name, replaced) };
}

/** Kinds of steps whose output is a dataset. */
const datasetKinds: ReadonlySet<string> = new Set(["extract", "transform", "union", "validate", "expect"]);

function fixed(spec: Spec, fixture: Json): Spec {
  return {
    ...spec,
    execute: async (context, services): Promise<StepResult> => {
      if (context.item !== null) return { output: itemOf(context, fixture) };
      if (!datasetKinds.has(spec.kind)) return { output: fixture };
      const dataset = await datasetOf(context, services, spec, fixture);
      return { output: dataset, rows: { in: dataset.rows, out: dataset.rows, duplicate: 0, quarantined: 0 } };
    },
  };
}

function itemOf({ step, item }: StepContext, fixture: Json): Json {
  if (Array.isArray(fixture) && fixture.length > item!) return (fixture as readonly Json[])[item!]!;
  throw new SluiceError("USAGE", `The fixture of the mapped step "${step}" has nothing for its item ${item}`, {
    hint: "Give a list with an output for each of its items.",
  });
}

async function datasetOf({ step }: StepContext, services: Services, spec: Spec, fixture: Json): Promise<Dataset> {
  if (!Array.isArray(fixture) || !fixture.every(isRow)) {
    throw new SluiceError("USAGE", `The fixture of step "${step}" is not a list of rows`, {
      hint: 'Give a list of objects, such as [{ order_id: "o-1" }]: the step produces a dataset.',
    });
  }
  const config = spec.config as { readonly vendor?: Json; readonly request?: JsonObject } | null;
  const found = columnsOf(fixture, config?.vendor === "csv");
  const named = declaredColumns(config?.request?.["columns"]).filter(
    ({ name }) => !found.some((column) => column.name === name),
  );
  const columns = [...found, ...named];
  if (columns.length === 0) {
    throw new SluiceError("USAGE", `The fixture of step "${step}" has no row, so its columns are not known`, {
      hint: "Give the source `columns`, or the fixture a row.",
    });
  }
  return writeRows(await services.session(), services.artifacts, columns, [fixture]);
}

function isRow(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The columns of the rows, in the order in which they are met. What a CSV file holds is text, whatever it looks like. */
function columnsOf(rows: readonly JsonObject[], text: boolean): Column[] {
  const types = new Map<string, string | null>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const type = value === null || value === undefined ? null : text ? "VARCHAR" : typeOf(value);
      const known = types.get(name) ?? null;
      types.set(name, known === null || known === type ? type : type === null ? known : wider(known, type));
    }
  }
  return [...types].map(([name, type]) => ({ name, type: type ?? "VARCHAR" }));
}

function typeOf(value: Json): string {
  if (typeof value === "boolean") return "BOOLEAN";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "BIGINT" : "DOUBLE";
  return "VARCHAR";
}

function wider(one: string, other: string): string {
  const numbers = new Set(["BIGINT", "DOUBLE"]);
  return numbers.has(one) && numbers.has(other) ? "DOUBLE" : "VARCHAR";
}

/** The columns that the source itself names: they are there also where no row has them. */
function declaredColumns(columns: Json | undefined): Column[] {
  if (!Array.isArray(columns)) return [];
  return (columns as readonly Json[]).flatMap((column) => {
    const name = isRow(column) ? column["name"] : column;
    const type = isRow(column) ? column["type"] : undefined;
    return typeof name === "string" ? [{ name, type: typeof type === "string" ? type : "VARCHAR" }] : [];
  });
}

/** The services with the test's own warehouse in place of every destination that the test does not want to be real. */
export function servicesWith(services: Services, { connections }: StandIns): Services {
  const openFor = async (connection: Connection): Promise<{ readonly own: Sink; readonly target: Connection }> => {
    const target = targetOf(connections, connection);
    const own = await services.sinks[target.vendor]?.();
    if (own !== undefined) return { own, target };
    throw new SluiceError(
      "USAGE",
      `Nothing here can load into "${target.vendor}", which stands in for "${target.name}"`,
      {
        hint: `Connections that can be loaded into: ${Object.keys(services.sinks).join(", ")}.`,
      },
    );
  };
  const standingIn =
    (vendor: string): (() => Promise<Sink>) =>
    async () => ({
      // What the stand-in can't do is said by it: here it isn't known yet which it is.
      capabilities: (await services.sinks[vendor]!()).capabilities,
      load: async (request, context) => {
        const { own, target } = await openFor(request.table.connection);
        return own.load({ ...request, table: { ...request.table, connection: target } }, context);
      },
      columns: async (table, offered, context) => {
        const { own, target } = await openFor(table.connection);
        return own.columns({ ...table, connection: target }, offered, context);
      },
      position: async (table, reader, context) => {
        const { own, target } = await openFor(table.connection);
        return own.position({ ...table, connection: target }, reader, context);
      },
      sample: async (table, columns, limit, context) => {
        const { own, target } = await openFor(table.connection);
        return own.sample({ ...table, connection: target }, columns, limit, context);
      },
    });
  const sinks = Object.fromEntries(Object.keys(services.sinks).map((vendor) => [vendor, standingIn(vendor)]));
  const ranges = Object.fromEntries(
    Object.entries(services.ranges).map(([vendor, own]): [string, RangeReader] => [
      vendor,
      (source, range, context) => own(standInFor(source, connections), range, context),
    ]),
  );
  const sources = Object.fromEntries(
    Object.entries(services.sources).map(([vendor, own]): [string, SourceAdapter] => [
      vendor,
      (source, context) => own(standInFor(source, connections), context),
    ]),
  );
  // Stores are opened when they are first asked for: a copy of all fields would open them.
  return Object.assign(Object.create(services) as Services, { sinks, ranges, sources });
}

function targetOf(connections: StandIns["connections"], connection: Connection): Connection {
  const standIn = connections[connection.name];
  if (standIn === "real") return connection;
  return standIn ?? { name: connection.name, vendor: "lake", settings: {} };
}

function standInFor(source: Source, connections: StandIns["connections"]): Source {
  const { connection } = source;
  if (connection === null) return source;
  const standIn = connections[connection.name];
  if (standIn === "real") return source;
  if (standIn === undefined)
    return source.vendor === "lake" ? { ...source, connection: { ...connection, settings: {} } } : source;
  if (standIn.vendor === source.vendor) return { ...source, connection: standIn };
  throw new SluiceError(
    "USAGE",
    `"${connection.name}" is read as ${source.vendor}, and its stand-in is ${standIn.vendor}`,
    {
      hint: "Give the step that reads it a fixture.",
    },
  );
}
