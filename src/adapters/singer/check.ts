// Asks a tap what it has, which most taps do with the credentials of their configuration.
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import type { SingerSettings } from "../../connect/singer.ts";
import { discovered } from "./catalog.ts";
import { withTap } from "./process.ts";

/** Checks connections of the vendor "singer". */
export const checkSinger: ConnectionCheck = async ({ name, settings }, context) => {
  const tap = settings as unknown as SingerSettings;
  const nobody = { as: null, reads: null, writes: false };
  // One that can't be asked would have to be run.
  if (!tap.discover) return { server: `${tap.command}, which can't be asked what it has`, ...nobody };
  return withTap(name, tap, context, async (opened) => {
    const { streams } = await discovered(opened, tap.command);
    const names = streams.map((entry) => entry.stream ?? entry.tap_stream_id);
    const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
    return { server: `${tap.command}: ${names.slice(0, 5).join(", ")}${more}`, ...nobody, reads: true };
  });
};
