// What the service and each of its routes are made from.
import type { Instruction } from "../engine/stores/instruction.ts";
import type { InboxReceiver } from "../embedded/inbox-receiver.ts";
import type { Reader } from "../embedded/reader.ts";
import type { Json } from "../json.ts";
import type { Redactor } from "../log.ts";

export interface AppOptions {
  readonly reader: Reader;
  /** This package's version. */
  readonly version: string;
  /** Host names under which it may be called, without ports; null for any. */
  readonly hosts: readonly string[] | null;
  readonly writing: Writing;
  /** What callers that only read must show, but for /healthz; null for none. @default null */
  readonly readToken?: string | null;
  /** What hides the project's secrets in what is told of its data. */
  readonly secrets: () => Promise<Redactor>;
  /** Takes what webhooks deliver; null where the service is for reading only. */
  readonly inboxes: InboxReceiver | null;
}

/** Whether, and for whom, the service changes anything. */
export type Writing =
  | {
      readonly allowed: true;
      /** Has it done by the scheduler, whoever runs that, and answers once it is durable. */
      readonly instruct: (instruction: Instruction, by: string) => Promise<Json>;
      /** What callers that change something must show; null for none. */
      readonly token: string | null;
    }
  | { readonly allowed: false; readonly reason: string; readonly hint: string };
