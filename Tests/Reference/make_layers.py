#!/usr/bin/env python3
"""Writes fixtures/<family>.json: what Keras computes for every reference case. See README.md beside this file."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # one summation order, whatever the processor

FIXTURES = Path(__file__).parent / "fixtures"
FAMILIES = ["convolution", "depthwise", "sequence", "resize", "pooling", "dense", "activation", "normalization",
            "sample_norm", "shape", "merge", "losses", "optimizers", "updates", "schedules", "target_losses", "measures",
            "metrics", "networks", "branches", "tagging", "recurrent", "attention", "mlperf_tiny"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    mode.add_argument("--precision", action="store_true", help="compare Keras in single precision with the files")
    arguments = parser.parse_args()
    for family in arguments.families:
        if family not in FAMILIES:
            parser.error(f"unknown family '{family}' (one of {', '.join(FAMILIES)})")

    import keras
    import tensorflow

    from reference.tensors import encode

    tensorflow.get_logger().setLevel("ERROR")  # not a training loop: retracing for every shape is what we want
    precision = "float32" if arguments.precision else "float64"
    keras.config.set_floatx(precision)
    made_with = f"keras {keras.__version__}, tensorflow {tensorflow.__version__}, {precision}"
    failed = False
    for family in arguments.families or FAMILIES:
        cases = importlib.import_module(f"reference.{family}").cases()
        text = encode({"family": family, "made_with": made_with, "cases": cases}) + "\n"
        path = FIXTURES / f"{family}.json"
        if arguments.check or arguments.precision:
            differences = compare(json.loads(path.read_text())["cases"], json.loads(text)["cases"])
            worst = max(differences.values(), default=0)
            print(f"{family}: {len(cases)} cases, largest difference {worst:.2g}")
            if arguments.precision:
                for name, difference in sorted(differences.items(), key=lambda d: -d[1])[:3]:
                    print(f"  {difference:.2g}  {name}")
            elif worst > 1e-8:
                failed = True
        else:
            FIXTURES.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"{family}: {len(cases)} cases, {path.stat().st_size} bytes")
    sys.exit(1 if failed else 0)


def compare(recorded, computed):
    """The largest difference in each case, relative to values above 1; infinite where the structure differs."""
    recorded = {c["name"]: c for c in recorded}
    computed = {c["name"]: c for c in computed}
    return {name: difference(recorded.get(name), computed.get(name)) for name in recorded | computed}


def difference(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return float("inf")
        return max((difference(a[k], b[k]) for k in a), default=0)
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return float("inf")
        return max(map(difference, a, b), default=0)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) / max(1, abs(a))
    return 0 if a == b else float("inf")


if __name__ == "__main__":
    main()
