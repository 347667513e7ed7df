#!/usr/bin/env python3
"""Every C and C++ file is as clang-format leaves it. The second word of the command line is clang-format."""
import re
import subprocess
import sys

import sources

# Formatted by hand: tables of fields with their comments beside them, which are the manual of who implements or reads them.
BY_HAND = {"runtime/include/gemmac/model.h"}


def problems():
    paths = [path.as_posix() for path in sources.files(".h", ".cpp", ".c") if path.as_posix() not in BY_HAND]
    run = subprocess.run([sys.argv[2], "--dry-run", "-Werror", *paths], cwd=sources.root(), stderr=subprocess.PIPE, text=True)
    first = {}
    for path, line in re.findall(r"^(.+?):(\d+):\d+: error: ", run.stderr, re.M):
        first.setdefault(path, line)
    yield from (f"{path}:{line}: not formatted: clang-format-22 -i {path}" for path, line in first.items())
    if run.returncode and not first:
        yield run.stderr


if __name__ == "__main__":
    sources.report(problems())
