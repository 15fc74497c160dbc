// What an order must be. A row that breaks it goes to quarantine, with the reasons.
import { col, contract, rule, timestamp } from "sluice/quality";
import { z } from "zod";

export const order = contract("order", {
  row: z.strictObject({
    order_id: z.string().regex(/^o\d{6}$/),
    customer_id: z.string().min(1),
    ordered_at: timestamp({ timeZone: "UTC" }),
    country: z.enum(["de", "fr", "gb", "tw"]),
    quantity: z.int(),
    unit_price: z.number().nonnegative(),
  }),
  rules: [rule("quantity_not_zero", col("quantity").ne(0))],
});
