// What is known of a customer from the sales so far.
import { sql } from "sluice";
import {
  activeDays,
  countDistinct,
  days,
  entity,
  featureView,
  max,
  min,
  pivot,
  ratio,
  sum,
  type AggregationOptions,
} from "sluice/features";

const customer = entity("customer", { key: "customer_id" });

/** A purchase, not a cancellation. */
const bought = sql`not starts_with(invoice_no, 'C')`;
const orders = (options: AggregationOptions = {}) => countDistinct("invoice_no", { ...options, where: bought });
/** What was paid; cancellations count against it. */
const revenue = (options?: AggregationOptions) => sum(sql`quantity * unit_price`, options);

/** Europe as the shop's export spells it. */
const countryGroup = sql`case
  when country = 'United Kingdom' then 'uk'
  when country in ('Austria', 'Belgium', 'Channel Islands', 'Cyprus', 'Czech Republic', 'Denmark', 'EIRE', 'European Community',
    'Finland', 'France', 'Germany', 'Greece', 'Iceland', 'Italy', 'Lithuania', 'Malta', 'Netherlands', 'Norway', 'Poland',
    'Portugal', 'Spain', 'Sweden', 'Switzerland') then 'europe'
  else 'other' end`;

export const customerActivity = featureView("customer_activity", {
  entity: customer,
  timestamp: "invoice_date",
  timeZone: "Europe/London",
  features: {
    orders: orders(),
    revenue: revenue(),
    mean_basket: ratio("revenue", "orders"),
    distinct_products: countDistinct("stock_code", { where: bought }),
    first_purchase: min("invoice_date", { where: bought }),
    last_purchase: max("invoice_date", { where: bought }),
    active_days: activeDays(),
    orders_7d: orders({ window: days(7) }),
    orders_30d: orders({ window: days(30) }),
    orders_90d: orders({ window: days(90) }),
    revenue_7d: revenue({ window: days(7) }),
    revenue_30d: revenue({ window: days(30) }),
    revenue_90d: revenue({ window: days(90) }),
    // revenue_from_uk, revenue_from_europe, revenue_from_other
    revenue_from: pivot(revenue(), { by: countryGroup, values: ["uk", "europe"] }),
  },
});
