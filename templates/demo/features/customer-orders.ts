// What is known of a customer from the orders so far.
import { count, days, entity, featureView, max, sum } from "sluice/features";

const customer = entity("customer", { key: "customer_id" });

export const customerOrders = featureView("customer_orders", {
  entity: customer,
  timestamp: "ordered_at",
  features: {
    orders: count(),
    orders_2d: count({ window: days(2) }),
    amount: sum("amount"),
    last_order: max("ordered_at"),
  },
});
