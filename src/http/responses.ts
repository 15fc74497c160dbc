// The wire types: what each address answers with. The handlers and whoever reads the API share them.
import type { BackfillPreview } from "../engine/requests/backfill-preview.ts";
import type { RunReport } from "../embedded/run-report.ts";
import type { ErrorCode } from "../errors.ts";
import type { EntityFeatures } from "../features/serve.ts";
import type { Json } from "../json.ts";
import type { Explanation, StepExplanation } from "../monitor/explain.ts";
import type { PartitionRange, PartitionSummary } from "../monitor/partition-summary.ts";
import type { BackfillView, RequestView } from "../monitor/request-view.ts";
import type { AttemptView, ItemView, LogView, RunDocument, RunView, StepView } from "../monitor/run-view.ts";
import type { ScheduleView } from "../monitor/schedule-view.ts";
import type { PlanChange } from "../pipeline/plan-diff.ts";
import type { QuarantineGroup, StoredQuarantinedRow } from "../quality/quarantine-store.ts";
import type { SearchHit } from "../retrieval/search.ts";

export type {
  AttemptView,
  BackfillPreview,
  BackfillView,
  EntityFeatures,
  ItemView,
  LogView,
  PartitionRange,
  PlanChange,
  RequestView,
  RunDocument,
  RunView,
  ScheduleView,
  SearchHit,
  StepExplanation,
  StepView,
};

/** GET /healthz */
export interface HealthResponse {
  readonly status: "ok";
  readonly version: string;
}

/** GET /api/runs */
export interface RunsResponse {
  /** The newest first. */
  readonly runs: readonly RunView[];
  /** What `before` takes to read on; null at the end. */
  readonly next: string | null;
}

/** GET /api/runs/:id */
export interface RunResponse extends RunDocument {
  /** Those under way, and then at most 1,000 that have ended. */
  readonly attempts: readonly AttemptView[];
  readonly explanation: Explanation;
}

/** GET /api/runs/:id/steps/:step/items */
export interface ItemsResponse {
  readonly items: readonly ItemView[];
  /** What `from` takes to read on; null at the end. */
  readonly next: number | null;
}

/** GET /api/runs/:id/logs */
export interface LogsResponse {
  readonly logs: readonly LogView[];
  /** What `after` takes to read on: lines may still come while the run is under way. */
  readonly next: number;
}

/** GET /api/runs/:id/report */
export type RunReportResponse = RunReport;

/** GET /api/runs/:id/why */
export interface RunWhyResponse extends Explanation {
  readonly run: RunView;
}

/** GET /api/pipelines/:name/why and /api/requests/:key/why */
export interface WhyResponse {
  readonly summary: string;
  readonly reasons: readonly string[];
  readonly command: string | null;
}

/** GET /api/runs/:id/diff */
export interface DiffResponse {
  readonly pipeline: string;
  readonly before: { readonly version: string; readonly run: string };
  /** Of another run, or of the definition that the next run gets. */
  readonly after: { readonly version: string; readonly run: string | null };
  readonly changes: readonly PlanChange[];
}

/** GET /api/pipelines */
export interface PipelinesResponse {
  readonly pipelines: readonly {
    readonly name: string;
    readonly version: string;
    readonly schedule: ScheduleView;
    /** In words; null for a pipeline without partitions. */
    readonly partitions: string | null;
    /** JSON Schema of the run's params; null when it takes none. */
    readonly params: Json;
    readonly steps: readonly { readonly name: string; readonly kind: string; readonly dependsOn: readonly string[] }[];
  }[];
}

/** GET /api/pipelines/:name/partitions */
export type PartitionsResponse = PartitionSummary;

/** GET /api/schedules */
export interface SchedulesResponse {
  readonly schedules: readonly ScheduleView[];
}

/** GET /api/requests */
export interface RequestsResponse {
  /** The oldest first. */
  readonly requests: readonly RequestView[];
  /** How many wait in all, of all pipelines. */
  readonly total: number;
}

/** GET /api/backfills */
export interface BackfillsResponse {
  /** The newest first. */
  readonly backfills: readonly BackfillView[];
}

/** GET /api/backfills/:id */
export interface BackfillResponse {
  readonly backfill: BackfillView;
}

/** POST /api/backfills/preview */
export interface BackfillPreviewResponse {
  readonly preview: BackfillPreview;
}

/** GET /api/partition-sets/:set */
export interface PartitionKeysResponse {
  readonly set: string;
  /** In the order in which they were added. */
  readonly keys: readonly string[];
  /** What `after` takes to read on; null at the end. */
  readonly next: string | null;
}

/** GET /api/quarantine */
export interface QuarantineResponse {
  /** The newest first; `at` is ISO 8601 in UTC. */
  readonly quarantine: readonly (Omit<QuarantineGroup, "at" | "delivery"> & { readonly at: string })[];
}

/** GET /api/quarantine/:pipeline */
export interface QuarantineRowsResponse {
  readonly pipeline: string;
  readonly rows: readonly StoredQuarantinedRow[];
}

/** GET /api/features/:view/:key */
export type FeaturesResponse = EntityFeatures;

/** GET /api/search/:index */
export interface SearchResponse {
  readonly index: string;
  readonly query: string;
  readonly hits: readonly SearchHit[];
}

/** Every POST: what came of it, once it is durable. What it holds is said with each address. */
export interface DoneResponse {
  readonly result: Json;
}

/** POST /hooks/:name, once the delivery is on disk. */
export interface DeliveryResponse {
  /** Its id, as the inbox tells deliveries apart. */
  readonly delivery: string;
  /** Was one of this id there before? Then this one was not kept again. */
  readonly duplicate: boolean;
}

/** Every answer with a status of 400 or above. */
export interface ErrorResponse {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string | null;
  };
}
