# The same twenty expectations by Great Expectations Core on pandas, the fastest of its engines that needs no server:
# python great_expectations_peer.py FILE. The result format is the one it has unless told otherwise. Prints {"cpuSeconds", "unexpected", "success"} as JSON; the CPU time is that
# of reading and judging, without the start of Python and its imports.
import json
import logging
import os
import sys
import time
import warnings

os.environ["GX_ANALYTICS_ENABLED"] = "False"
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import great_expectations as gx  # noqa: E402
import great_expectations.expectations as gxe  # noqa: E402
import pandas as pd  # noqa: E402

path = sys.argv[1]
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}

EMAIL = r"^[a-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}$"
expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1, max_value=100_000_000),
    gxe.ExpectColumnValuesToNotBeNull(column="id"),
    gxe.ExpectColumnValuesToNotBeNull(column="user_id"),
    gxe.ExpectColumnValuesToNotBeNull(column="amount", mostly=0.98),
    gxe.ExpectColumnValuesToNotBeNull(column="created_at"),
    gxe.ExpectColumnValuesToBeUnique(column="id"),
    gxe.ExpectColumnValuesToBeInSet(column="country", value_set=["DE", "TW", "US", "FR", "JP"], mostly=0.98),
    gxe.ExpectColumnValuesToBeInSet(column="status", value_set=["paid", "open", "void"]),
    gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=150, mostly=0.98),
    gxe.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=100),
    gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
    gxe.ExpectColumnValueLengthsToEqual(column="country", value=2),
    gxe.ExpectColumnValuesToMatchRegex(column="email", regex=EMAIL, mostly=0.98),
    gxe.ExpectColumnValuesToMatchRegex(column="event", regex="^evt_[0-9]+$"),
    gxe.ExpectColumnMeanToBeBetween(column="age", min_value=18, max_value=65),
    gxe.ExpectColumnMaxToBeBetween(column="amount", max_value=1000),
    gxe.ExpectColumnMinToBeBetween(column="quantity", min_value=1),
    gxe.ExpectColumnStdevToBeBetween(column="amount", min_value=1, max_value=1000),
    gxe.ExpectColumnSumToBeBetween(column="quantity", min_value=1),
    gxe.ExpectColumnUniqueValueCountToBeBetween(column="country", min_value=1, max_value=10),
]
suite = gx.ExpectationSuite(name="orders", expectations=expectations)

started = time.process_time()
frame = pd.read_parquet(path)
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("orders")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
result = batch.validate(suite, result_format="SUMMARY")
spent = time.process_time() - started
for one in result.results:
    if one.exception_info.get("raised_exception") or any(
        isinstance(value, dict) and value.get("raised_exception") for value in one.exception_info.values()
    ):
        sys.exit(f"{one.expectation_config.type}: {one.exception_info}")
kinds = ("in_set", "be_between", "match_regex")
unexpected = sum(
    one.result.get("unexpected_count", 0)
    for one in result.results
    if one.expectation_config.type.endswith(kinds) and "column_values" in one.expectation_config.type
)
print(json.dumps({"cpuSeconds": spent, "unexpected": unexpected, "success": bool(result.success)}))
