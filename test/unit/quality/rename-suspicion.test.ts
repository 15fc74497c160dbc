import { describe, expect, it } from "vitest";
import { probableRename } from "../../../src/dataset/rename-suspicion.ts";

describe("a suspicion of a rename", () => {
  it.each([
    ["user_id", ["id", "userId", "name"], "userId"],
    ["invoice_no", ["InvoiceNo", "StockCode"], "InvoiceNo"],
    ["InvoiceNo", ["Invoice No", "Stock Code"], "Invoice No"],
    ["InvoiceNo", ["invoice_number"], "invoice_number"],
    ["quantity", ["qunatity", "country"], "qunatity"],
    ["customer_id", ["id_customer"], "id_customer"],
    ["price", ["unit_price", "stock_code"], "unit_price"],
  ])("finds that %s became one of %j", (missing, candidates, renamed) => {
    expect(probableRename(missing, candidates)).toBe(renamed);
  });

  it.each([
    ["quantity", ["country", "unit_price"]],
    ["amount", ["invoice_no", "customer_id"]],
    ["email", []],
    ["", ["a"]],
    ["a", [""]],
  ])("stays silent about %s among %j", (missing, candidates) => {
    expect(probableRename(missing, candidates)).toBeNull();
  });
});
