// One day of sales: from the day's file through the contract into the warehouse, and on to the customers' features.
import { daily, extract, load, pipeline, sql } from "sluice";
import { csv } from "sluice/connect";
import { materialize } from "sluice/features";
import { gate, validate } from "sluice/quality";
import { invoiceLine } from "../contracts/invoice-line.ts";
import { customerActivity } from "../features/customer-activity.ts";
import { retailFolder } from "../retail-data.ts";
import { warehouse } from "../sluice.config.ts";

export default pipeline(
  "retail_daily",
  { partitions: daily({ from: "2010-12-01", timeZone: "Europe/London" }) },
  ({ step, partition }) => {
    const lines = step(
      "lines",
      extract(
        csv(`${retailFolder()}/${partition.key}.csv.gz`, {
          // The shop is closed on Saturdays and holidays: a day without a file is a day without sales.
          whenMissing: "empty",
          columns: {
            invoice_no: "InvoiceNo",
            stock_code: "StockCode",
            description: "Description",
            quantity: "Quantity",
            invoice_date: "InvoiceDate",
            unit_price: "UnitPrice",
            // The export wrote the numbers as 17850.0.
            customer_id: sql`regexp_replace("CustomerID", '\.0$', '')`,
            country: "Country",
          },
        }),
      ),
    );
    const clean = step("clean", validate(lines, invoiceLine, { duplicates: "drop" }));
    const loaded = step("sales", load(clean, warehouse.table("sales"), { write: "replace-partition" }));
    // A day that is closed passes; a file without one valid line does not, whatever is wrong with it.
    const enough = step("enough", gate(loaded, { loadedRatio: 0.95, minRows: 1, whenEmpty: "pass" }));
    step("features", materialize(customerActivity, { from: clean }), { after: enough });
  },
);
