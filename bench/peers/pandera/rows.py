"""Pandera on Polars: one DataFrameSchema, all failures gathered (lazy). rows.py FILE"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pandera.polars as pa
import polars as pl
from measure import measure
from pandera.errors import SchemaErrors

schema = pa.DataFrameSchema(
    {
        "user_id": pa.Column(pl.String, pa.Check.str_length(1, 64)),
        "event_id": pa.Column(pl.String, pa.Check.str_matches(r"^evt_[a-zA-Z0-9]{16}$")),
        "event_type": pa.Column(pl.String, pa.Check.isin(["click", "purchase", "signup", "logout", "view"])),
        "created_at": pa.Column(pl.String, pa.Check.str_matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")),
        "age": pa.Column(pl.Int64, pa.Check.in_range(0, 150), coerce=True),
        "email": pa.Column(
            pl.String, pa.Check.str_matches(r"^[A-Za-z0-9_'+.-]+@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$")
        ),
        "amount": pa.Column(pl.Float64, pa.Check.ge(0), nullable=True, coerce=True),
        "country": pa.Column(pl.String, pa.Check.str_matches(r"^[A-Z]{2}$")),
        "score": pa.Column(pl.Float64, pa.Check.in_range(0, 1), coerce=True),
        "session": pa.Column(pl.Int64, pa.Check.ge(1), coerce=True),
    },
    strict=True,
)
file = sys.argv[1]


def read():
    if file.endswith(".parquet"):
        return pl.read_parquet(file)
    if file.endswith(".csv"):
        return pl.read_csv(file)
    return pl.read_ndjson(file)


def work():
    frame = read()
    try:
        schema.validate(frame, lazy=True)
        return frame.height, 0
    except SchemaErrors as errors:
        return frame.height, errors.failure_cases.select(pl.col("index").n_unique()).item()


measure(work)
