// What is known of a customer from the orders so far.
import { sql } from "sluice";
import { count, days, entity, featureView, max, sum } from "sluice/features";

const customer = entity("customer", { key: "customer_id" });

export const customerOrders = featureView("customer_orders", {
  entity: customer,
  timestamp: "ordered_at",
  features: {
    orders: count(),
    orders_7d: count({ window: days(7) }),
    revenue: sum(sql`quantity * unit_price`),
    last_order: max("ordered_at"),
  },
});
