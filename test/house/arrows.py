#!/usr/bin/env python3
"""Includes point one way: tools -> compiler -> passes -> targets -> dialects -> contract. The runtime includes no other room."""
import re

import sources

ORDER = ["contract", "dialects", "targets", "passes", "compiler", "tools"]  # each may include those before it

# A part of a room that may include less than its room.
NARROWER = {
    "compiler/import": {"compiler/import", "dialects", "contract"},
    "compiler/reference": {"compiler/reference", "compiler/import", "dialects", "contract"},
    "compiler/verify": {"compiler/verify", "compiler/reference", "compiler/package", "compiler/import", "passes", "targets", "dialects",
                        "contract"},
    "targets/kernels": {"targets", "contract"},
    "runtime/platform": {"runtime/platform"},
    "runtime/threads": {"runtime/threads", "runtime/platform"},
    "runtime/tokenizer": {"runtime/tokenizer", "runtime/format/tokenizer_generated.h"},
    "runtime/format": {"runtime/format", "runtime/core/Status.h"},
    "runtime/core": {"runtime/core", "runtime/format", "runtime/tokenizer", "runtime/threads", "runtime/platform"},
}

# What other rooms may see of the runtime: its contract with emitted code, its file format, and what the compiler runs itself.
OF_RUNTIME = {
    "contract": (),
    "dialects": (),
    "targets": ("runtime/include/", "gemmac/", "runtime/format/"),
    "passes": (),
    "compiler": ("runtime/include/", "gemmac/", "runtime/format/", "runtime/core/SessionMemory.h", "runtime/tokenizer/",
                 "runtime/platform/Platform.h"),
    "tools": ("runtime/include/", "gemmac/", "runtime/program/Options.h"),
}

# Libraries and the only places that may include them.
LIBRARIES = {
    "Halide": ("targets/kernels/",),
    "CLI": ("tools/",),
    "mlir": ("dialects/", "passes/", "targets/emit/", "compiler/", "tools/"),
    "llvm": ("dialects/", "targets/", "passes/", "compiler/", "tools/"),
    "nlohmann": ("compiler/", "tools/"),
}

INCLUDE = re.compile(r'^\s*#?\s*include\s+["<]([^">]+)[">]')


def belongs(path, places):
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def refusal(file, included):
    """Why `file` may not include `included`, or None."""
    room, library = file.split("/")[0], re.split(r"[/.]", included)[0]
    if library in LIBRARIES:
        allowed = LIBRARIES[library]
        return None if belongs(file, allowed) else f"{library} belongs under {', '.join(allowed)}"
    target = "runtime" if library == "gemmac" else library
    if target not in ORDER + ["runtime"]:
        return None
    if room == "runtime" and target != "runtime":
        return "the runtime includes no other room"
    if room == "runtime" and included.startswith("gemmac/"):
        return None  # its public headers
    if target == "runtime" and room != "runtime":
        return None if included.startswith(OF_RUNTIME[room]) else f"{room} may not read this part of the runtime"
    for part, allowed in NARROWER.items():
        if belongs(file, [part]):
            return None if belongs(included, allowed) else f"{part} includes only {', '.join(sorted(allowed))}"
    if room == "runtime":
        return None
    return None if ORDER.index(target) <= ORDER.index(room) else f"{room} is below {target}"


def problems():
    for path in sources.files(".h", ".cpp", ".c", ".td", rooms=ORDER + ["runtime"]):
        for number, line in enumerate((sources.root() / path).read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            why = match and refusal(path.as_posix(), match.group(1))
            if why:
                yield f"{path}:{number}: includes {match.group(1)}: {why}"


if __name__ == "__main__":
    sources.report(problems())
