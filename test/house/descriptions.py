#!/usr/bin/env python3
"""Every op, attribute, dialect and pass of the .td files has a summary and a description; every op's has an example."""
import re

import sources
import tablegen


def problems():
    for d in tablegen.definitions():
        where = f"{d.file}: {d.kind} {d.name}"
        if not d.summary.strip():
            yield f"{where}: has no summary"
        if not d.description.strip():
            yield f"{where}: has no description"
        elif d.kind == "op" and not re.search(r"```mlir\n", d.description):
            yield f"{where}: has no example"


if __name__ == "__main__":
    sources.report(problems())
