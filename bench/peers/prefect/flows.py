"""The workloads, as Prefect's flows. Asynchronous: measured to be its fastest, before threads."""

import asyncio

from marks import body
from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@task(cache_policy=NO_CACHE)
async def noop(run: int, number: int):
    body(run, number)


@flow
async def chain(run: int, tasks: int):
    for number in range(tasks):
        await noop(run, number)


@flow
async def fan_out(run: int, tasks: int):
    await asyncio.gather(*[noop(run, number) for number in range(tasks)])
    await noop(run, tasks)
