# The same two ways under dlt: driver.py out URL FOLDER BACKEND · driver.py back URL PARQUET FORMAT. Prints the rows.
import os
import sys
import tempfile

import dlt

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
direction, url, place, way = sys.argv[1:5]
url = url.replace("postgres://", "postgresql://", 1)
state = tempfile.mkdtemp()

if direction == "out":
    from dlt.sources.sql_database import sql_table

    table = sql_table(credentials=url, table="events", schema="public", backend=way, chunk_size=50_000)
    pipeline = dlt.pipeline(
        "bench_out",
        pipelines_dir=state,
        destination=dlt.destinations.filesystem(bucket_url=f"file://{place}"),
        dataset_name="events",
    )
    pipeline.run(table, loader_file_format="parquet", write_disposition="replace")
else:
    import pyarrow
    import pyarrow.parquet as parquet

    @dlt.resource(name="events_back", write_disposition="replace")
    def rows():
        for batch in parquet.ParquetFile(place).iter_batches(65_536):
            yield pyarrow.Table.from_batches([batch])

    pipeline = dlt.pipeline(
        "bench_back", pipelines_dir=state, destination=dlt.destinations.postgres(url), dataset_name="dlt_back"
    )
    pipeline.run(rows(), loader_file_format=way)
