"""Rules about files that no formatter knows: length, names, words that have no place here.

usage: lint_files.py FILE...
"""

import re
import sys
from pathlib import Path, PurePath

LONGEST = 500  # lines of a source file
SOURCES = {".swift", ".c", ".h", ".lua", ".py", ".sh"}
VAGUE = re.compile(r"(Utils?|Helpers?|Common|Misc|Manager)\b|\b(utils?|helpers?|common|misc|manager)\b")

# A pattern, the files that it concerns, and why.
RULES = [
    (r"\b(TODO|FIXME|XXX|HACK)\b", r"", "unfinished work belongs in an issue"),
    (r"(?<![\w.<])/(root|home|work|Users)/(?!\.\.\.)\w|/tmp/build-", r"", "a path of somebody's machine"),
    (r"^\s*(@_exported )?import (Foundation|Dispatch|FoundationEssentials)\b",
     r"^Sources/.*\.swift$", "the module stays small without it"),
    (r"\b(fatalError|precondition|preconditionFailure|assertionFailure|abort|exit)\(",
     r"^Sources/(?!wane/).*\.swift$", "ends the program that loaded the module; throw an error"),
    (r"\btry!|\bas! ", r"^Sources/.*\.swift$", "ends the program that loaded the module; throw an error"),
    (r"\.addingProduct\(", r"^Sources/.*\.swift$", "calls fmaf for each lane where FMA is no build flag"),
    (r"\b(abort|exit)\s*\(", r"^Sources/.*\.[ch]$", "ends the program that loaded the module"),
    (r"\bdnnl_(sgemm|primitive_execute)\(", r"^Sources/(?!COneDNN/dnn_(gemm\.h|kernel\.c)$)",
     "signals must be held back around it, as wane_dnn_sgemm does"),
    (r"-march=|-mavx|-mfma", r"^Package\.swift$", "kernels are chosen when the program runs"),
    (r"[ \t]+$", r"\.(swift|c|h|lua|py|sh|md|yml)$", "white space at the end of the line"),
]


def findings(path):
    """Lines of the form `path:line: what is wrong`."""
    if path.startswith("scripts/lib/lint_files.py"):
        return
    if VAGUE.search(PurePath(path).stem):
        yield f"{path}: a name that says nothing; name the file after its concept"
    try:
        lines = Path(path).read_text().split("\n")
    except UnicodeDecodeError:
        return  # not text
    if PurePath(path).suffix in SOURCES and len(lines) - 1 > LONGEST:
        yield f"{path}: {len(lines) - 1} lines; at most {LONGEST}"
    if lines[-1] != "":
        yield f"{path}: no line end at the end"
    rules = [(re.compile(pattern), why) for pattern, where, why in RULES if re.search(where, path)]
    for number, line in enumerate(lines, 1):
        for pattern, why in rules:
            if found := pattern.search(line):
                yield f"{path}:{number}: '{found.group(0).strip()}': {why}"


def main(paths):
    found = [finding for path in paths for finding in findings(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
