"""Turns the xUnit reports of `swift test` into the count that scripts/test reads.

usage: count_swift_tests.py EXIT_STATUS REPORT...
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(status, reports):
    passed = failed = skipped = 0
    for report in filter(Path.exists, map(Path, reports)):
        for case in ElementTree.parse(report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    if status != 0 and failed == 0:  # it did not compile, or it crashed before the report
        print(f"FAILED swift test: exit code {status}")
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
