#!/usr/bin/env python3
"""Imports one library in a fresh interpreter a round and says how long the import took."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import contender

MODULES = {"pytorch": "torch", "keras": "keras", "tensorflow": "tensorflow", "litert": "ai_edge_litert.interpreter",
           "onnxruntime": "onnxruntime", "openvino": "openvino"}
DISTRIBUTIONS = {"pytorch": ["torch"], "litert": ["ai-edge-litert"], "tensorflow": ["tensorflow-cpu", "tensorflow"]}

parsed = contender.options(__doc__, threads=1, library=tuple(MODULES))
answers = contender.claim_stdout()


def load():
    code = f"import time; t = time.perf_counter(); import {MODULES[parsed.library]}; print(time.perf_counter() - t)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return {"load_s": float(output.split()[-1])}


def installed():
    for name in DISTRIBUTIONS.get(parsed.library, [parsed.library]):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


load()  # the files are in the page cache from here on
contender.Contender({"peer": parsed.library, "version": installed()}, load, dict).run(parsed, answers)
