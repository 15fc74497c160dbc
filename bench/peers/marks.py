"""What the Python peers do alike: a task body that writes down when it ran, and a driver that waits for the word.

Only the standard library, and only what a task needs: this is imported by processes that run a single task.
"""

import os
import sys
import time


def body(run, task):
    """The task: does nothing. The line it leaves is written after its end and so is no part of it."""
    start = time.time()
    end = time.time()
    line = f"{run} {task} {start:.6f} {end:.6f}\n"
    # One write in append mode: lines of several processes don't mix.
    file = os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode())
    os.close(file)


def arguments():
    """The workload, how many runs, and how many tasks each."""
    workload, runs, tasks = sys.argv[1:4]
    return workload, int(runs), int(tasks)


def drive(work, settle=None):
    """Says that everything is ready, waits for the word, runs `work`, says when it began and ended, waits for the end.

    `settle` waits until the peer has recorded what it had put off when `work` ended.
    """
    say("ready")
    if sys.stdin.readline() == "":
        return
    asked = time.time()
    work()
    ended = time.time()
    if settle is not None:
        settle()
    recorded = time.time()
    say(f'{{"asked": {asked:.6f}, "ended": {ended:.6f}, "recorded": {recorded:.6f}}}')
    sys.stdin.readline()


def say(text):
    os.write(1, f"bench {text}\n".encode())
