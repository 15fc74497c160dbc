"""Times the work of a Python peer without its imports, and prints what it found and used."""

import json
import resource
import time


def used():
    me = resource.getrusage(resource.RUSAGE_SELF)
    return me.ru_utime + me.ru_stime


def measure(work):
    begin, clock = used(), time.perf_counter()
    rows, invalid = work()
    print(
        json.dumps(
            {
                "rows": rows,
                "invalid": invalid,
                "cpuSeconds": used() - begin,
                "wallSeconds": time.perf_counter() - clock,
            }
        )
    )
