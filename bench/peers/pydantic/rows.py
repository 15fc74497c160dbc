"""Pydantic v2: a strict TypedDict under a TypeAdapter, its fastest way. rows.py FILE

JSONL by validate_json, a line at a time; Parquet by validate_python on rows that PyArrow makes; CSV by a lax one.
"""

import csv
import sys
from pathlib import Path
from typing import Annotated, Literal, Optional

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyarrow.parquet as parquet
from measure import measure
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict


class UserEvent(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    user_id: Annotated[str, Field(min_length=1, max_length=64)]
    event_id: Annotated[str, Field(pattern=r"^evt_[a-zA-Z0-9]{16}$")]
    event_type: Literal["click", "purchase", "signup", "logout", "view"]
    # A shape only, cheaper than a calendar.
    created_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    age: Annotated[int, Field(ge=0, le=150)]
    email: Annotated[str, Field(pattern=r"^[A-Za-z0-9_'+.-]+@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$")]
    amount: Optional[Annotated[float, Field(ge=0)]]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    score: Annotated[float, Field(ge=0, le=1)]
    session: Annotated[int, Field(ge=1)]


class LaxUserEvent(UserEvent):
    __pydantic_config__ = ConfigDict(extra="forbid")


adapter = TypeAdapter(UserEvent)
file = sys.argv[1]


def judge(rows, validate):
    count = invalid = 0
    for row in rows:
        count += 1
        try:
            validate(row)
        except ValidationError:
            invalid += 1
    return count, invalid


def from_parquet():
    for batch in parquet.ParquetFile(file).iter_batches(65536):
        yield from batch.to_pylist()


def from_csv():
    with open(file, newline="") as text:
        for row in csv.DictReader(text):
            if row["amount"] == "":
                row["amount"] = None
            yield row


def work():
    if file.endswith(".jsonl"):
        with open(file, "rb") as lines:
            return judge(lines, adapter.validate_json)
    if file.endswith(".parquet"):
        return judge(from_parquet(), adapter.validate_python)
    # A field of CSV is a text: numbers are read from it.
    return judge(from_csv(), TypeAdapter(LaxUserEvent).validate_python)


measure(work)
