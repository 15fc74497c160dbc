// What a line of an invoice must be. A line that breaks it goes to quarantine with the reasons.
import { col, contract, rule, timestamp } from "sluice/quality";
import { z } from "zod";

export const invoiceLine = contract("invoice_line", {
  row: z.strictObject({
    /** Six digits; C marks a cancellation, A an adjustment of the books. */
    invoice_no: z.string().regex(/^[CA]?\d{6}$/),
    stock_code: z.string().min(1),
    description: z.string().nullable(),
    quantity: z.int(),
    invoice_date: timestamp({ timeZone: "Europe/London" }),
    unit_price: z.number().positive(),
    /** Null where the web shop sold to someone without an account. */
    customer_id: z.string().regex(/^\d+$/).nullable(),
    country: z.string().min(1),
  }),
  rules: [
    rule("quantity_not_zero", col("quantity").ne(0)),
    rule("cancellations_are_negative", col("invoice_no").startsWith("C").eq(col("quantity").lt(0))),
  ],
});
