"""The workloads, as Dagster's jobs; tasks are ops. BENCH_EXECUTOR names the executor, BENCH_TASKS the tasks of a run."""

import os

from dagster import In, Nothing, Out, graph, in_process_executor, multiprocess_executor, op, repository
from marks import body

TASKS = int(os.environ["BENCH_TASKS"])

QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}

if os.environ["BENCH_EXECUTOR"] == "multiprocess":
    # Steps are forked from a process that has imported everything: its documentation's way to start them fast.
    preload = {"preload_modules": ["dagster", "jobs", "marks"]}
    executor = multiprocess_executor.configured({"max_concurrent": 4, "start_method": {"forkserver": preload}})
else:
    executor = in_process_executor


def task(job, number, after):
    @op(name=f"{job}_{number}", ins={"before": In(Nothing)} if after else {}, out=Out(Nothing))
    def noop(context):
        body(context.run_id, number)

    return noop


@graph
def chain():
    before = task("chain", 0, after=False)()
    for number in range(1, TASKS):
        before = task("chain", number, after=True)(before)


@graph
def fan_out():
    # Ops of their own: measured to be three times as fast as dynamic outputs.
    leaves = [task("fan_out", number, after=False)() for number in range(TASKS)]
    task("fan_out", TASKS, after=True)(leaves)


@graph
def warm_up():
    task("warm_up", 0, after=False)()


def warm_up_job():
    return warm_up.to_job(name="warm_up", executor_def=executor, config=QUIET)


def chain_job():
    return chain.to_job(name="chain", executor_def=executor, config=QUIET)


def fan_out_job():
    return fan_out.to_job(name="fan_out", executor_def=executor, config=QUIET)


@repository
def bench():
    return [warm_up_job(), chain_job(), fan_out_job()]
