"""Dagster: jobs executed in this process one after the other, recorded by the instance of DAGSTER_HOME.

Not in threads: runs that are executed in several threads of one process can wait for each other for ever.
"""

from dagster import DagsterInstance, execute_job, reconstructable
from jobs import QUIET, chain_job, fan_out_job, warm_up_job
from marks import arguments, drive


def main():
    workload, runs, _ = arguments()
    instance = DagsterInstance.get()
    job = reconstructable(fan_out_job if workload == "fan-out" else chain_job)
    job.get_definition()

    def execute(job):
        with execute_job(job, instance, run_config=QUIET, raise_on_error=True):
            pass

    def work():
        for _ in range(runs):
            execute(job)

    execute(reconstructable(warm_up_job))
    drive(work)


if __name__ == "__main__":
    main()
