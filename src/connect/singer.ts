// singer(command): a tap of the Singer specification, run as a process of its own, whose streams can be extracted. Plain data;
// adapters/singer runs it.
import type { Connection, ConnectionFactory, Setting } from "../config.ts";
import { SluiceError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Source } from "./source.ts";

/** A value of a tap's configuration: JSON, in which references stand for secrets. */
export type TapSetting =
  | Setting
  | number
  | boolean
  | null
  | readonly TapSetting[]
  | { readonly [key: string]: TapSetting };

/** How a tap is run. */
export interface SingerOptions {
  /** What the tap is given as its `--config`. Secrets are references: they are written to a file that only this user may read, and that is removed. */
  readonly config?: Readonly<Record<string, TapSetting>>;
  /** Arguments before Singer's own, such as ["-m", "my_tap"]. @default none */
  readonly args?: readonly string[];
  /**
   * Is the tap asked by `--discover` what it has, and told by `--catalog` which stream is wanted? Say false for one that knows no
   * catalog: it then sends all it has, and what isn't wanted is left out. @default true
   */
  readonly discover?: boolean;
}

export interface SingerSettings {
  readonly command: string;
  readonly config: Readonly<Record<string, TapSetting>>;
  readonly args: readonly string[];
  readonly discover: boolean;
}

/** What is asked of a stream beside its name. */
export interface StreamOptions {
  /** Fields that are left out, such as large ones nobody needs. @default none */
  readonly without?: readonly string[];
  /** The field by which the tap is to read what is new, where it lets one choose. @default the tap's own */
  readonly replicationKey?: string;
}

/** What the adapter is asked to read. */
export interface SingerRequest {
  readonly stream: string;
  readonly without: readonly string[];
  readonly replicationKey: string | null;
}

/** A Singer tap, under its name. */
export interface SingerConnection extends Connection {
  /**
   * The records of a stream. Its schema gives the columns their types; objects and arrays become JSON text.
   *
   * With `cursor: bookmark()` the tap goes on from the state that it gave last, which is kept in the table that is loaded.
   */
  stream(name: string, options?: StreamOptions): Source;
}

/**
 * A tap of the Singer specification: an installed command that writes SCHEMA, RECORD and STATE messages.
 *
 * ```ts
 * defineConfig({ connections: {
 *   github: singer("tap-github", { config: { access_token: env("GITHUB_TOKEN"), repository: "acme/shop" } }),
 * } });
 * ```
 */
export function singer(command: string, options: SingerOptions = {}): ConnectionFactory<SingerConnection> {
  if (command.trim() === "") {
    throw new SluiceError("DEFINITION_INVALID", "singer(…) names no command", {
      hint: 'Name one, such as "tap-github".',
    });
  }
  const { config = {}, args = [], discover = true } = options;
  const settings = { command, config, args, discover } satisfies SingerSettings as unknown as JsonObject;
  return (name) => {
    const connection: Connection = Object.freeze({ name, vendor: "singer", settings });
    return Object.freeze({
      ...connection,
      stream: (stream: string, options: StreamOptions = {}): Source =>
        Object.freeze({
          kind: "sluice.source",
          vendor: "singer",
          connection,
          request: {
            stream,
            without: options.without ?? [],
            replicationKey: options.replicationKey ?? null,
          } satisfies SingerRequest as unknown as JsonObject,
        }),
    });
  };
}
