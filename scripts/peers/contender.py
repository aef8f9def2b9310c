"""A program that is measured: its options, and the line protocol by which `run` takes rounds in turn.

See README.md, "A contender of your own".
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path

import dataset


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wane" / "peers"


def options(description, threads, **more):
    """Command-line options shared by all; `more` maps an option's name to its default, or to a tuple of choices."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default=os.environ.get("WANE_PEERS_DATA", dataset.DEBIAN), metavar="DIR")
    parser.add_argument("--cache", default=cache_folder(), type=Path, metavar="DIR")
    parser.add_argument("--threads", default=int(os.environ.get("WANE_PEERS_THREADS", threads)), type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--serve", action="store_true", help="take rounds from stdin, as `run` gives them")
    for name, default in more.items():
        if isinstance(default, tuple):
            parser.add_argument(f"--{name}", default=default[0], choices=default)
        else:
            parser.add_argument(f"--{name}", default=default, type=type(default))
    parsed = parser.parse_args()
    # OpenMP and its relatives read the environment when the library is loaded, which happens after this.
    os.environ["OMP_NUM_THREADS"] = str(parsed.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    keep_memory()
    return parsed


def keep_memory():
    """Lets glibc's malloc keep blocks of up to 31 MiB instead of giving them back to the system.

    Its threshold follows the largest mapped block that was freed. A script that happens to free none takes fresh pages
    in every training step: 11 million page faults instead of 0.2 million in two epochs of PyTorch, which then take
    twice as long.
    """
    del [bytearray(31 << 20)][:]


class Contender:
    """`measure()` gives one round as {field: seconds or [median, p95]}; `finish()` gives what is known at the end."""

    def __init__(self, identity, measure, finish):
        self.identity, self.measure, self.finish = identity, measure, finish

    def run(self, parsed, answers):
        if not parsed.serve:
            rounds = [self.measure() for _ in range(parsed.rounds)]
            say(answers, {**self.identity, **summarize(rounds), **self.finish()})
            return
        say(answers, {"ready": self.identity})
        for line in sys.stdin:
            if line.strip() == "round":
                say(answers, {"round": self.measure()})
            elif line.strip() == "finish":
                say(answers, {"finish": self.finish()})
                return


def claim_stdout():
    """The real stdout for answers; whatever a library prints goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


def say(answers, value):
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def summarize(rounds):
    """Rounds of one contender to {field: {median, min, p95?, rounds}}."""
    summary = {}
    for field in rounds[0] if rounds else ():
        values = [r[field][0] if isinstance(r[field], list) else r[field] for r in rounds]
        summary[field] = {"median": statistics.median(values), "min": min(values)}
        if isinstance(rounds[0][field], list):
            summary[field]["p95"] = statistics.median(r[field][1] for r in rounds)
        summary[field]["rounds"] = values
    return summary


def peak_memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def time_calls(call, seconds=0.3, least=5):
    """[median, p95] of single calls, after a short warm-up, for about `seconds`."""
    end = time.perf_counter() + seconds / 10
    call()
    while time.perf_counter() < end:
        call()
    times = []
    clock = time.perf_counter
    end = clock() + seconds
    now = clock()
    while now < end or len(times) < least:
        call()
        then, now = now, clock()
        times.append(now - then)
    times.sort()
    return [statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.95))]]
