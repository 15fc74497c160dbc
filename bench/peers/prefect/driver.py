"""Prefect: the flows, called in this process and recorded by the server at PREFECT_API_URL."""

import asyncio
import json
import os
import time
import urllib.request

from flows import chain, fan_out
from marks import arguments, drive

COMPLETED = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}


def recorded():
    """How many task runs the server holds for completed: tasks tell it in the background, and it lags behind."""
    url = f"{os.environ['PREFECT_API_URL']}/task_runs/count"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(COMPLETED).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


async def ask(workload, runs, tasks):
    flow = fan_out if workload == "fan-out" else chain
    await asyncio.gather(*[flow(run, tasks) for run in range(runs)])


def main():
    workload, runs, tasks = arguments()
    asyncio.run(chain(-1, 1))
    expected = 1 + runs * tasks + (1 if workload == "fan-out" else 0)

    def settle():
        while recorded() < expected:
            time.sleep(0.5)

    drive(lambda: asyncio.run(ask(workload, runs, tasks)), settle)


main()
