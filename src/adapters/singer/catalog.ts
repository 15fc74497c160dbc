// What a tap has, and the catalog that asks it for one stream of it.
import { SluiceError } from "../../errors.ts";
import type { SingerRequest } from "../../connect/singer.ts";
import type { Tap } from "./process.ts";

interface Entry {
  readonly tap_stream_id?: string;
  readonly stream?: string;
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly metadata?: readonly MetadataEntry[];
}

interface MetadataEntry {
  readonly breadcrumb: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Catalog {
  readonly streams: readonly Entry[];
}

/** Asks the tap what it has. */
export async function discovered(tap: Tap, shown: string): Promise<Catalog> {
  let text = "";
  for await (const line of tap.lines({}, ["--discover"])) text += `${line}\n`;
  try {
    const catalog = JSON.parse(text) as Partial<Catalog>;
    if (Array.isArray(catalog.streams)) return catalog as Catalog;
  } catch {
    // Told below.
  }
  throw new SluiceError("SOURCE_MALFORMED", `${shown} answers --discover with something that is no catalog`, {
    hint: "If it knows no catalog, say so: singer(command, { discover: false }).",
  });
}

/** The catalog in which this stream alone is selected, without the fields that aren't wanted. */
export function selected(catalog: Catalog, request: SingerRequest, shown: string): Catalog {
  const { stream, without, replicationKey } = request;
  const isWanted = (entry: Entry): boolean => entry.tap_stream_id === stream || entry.stream === stream;
  if (!catalog.streams.some(isWanted)) {
    const known = catalog.streams.map((entry) => entry.stream ?? entry.tap_stream_id ?? "");
    throw new SluiceError("SOURCE_MISSING", `${shown} has no stream "${stream}"`, {
      hint:
        known.length === 0
          ? "It has none: check its configuration."
          : `It has ${known.slice(0, 20).join(", ")}${known.length > 20 ? " …" : ""}.`,
      details: { stream, known },
    });
  }
  return {
    streams: catalog.streams.map((entry) => {
      const wanted = isWanted(entry);
      const own: Record<string, unknown> = { selected: wanted };
      if (wanted && replicationKey !== null) {
        own["replication-method"] = "INCREMENTAL";
        own["replication-key"] = replicationKey;
      }
      const fields = wanted ? fieldsOf(entry, without) : [];
      const rest = (entry.metadata ?? []).filter(
        ({ breadcrumb }) =>
          breadcrumb.length > 0 && !fields.some((field) => field.breadcrumb.join("\n") === breadcrumb.join("\n")),
      );
      const known = entry.metadata?.find(({ breadcrumb }) => breadcrumb.length === 0)?.metadata;
      return {
        ...entry,
        // Older taps look here.
        schema: { ...entry.schema, selected: wanted },
        metadata: [{ breadcrumb: [], metadata: { ...known, ...own } }, ...fields, ...rest],
      };
    }),
  };
}

/** Whether each field at the top is wanted. A tap sends those that it must anyway. */
function fieldsOf(entry: Entry, without: readonly string[]): MetadataEntry[] {
  const properties = Object.keys((entry.schema?.["properties"] ?? {}) as object);
  return properties.map((name) => {
    const breadcrumb = ["properties", name];
    const known = entry.metadata?.find((one) => one.breadcrumb.join("\n") === breadcrumb.join("\n"))?.metadata ?? {};
    const isUnsupported = known["inclusion"] === "unsupported";
    return { breadcrumb, metadata: { ...known, selected: !isUnsupported && !without.includes(name) } };
  });
}
