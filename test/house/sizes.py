#!/usr/bin/env python3
"""Sizes a reader can hold: files of at most 450 lines, functions of at most 80 unless they are one statement (a table, a switch),
documentation of at most 120 columns, tables and links apart."""
import re

import sources

FILE_LINES, FUNCTION_LINES, COLUMNS = 450, 80, 120

# Files whose lines are one table.
TABLES = {"runtime/include/gemmac/model.h"}

RAW_STRING = re.compile(r'R"(\w*)\(.*?\)\1"', re.DOTALL)
# What opens a brace and is no function: types, tables of values, loops and conditions.
NO_FUNCTION = re.compile(r"\s*(?:}|template\s*<.*>\s*$|(?:struct|class|enum|union|typedef|namespace|extern|if|else|for|while|do|switch|case|return|try)\b)")
BEFORE = re.compile(r"[;{:]$|\*/$|^ *}")  # a line that no declaration begins in


def functions(lines):
    """(first line, last line) of what clang-format's indentation shows as functions, lambdas with names included."""
    for brace, line in enumerate(lines):
        if not line.endswith("{"):
            continue
        begin = brace  # where the declaration begins
        while begin > 0 and lines[begin - 1].strip() and not BEFORE.search(lines[begin - 1]) \
                and not lines[begin - 1].lstrip().startswith(("//", "#")):
            begin -= 1
        while lines[begin].lstrip().startswith("template"):
            begin += 1
        if NO_FUNCTION.match(lines[begin]) or "(" not in " ".join(lines[begin:brace + 1]):
            continue
        indent = re.match(" *", lines[begin]).group(0)
        end = next((at for at in range(brace + 1, len(lines)) if lines[at].startswith(indent + "}")), len(lines) - 1)
        yield brace, end


def one_statement(lines, begin, end):
    """Is all between the braces a single statement?"""
    body = [line for line in lines[begin + 1:end] if line.strip() and not line.strip().startswith("//")]
    indent = len(body[0]) - len(body[0].lstrip())
    starts = [line for line in body if len(line) - len(line.lstrip()) == indent and line.lstrip()[0] not in "}.)"]
    return len(starts) == 1


def problems():
    for path in sources.files(".h", ".cpp", ".c", ".td", ".py", ".mlir", ".sh", ".cmake"):
        text = (sources.root() / path).read_text()
        lines = RAW_STRING.sub(lambda match: re.sub(r"[^\n]", "_", match.group(0)), text).splitlines()
        if len(lines) > FILE_LINES and path.as_posix() not in TABLES:
            yield f"{path}: {len(lines)} lines; at most {FILE_LINES}: split it by meaning"
        if path.suffix in (".h", ".cpp", ".c"):
            for begin, end in functions(lines):
                if end - begin + 1 > FUNCTION_LINES and not one_statement(lines, begin, end):
                    yield f"{path}:{begin + 1}: a function of {end - begin + 1} lines; at most {FUNCTION_LINES}"
    for path in documents():
        for number, line in enumerate((sources.root() / path).read_text().splitlines(), 1):
            if len(line) > COLUMNS and not line.startswith("|") and "](" not in line:
                yield f"{path}:{number}: {len(line)} columns; at most {COLUMNS}"


def documents():
    yield from (path.relative_to(sources.root()) for path in sorted(sources.root().glob("*.md")))
    yield from sources.files(".md", rooms=sources.ROOMS + ("docs",))


if __name__ == "__main__":
    sources.report(problems())
