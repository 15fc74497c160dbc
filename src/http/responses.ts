// The wire types: what each address answers with. The handlers and whoever reads the API share them.
import type { ErrorCode } from "../errors.ts";
import type { EntityFeatures } from "../features/serve.ts";
import type { Explanation } from "../monitor/explain.ts";
import type { AttemptView, RunDocument, RunView } from "../monitor/run-view.ts";
import type { QuarantineGroup, StoredQuarantinedRow } from "../quality/quarantine-store.ts";
import type { SearchHit } from "../retrieval/search.ts";

export type { AttemptView, EntityFeatures, RunDocument, RunView, SearchHit };

/** GET /healthz */
export interface HealthResponse {
  readonly status: "ok";
  readonly version: string;
}

/** GET /api/runs */
export interface RunsResponse {
  readonly runs: readonly RunView[];
}

/** GET /api/runs/:id */
export interface RunResponse extends RunDocument {
  readonly attempts: readonly AttemptView[];
  readonly explanation: Explanation;
}

/** GET /api/quarantine */
export interface QuarantineResponse {
  /** The newest first; `at` is ISO 8601 in UTC. */
  readonly quarantine: readonly (Omit<QuarantineGroup, "at"> & { readonly at: string })[];
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

/** Every answer with a status of 400 or above. */
export interface ErrorResponse {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string | null;
  };
}
