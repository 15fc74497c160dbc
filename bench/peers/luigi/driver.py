"""Luigi: one worker in this process, with a scheduler of its own or luigid's."""

import os

import luigi
from marks import arguments, body, drive

OUTPUT = os.path.join(os.environ["BENCH_FOLDER"], "output")


class Numbered(luigi.Task):
    """What Luigi knows of a task that has ended is that its output is there."""

    run_id = luigi.IntParameter()
    number = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget(os.path.join(OUTPUT, f"{self.task_family}-{self.run_id}-{self.number}"))

    def run(self):
        body(self.run_id, self.number)
        with self.output().open("w"):
            pass


class Link(Numbered):
    def requires(self):
        return Link(run_id=self.run_id, number=self.number - 1) if self.number > 0 else []


class Leaf(Numbered):
    pass


class Join(Numbered):
    def requires(self):
        return [Leaf(run_id=self.run_id, number=number) for number in range(self.number)]


def main():
    workload, runs, tasks = arguments()
    os.mkdir(OUTPUT)
    scheduler = os.environ.get("BENCH_LUIGID")
    where = {"scheduler_url": scheduler} if scheduler else {"local_scheduler": True}

    def work():
        if workload == "fan-out":
            wanted = [Join(run_id=0, number=tasks)]
        else:
            wanted = [Link(run_id=run, number=tasks - 1) for run in range(runs)]
        if not luigi.build(wanted, workers=1, log_level="WARNING", **where):
            raise SystemExit("Luigi says that not all tasks have ended well")

    luigi.build([Leaf(run_id=-1, number=0)], workers=1, log_level="WARNING", **where)
    drive(work)


main()
