// What a user event is, wherever it comes from. A row that isn't one goes to quarantine with its reasons; of events with the
// same user and id the first is taken.
import { contract, timestamp } from "sluice/quality";
import { z } from "zod";
import { timeZone } from "../sluice.config.ts";

export const userEvent = contract("user_event", {
  row: z.strictObject({
    user_id: z.string().min(1).max(64),
    event_id: z.string().regex(/^evt_[a-zA-Z0-9]{16}$/),
    event_type: z.enum(["click", "purchase", "signup", "logout", "view"]),
    created_at: timestamp({ timeZone }),
    age: z.int().min(0).max(150).nullable(),
    email: z.email().nullable(),
    amount: z.number().nonnegative().nullable(),
    source: z.string(),
  }),
  key: ["user_id", "event_id"],
  onInvalid: "quarantine",
});
