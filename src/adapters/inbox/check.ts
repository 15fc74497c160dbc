// Looks whether an inbox has the secrets that deliveries are checked with, and what has come.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isReference } from "../../config.ts";
import type { ConnectionCheck } from "../../connect/connection-check.ts";
import type { InboxSettings } from "../../connect/inbox.ts";
import { deliveriesFile, openDeliveryStore } from "../sqlite/delivery-store.ts";

/** Checks connections of the vendor "inbox". */
export const checkInbox: ConnectionCheck = async (connection, context) => {
  const { verify } = connection.settings as unknown as InboxSettings;
  for (const setting of Object.values(verify)) if (isReference(setting)) context.resolve(setting);
  const path = join(context.home, deliveriesFile);
  const none = { deliveries: 0, lastAt: null };
  const store = existsSync(path) ? openDeliveryStore(path, { readOnly: true }) : null;
  const { deliveries, lastAt } = store?.size(connection.name) ?? none;
  store?.close();
  const last = lastAt === null ? "" : `, the last at ${new Date(lastAt).toISOString()}`;
  return {
    server: `POST /hooks/${connection.name}: ${deliveries} ${deliveries === 1 ? "delivery" : "deliveries"}${last}`,
    as: null,
    reads: true,
    writes: false,
  };
};
