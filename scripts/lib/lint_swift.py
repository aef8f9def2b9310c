"""Runs `swift format lint` and prints its findings, less those that a protocol answers.

usage: lint_swift.py FILE...

AllPublicDeclarationsHaveDocumentation wants a comment on each public declaration. What a protocol
requires is documented once, in the protocol; forty operations would only repeat it. So a finding
about a name that a protocol of this package, or one of the standard library's, requires is dropped.
"""

import re
import subprocess
import sys
from pathlib import Path

STANDARD = {"description", "hash(into:)", "==", "<", "deinit", "errorDescription"}
RULE = "[AllPublicDeclarationsHaveDocumentation]"


def requirements(files):
    """The names that protocols require, without labels: `init`, `infer`, `name`."""
    names = {re.sub(r"\(.*", "", name) for name in STANDARD}
    for file in files:
        inside = False
        for line in Path(file).read_text().splitlines():
            if re.match(r"(public |package )?protocol ", line):
                inside = True
            elif line.startswith("}"):
                inside = False
            if inside and (found := re.search(r"\b(?:func|var|init|static var)\s*`?(\w*)", line)):
                names.add(found.group(1) or "init")
    return names


def main(files):
    lint = subprocess.run(["swift", "format", "lint", "--strict", "--parallel", *files],
                          stderr=subprocess.PIPE, text=True)
    answered = requirements(files)
    findings = 0
    for line in lint.stderr.splitlines():
        if RULE in line:
            name = re.sub(r"\(.*", "", re.search(r"for '(.*?) ?'$", line).group(1))
            if name in answered:
                continue
        print(line)
        findings += "error:" in line or "warning:" in line
    if lint.returncode not in (0, 1):
        return lint.returncode
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
