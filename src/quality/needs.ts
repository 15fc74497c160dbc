// What the steps of this room must be handed at run time.
import type { ArtifactStore } from "../dataset/artifact-store.ts";
import type { Session } from "../dataset/session.ts";
import type { MeasurementStore } from "./expectations/measurement-store.ts";
import type { ProfileStore } from "./profile/profile-store.ts";
import type { QuarantineStore } from "./quarantine-store.ts";

export interface QualityNeeds {
  /** The worker's columnar session; opened at the first call. */
  readonly session: () => Promise<Session>;
  readonly artifacts: ArtifactStore;
  readonly quarantine: QuarantineStore;
  /** What expectations have measured before. */
  readonly measurements: MeasurementStore;
  /** What earlier runs' data looked like. */
  readonly profiles: ProfileStore;
}
