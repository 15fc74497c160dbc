# The same twenty expectations by cuallee, which gives PyDeequ's checks an engine on DuckDB: python cuallee_peer.py FILE.
# Prints {"cpuSeconds", "unexpected", "success"} as JSON; the CPU time is that of reading and judging, without the start of
# Python and its imports. It holds means and sums against one value, which stands here for bounds.
import json
import sys
import time

import duckdb
import pandas  # noqa: F401  (cuallee gives its results as a frame)
from cuallee import Check, CheckLevel

path = sys.argv[1]
EMAIL = r"^[a-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}$"

started = time.process_time()
connection = duckdb.connect(":memory:")
connection.execute("set threads = 1")
connection.execute(f"create view orders as from read_parquet('{path}')")
check = Check(CheckLevel.WARNING, "orders", table_name="orders")
(
    check.is_complete("id")
    .is_complete("user_id")
    .is_complete("amount", pct=0.98)
    .is_complete("created_at")
    .is_unique("id")
    .is_contained_in("country", ("DE", "TW", "US", "FR", "JP"), pct=0.98)
    .is_contained_in("status", ("paid", "open", "void"))
    .is_between("age", (0, 150), pct=0.98)
    .is_between("quantity", (1, 100))
    .is_greater_or_equal_than("amount", 0, pct=0.98)
    .satisfies("country", "length(country) = 2")
    .has_pattern("email", EMAIL, pct=0.98)
    .has_pattern("event", "^evt_[0-9]+$")
    .has_mean("age", 45)
    .has_max("amount", 1000)
    .has_min("quantity", 1)
    .has_std("amount", 288)
    .has_sum("quantity", 1)
    .has_cardinality("country", 6)
    .satisfies("id", "id is not null")
)
result = check.validate(connection)
spent = time.process_time() - started
shares = [row for row in result.to_dict("records")]
unexpected = sum(int(row["violations"]) for row in shares if row["rule"] in ("is_contained_in", "is_between", "has_pattern"))
print(json.dumps({"cpuSeconds": spent, "unexpected": unexpected, "success": True}))
