// What the sales refer to: products from the catalogue's API, customers from the shop's database. Both are small and
// taken whole each time.
import { extract, load, pipeline, sql } from "sluice";
import { nextPage } from "sluice/connect";
import { ensureShop } from "../shop-database.ts";
import { catalogue, shop, warehouse } from "../sluice.config.ts";

// A stand-in for a database that a shop would already have.
ensureShop();

export default pipeline("reference", ({ step }) => {
  const products = step(
    "products",
    extract(
      catalogue.get("/products", {
        query: { per_page: 100 },
        records: "items",
        pages: nextPage("next"),
        columns: {
          stock_code: "code",
          title: "title",
          category: "category",
          list_price: { from: "price", type: "DOUBLE" },
        },
      }),
    ),
  );
  step("load_products", load(products, warehouse.table("products"), { write: "replace" }));

  const customers = step(
    "customers",
    extract(shop.query(sql`select customer_id, name, country, segment from shop_customers`)),
  );
  step("load_customers", load(customers, warehouse.table("customers"), { write: "replace" }));
});
