"""The workloads, as Airflow's DAGs. BENCH_TASKS names the tasks of a run."""

import os

from airflow.sdk import DAG, task
from marks import body

TASKS = int(os.environ["BENCH_TASKS"])


@task
def noop(number, run_id=None):
    body(run_id, number)


with DAG("warm_up", schedule=None, catchup=False):
    noop(0)

with DAG("chain", schedule=None, catchup=False):
    before = None
    for number in range(TASKS):
        link = noop.override(task_id=f"task_{number}")(number)
        if before is not None:
            before >> link
        before = link

with DAG("fan_out", schedule=None, catchup=False):
    leaves = noop.override(task_id="leaf").expand(number=list(range(TASKS)))
    leaves >> noop.override(task_id="join")(TASKS)
