// Every address of the service, as data: the reference page is generated from it, and a test holds it against the routes.
import { bodies } from "./bodies.ts";

export interface Address {
  readonly method: "GET" | "POST";
  /** As the routes write it: "/api/runs/:id". */
  readonly path: string;
  readonly summary: string;
  /** Parameters of a GET, with what they take. */
  readonly query?: Readonly<Record<string, string>>;
  /** Fields of the body of a POST, by its name in `bodies`; "delivery" is whatever the sender of a webhook writes. */
  readonly body?: keyof typeof bodies | "delivery";
  /** The type in `responses.ts`, or what `result` holds. */
  readonly answer: string;
  /** Does an `Idempotency-Key` make asking twice count once? */
  readonly idempotent?: boolean;
}

const page = { limit: "a whole number" };
const run = { pipeline: "name", partition: "key", status: "running, succeeded, failed or cancelled", backfill: "id" };

export const addresses: readonly Address[] = [
  { method: "GET", path: "/", summary: "A status page for people", answer: "HTML" },
  { method: "GET", path: "/healthz", summary: "Can what is stored be read?", answer: "HealthResponse" },
  { method: "GET", path: "/metrics", summary: "Metrics for Prometheus", answer: "text" },
  {
    method: "GET",
    path: "/api/runs",
    summary: "Runs, the newest first",
    query: { ...run, before: "id of a run", ...page },
    answer: "RunsResponse",
  },
  { method: "GET", path: "/api/runs/:id", summary: "A run with its steps and attempts", answer: "RunResponse" },
  {
    method: "GET",
    path: "/api/runs/:id/report",
    summary: "What is known of the run's data: expectations, drift, gates, failing rows, history",
    answer: "RunReportResponse",
  },
  {
    method: "GET",
    path: "/api/runs/:id/why",
    summary: "What the run and each of its steps wait for, or why they ended as they did",
    answer: "RunWhyResponse",
  },
  {
    method: "GET",
    path: "/api/runs/:id/logs",
    summary: "What its steps logged, from a position on, or the last lines",
    query: { step: "name", item: "position", attempt: "number", after: "position", tail: "true or false", ...page },
    answer: "LogsResponse",
  },
  {
    method: "GET",
    path: "/api/runs/:id/diff",
    summary: "How the definition has changed since the run, or up to another run",
    query: { to: "id of a run" },
    answer: "DiffResponse",
  },
  {
    method: "GET",
    path: "/api/runs/:id/steps/:step/items",
    summary: "Items of a mapped step, in order",
    query: { status: "queued, retrying, succeeded, failed or cancelled", from: "position", ...page },
    answer: "ItemsResponse",
  },
  {
    method: "POST",
    path: "/api/runs/:id/cancel",
    summary: "Cancels a run",
    body: "cancel",
    answer: "{run}",
  },
  {
    method: "POST",
    path: "/api/runs/:id/rerun",
    summary: "Makes a new run of what this one did not finish, or of chosen steps",
    body: "rerun",
    answer: "{run}",
  },
  {
    method: "POST",
    path: "/api/runs/:id/steps/:step/decide",
    summary: "Decides for a step that waits for a person",
    body: "decide",
    answer: "{run, step, decision}",
  },
  {
    method: "POST",
    path: "/api/runs/:id/steps/:step/mark",
    summary: "Says how a step ends",
    body: "mark",
    answer: "{run, step, as}",
  },
  {
    method: "GET",
    path: "/api/pipelines",
    summary: "What is defined, with schedules and last runs",
    answer: "PipelinesResponse",
  },
  {
    method: "GET",
    path: "/api/pipelines/:name/why",
    summary: "When a pipeline is due next, and what stops it",
    answer: "WhyResponse",
  },
  {
    method: "GET",
    path: "/api/pipelines/:name/partitions",
    summary: "How its partitions stand, as ranges of neighbours that stand alike",
    query: { status: "missing, running, succeeded, failed or cancelled", ...page },
    answer: "PartitionsResponse",
  },
  {
    method: "POST",
    path: "/api/pipelines/:name/runs",
    summary: "Asks for a run",
    body: "run",
    answer: "{run}, or {request} where it has to wait for room",
    idempotent: true,
  },
  {
    method: "POST",
    path: "/api/pipelines/:name/pause",
    summary: "Pauses the schedule",
    body: "nothing",
    answer: "{pipeline, paused}",
  },
  {
    method: "POST",
    path: "/api/pipelines/:name/unpause",
    summary: "Lets the schedule ask for runs again",
    body: "nothing",
    answer: "{pipeline, paused}",
  },
  {
    method: "GET",
    path: "/api/schedules",
    summary: "What starts pipelines by itself, when next, and what is due",
    answer: "SchedulesResponse",
  },
  {
    method: "GET",
    path: "/api/requests",
    summary: "Runs that are asked for and have not begun, the oldest first",
    query: { pipeline: "name", backfill: "id", ...page },
    answer: "RequestsResponse",
  },
  {
    method: "GET",
    path: "/api/requests/:key/why",
    summary: "What such a run waits for",
    answer: "WhyResponse",
  },
  {
    method: "POST",
    path: "/api/events/:name",
    summary: "Tells of an event, which starts the pipelines that wait for it, once per key",
    body: "event",
    answer: "{event, pipelines, paused}",
    idempotent: true,
  },
  {
    method: "GET",
    path: "/api/backfills",
    summary: "Backfills, the newest first",
    query: { pipeline: "name", status: "running, succeeded, failed or cancelled", ...page },
    answer: "BackfillsResponse",
  },
  { method: "GET", path: "/api/backfills/:id", summary: "How far a backfill is", answer: "BackfillResponse" },
  {
    method: "POST",
    path: "/api/backfills/preview",
    summary: "What a backfill would do; does nothing",
    body: "backfill",
    answer: "BackfillPreviewResponse",
  },
  {
    method: "POST",
    path: "/api/backfills",
    summary: "Asks for a backfill",
    body: "backfill",
    answer: "{backfill, total}",
  },
  {
    method: "POST",
    path: "/api/backfills/:id/cancel",
    summary: "Cancels a backfill, and its runs",
    body: "nothing",
    answer: "{backfill, status, total}",
  },
  {
    method: "POST",
    path: "/api/backfills/:id/resume",
    summary: "Lets a cancelled backfill go on",
    body: "nothing",
    answer: "{backfill, status, total}",
  },
  {
    method: "GET",
    path: "/api/partition-sets/:set",
    summary: "Keys of a dynamic set of partitions, in the order in which they were added",
    query: { after: "key", ...page },
    answer: "PartitionKeysResponse",
  },
  {
    method: "POST",
    path: "/api/partition-sets/:set/add",
    summary: "Adds keys to the set",
    body: "partitionKeys",
    answer: "{set, changed}",
  },
  {
    method: "POST",
    path: "/api/partition-sets/:set/remove",
    summary: "Removes keys from the set",
    body: "partitionKeys",
    answer: "{set, changed}",
  },
  {
    method: "GET",
    path: "/api/quarantine",
    summary: "What lies in quarantine, by pipeline, step and partition",
    query: { pipeline: "name", partition: "key", step: "name", run: "id", ...page },
    answer: "QuarantineResponse",
  },
  {
    method: "GET",
    path: "/api/quarantine/:pipeline",
    summary: "Rows in quarantine, with what is wrong",
    query: { partition: "key", step: "name", run: "id", ...page },
    answer: "QuarantineRowsResponse",
  },
  {
    method: "GET",
    path: "/api/features/:view/:key",
    summary: "The features of one entity",
    query: { as_of: "an instant" },
    answer: "FeaturesResponse",
  },
  {
    method: "GET",
    path: "/api/search/:index",
    summary: "The chunks that answer best",
    query: { q: "the question", ...page },
    answer: "SearchResponse",
  },
  {
    method: "POST",
    path: "/hooks/:name",
    summary:
      "Takes what a webhook delivers, with the credentials or the signature that the inbox asks for; once per delivery",
    body: "delivery",
    answer: "DeliveryResponse",
  },
];
