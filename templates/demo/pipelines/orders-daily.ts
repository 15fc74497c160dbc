// One day of orders: from the day's file through the contract into the warehouse, and on to the customers' features.
import { daily, extract, load, pipeline } from "sluice";
import { csv } from "sluice/connect";
import { materialize } from "sluice/features";
import { gate, validate } from "sluice/quality";
import { order } from "../contracts/order.ts";
import { customerOrders } from "../features/customer-orders.ts";
import { warehouse } from "../sluice.config.ts";

export default pipeline("orders_daily", { partitions: daily({ from: "2026-01-05" }) }, ({ step, partition }) => {
  const orders = step("orders", extract(csv(`data/orders/${partition.key}.csv`)));
  const clean = step("clean", validate(orders, order, { duplicates: "drop" }));
  const loaded = step("loaded", load(clean, warehouse.table("orders"), { write: "replace-partition" }));
  const enough = step("enough", gate(loaded, { loadedRatio: 0.95, minRows: 10 }));
  step("features", materialize(customerOrders, { from: clean }), { after: enough });
});
