"""Runs scripts/peers/run with Wane among the contenders, and reports what Wane's users ask.

usage: report.py [--only PART]... [--json FILE] [--rounds N] [--data DIR] [--peers VENV...]

PRODUCTS in the environment is the folder with Wane's executable and module.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = ["train", "networks", "inference", "memory", "load"]

# A field of the report, the part that measures it, the field of scripts/peers/run, its unit, and how
# the one is made from the other.
FIELDS = [
    ("epoch_s", "train", "epoch_s", "s", None),
    ("epoch_bf16_s", "train", "epoch_bf16_s", "s", None),
    ("resnet8_step_s", "networks", "resnet8_step_s", "s", None),
    ("mobilenet_step_s", "networks", "mobilenet_step_s", "s", None),
    ("dscnn_step_s", "networks", "dscnn_step_s", "s", None),
    ("lstm_step_s", "networks", "lstm_step_s", "s", None),
    ("networks_peak_memory_bytes", "networks", "networks_peak_memory_bytes", "bytes", None),
    ("latency_b1_s", "inference", "float_b1_s", "s", None),
    ("throughput_b256", "inference", "float_b256_s", "images/s", 256),
    ("int8_latency_b1_s", "inference", "int8_b1_s", "s", None),
    ("int8_throughput_b256", "inference", "int8_b256_s", "images/s", 256),
    ("peak_memory_bytes", "memory", "peak_memory_bytes", "bytes", None),
    ("load_s", "load", "load_s", "s", None),
]
# A field that peers call by another name: PyTorch is measured in fp32 only.
THEIRS = {"epoch_bf16_s": "epoch_s", "networks_peak_memory_bytes": "mobilenet_peak_memory_bytes"}
# What Wane promises: a field, the peer (None: no comparison), and the limit of value or ratio.
PROMISES = [
    ("epoch_s", "pytorch", 0.45),
    ("epoch_bf16_s", "pytorch", 0.30),
    ("resnet8_step_s", "pytorch", 0.6),
    ("mobilenet_step_s", "pytorch", 0.6),
    ("dscnn_step_s", "pytorch", 0.6),
    ("lstm_step_s", "pytorch", 1.0),
    ("networks_peak_memory_bytes", "pytorch", 0.5),
    ("peak_memory_bytes", None, 250e6),
    ("latency_b1_s", "litert", 0.92),
    ("throughput_b256", "onnxruntime", 1 / 0.9),
]


def main():
    arguments = parse()
    parts = arguments.only or PARTS
    measured = measure(arguments, parts)
    report = summarize(measured, parts)
    print(text(report))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["complete"] else 1


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--data", metavar="DIR")
    parser.add_argument("--peers", nargs="+", default=[], metavar="VENV")
    return parser.parse_args()


def measure(arguments, parts):
    """The answer of scripts/peers/run, whose train part also measures memory."""
    asked = sorted({"train" if part == "memory" else part for part in parts})
    rounds = arguments.rounds or (1 if parts == ["memory"] else None)
    with tempfile.NamedTemporaryFile(suffix=".json") as answer:
        command = [sys.executable, HERE.parent / "peers" / "run", "--json", answer.name,
                   "--with", "wane=" + shlex.quote(str(HERE / "contender"))]
        for part in asked:
            command += ["--only", part]
        if rounds:
            command += ["--rounds", str(rounds)]
        if arguments.data:
            command += ["--data", arguments.data]
        status = subprocess.run([*map(str, command), *arguments.peers], stdout=subprocess.DEVNULL).returncode
        written = Path(answer.name).read_text()
    if not written:
        sys.exit(status or 1)
    return json.loads(written)


def value(peer, field, scale, statistic):
    """A number of a contender; a time that stands for a throughput becomes one."""
    found = peer.get(field)
    if isinstance(found, dict):
        found = found[statistic]
    if found is None or scale is None:
        return found
    return scale / found


def summarize(measured, parts):
    report = {"machine": measured["machine"], "started": measured["started"], "ratios": {}, "peers": {}, "complete": True}
    for name, part, field, unit, scale in FIELDS:
        if part not in parts:
            continue
        contenders = measured["train" if part == "memory" else part]["peers"]
        own = next((c for c in contenders if c["own"]), None)
        if own is None or value(own, field, scale, "median") is None:
            report["complete"] = False
            continue
        report[name] = value(own, field, scale, "median")
        for peer in contenders:
            theirs = value(peer, THEIRS.get(field, field), scale, "min")
            if peer is not own and theirs is not None:
                report["peers"].setdefault(name, {})[peer["peer"]] = value(peer, THEIRS.get(field, field), scale, "median")
                report["ratios"].setdefault(name, {})[peer["peer"]] = value(own, field, scale, "min") / theirs
        if name == "epoch_s":
            # A step is a forward pass and two of its size backward, of two operations a MAC.
            add_fraction(report, own, 6 * own["macs"] * own["samples"] / own[field]["min"],
                         "train_fraction_of_peak", measured["train"]["threads"])
        if name == "epoch_bf16_s":
            # Of the peak in fp32, which bf16 may exceed.
            add_fraction(report, own, 6 * own["macs"] * own["samples"] / own[field]["min"],
                         "train_bf16_fraction_of_peak", measured["train"]["threads"])
        if name.endswith("_step_s"):
            network = name.removesuffix("_step_s")
            add_fraction(report, own, 6 * own[f"{network}_macs"] * own["networks_batch"] / own[field]["min"],
                         f"{network}_fraction_of_peak", measured["networks"]["threads"])
        if name == "throughput_b256":
            add_fraction(report, own, 2 * own["macs"] * 256 / own[field]["min"],
                         "inference_fraction_of_peak", measured["inference"]["threads"])
    report["skipped"] = measured["skipped"]
    report["promises"] = list(promises(report))
    report["details"] = {part: measured[part] for part in ("train", "networks", "inference", "load") if part in measured}
    return report


def add_fraction(report, own, rate, name, threads):
    if own.get("peak_flops"):
        report["peak_flops_per_thread"] = own["peak_flops"]
        report[name] = rate / (own["peak_flops"] * threads)


def promises(report):
    for name, peer, limit in PROMISES:
        found = report["ratios"].get(name, {}).get(peer) if peer else report.get(name)
        if found is not None:
            yield {"field": name, "peer": peer, "limit": limit, "value": found,
                   "kept": found >= limit if name.startswith("throughput") else found <= limit}


def text(report):
    machine = report["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['features'])}, "
             f"load {machine['load_average_before']:.1f}", ""]
    rows = [["", "Wane", "unit", "against the peers: Wane's best round / theirs"]]
    for name, _, _, unit, _ in FIELDS:
        if name in report:
            ratios = report["ratios"].get(name, {})
            theirs = "  ".join(f"{peer} {ratio:.2f}" for peer, ratio in sorted(ratios.items(), key=lambda r: r[1]))
            rows.append([name, number(report[name]), unit, theirs])
    for name in report:
        if name.endswith("_fraction_of_peak"):
            rows.append([name, f"{report[name]:.2f}", "", "of the fp32 peak measured on this machine"])
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines += [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]
    for promise in report["promises"]:
        what = f"{promise['field']} / {promise['peer']}" if promise["peer"] else promise["field"]
        lines.append(f"{'kept' if promise['kept'] else 'NOT KEPT'}: {what} = {number(promise['value'])},"
                     f" at {'least' if promise['field'].startswith('throughput') else 'most'} {number(promise['limit'])}")
    lines += [f"not measured: {s['part']} {s['peer']}: {s['reason']}" for s in report["skipped"]]
    return "\n".join(lines)


def number(found):
    return f"{found:,.0f}".replace(",", " ") if found >= 1000 else f"{found:.4g}"


if __name__ == "__main__":
    sys.exit(main())
