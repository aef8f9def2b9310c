"""Runs the unittest tests of a folder; the last line is the count that scripts/test reads.

usage: count_python_tests.py FOLDER
"""

import sys
import unittest


def main(folder):
    sys.dont_write_bytecode = True
    result = unittest.TextTestRunner().run(unittest.defaultTestLoader.discover(folder))
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - failed - skipped)  # a subtest fails without being a test
    if result.testsRun == 0:
        failed = 1
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
