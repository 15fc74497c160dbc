// What an order must be. A row that breaks it goes to quarantine, with the reasons.
import { col, contract, rule, timestamp } from "sluice/quality";
import { z } from "zod";

export const order = contract("order", {
  row: z.strictObject({
    order_id: z.string().regex(/^o-\d{6}$/),
    customer_id: z.string().regex(/^c-\d{3}$/),
    ordered_at: timestamp({ timeZone: "UTC" }),
    status: z.enum(["open", "paid", "refunded"]),
    amount: z.number(),
  }),
  rules: [rule("refunds_are_negative", col("status").eq("refunded").eq(col("amount").lt(0)))],
});
