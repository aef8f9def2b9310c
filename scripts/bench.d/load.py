"""Loads Wane in a fresh lua5.4 a round, as a contender of scripts/peers/run.

Lua has no clock fine enough, so the time of a whole process is taken, less that of a lua5.4 that
loads nothing.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))

import contender  # noqa: E402

environment = {**os.environ, "LUA_CPATH": os.environ["PRODUCTS"] + "/lib?lua.so;;"}


def run(code):
    started = time.perf_counter()
    subprocess.run(["lua5.4", "-e", code], check=True, env=environment)
    return time.perf_counter() - started


def load():
    return {"load_s": max(0.0, run('require "wane"') - min(run("") for _ in range(3)))}


load()  # the files are in the page cache from here on
parsed = contender.options(__doc__, threads=1)
parsed.serve = True
contender.Contender({"peer": "wane"}, load, dict).run(parsed, contender.claim_stdout())
