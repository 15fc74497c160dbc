"""GX Core on pandas: one suite of ten expectations, counts and samples of what is unexpected. rows.py FILE"""

import logging
import os
import sys
from pathlib import Path

os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["TQDM_DISABLE"] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent))

import great_expectations as gx
import great_expectations.expectations as e
import pandas
from measure import measure

logging.disable(logging.WARNING)
file = sys.argv[1]
context = gx.get_context(mode="ephemeral")
suite = gx.ExpectationSuite(
    name="events",
    expectations=[
        e.ExpectColumnValueLengthsToBeBetween(column="user_id", min_value=1, max_value=64),
        e.ExpectColumnValuesToMatchRegex(column="event_id", regex=r"^evt_[a-zA-Z0-9]{16}$"),
        e.ExpectColumnValuesToBeInSet(
            column="event_type", value_set=["click", "purchase", "signup", "logout", "view"]
        ),
        e.ExpectColumnValuesToMatchRegex(column="created_at", regex=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
        e.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=150),
        e.ExpectColumnValuesToMatchRegex(
            column="email", regex=r"^[A-Za-z0-9_'+.-]+@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$"
        ),
        e.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
        e.ExpectColumnValuesToMatchRegex(column="country", regex=r"^[A-Z]{2}$"),
        e.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=1),
        e.ExpectColumnValuesToBeBetween(column="session", min_value=1),
    ],
)


def read():
    if file.endswith(".parquet"):
        return pandas.read_parquet(file)
    if file.endswith(".csv"):
        texts = ["user_id", "event_id", "event_type", "created_at", "email", "country"]
        return pandas.read_csv(file, keep_default_na=False, na_values={"amount": [""]}, dtype={name: str for name in texts})
    return pandas.read_json(file, lines=True, convert_dates=False)


def work():
    frame = read()
    source = context.data_sources.add_pandas("events")
    batch = source.add_dataframe_asset("events").add_batch_definition_whole_dataframe("all")
    result = batch.get_batch({"dataframe": frame}).validate(suite)
    # Every broken row breaks one rule, so that the counts add up.
    return len(frame), sum(one.result["unexpected_count"] for one in result.results)


measure(work)
