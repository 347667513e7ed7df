#!/usr/bin/env python3
"""Every example in the .td files parses. An example is a fragment: what it uses and does not define is defined behind it, with the
type that the parser says it was used with. The fourth word of the command line is gemmac-opt."""
import re
import subprocess
import sys

import sources
import tablegen


def statements(example):
    """The ops of an example: what is indented more, or begins with a closing bracket, continues the line before it."""
    lines = [line for line in example.splitlines() if line.strip() and not line.strip().startswith("//")]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    for line in lines:
        if line[margin] in " })]":
            statement += "\n" + line
            continue
        if line is not lines[0]:
            yield statement
        statement = line
    if lines:
        yield statement


class Fragment:
    """One op, and what is known of the values that it uses."""

    def __init__(self, definition, text):
        self.definition, self.text, self.types, self.errors = definition, text, {}, []

    def module(self):
        return self.text + "\n" + "".join(f'{name} = "of.this.type"() : () -> {type}\n' for name, type in self.types.items())

    def learn(self, line, column, message):
        """True if the message tells more about a value."""
        if message.startswith("error: use of undeclared SSA value name"):
            name, type = re.match(r"%\w+", self.text.splitlines()[line - 1][column - 1:]).group(0), "none"
        elif match := re.match(r"error: definition of SSA value '(%\w+)", message):
            self.defined = match.group(1)
            return False
        elif match := re.match(r"note: previously used here with type '(.*)'", message):
            name, type = self.defined, match.group(1)
        else:
            return False
        known, self.types[name] = self.types.get(name), type
        return known != type


def parse(opt, fragments):
    """Parses them in one run, each a module of its own; returns those about which more is known than before."""
    start, starts = 1, {}
    for fragment in fragments:
        fragment.errors, starts[start] = [], fragment
        start += fragment.module().count("\n") + 1
    said = subprocess.run([opt, "--split-input-file", "--allow-unregistered-dialect", "--verify-each=false",
                           "--mlir-very-unsafe-disable-verifier-on-parsing"],
                          input="// -----\n".join(fragment.module() for fragment in fragments),
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    progress = []
    for line, column, message in re.findall(r"^<stdin>:(\d+):(\d+): (.*)$", said, re.M):
        begin = max(begin for begin in starts if begin <= int(line))
        fragment = starts[begin]
        fragment.errors.append(message)
        if fragment.learn(int(line) - begin + 1, int(column), message):
            progress.append(fragment)
    if said and not any(fragment.errors for fragment in fragments):
        sys.exit(said)
    return progress


def problems():
    fragments = [Fragment(d, statement) for d in tablegen.definitions()
                 for example in re.findall(r"```mlir\n(.*?)```", d.description, re.DOTALL) for statement in statements(example)]
    unsure = fragments
    while unsure:
        unsure = list(dict.fromkeys(parse(sys.argv[4], unsure)))
    for fragment in fragments:
        if fragment.errors:
            d = fragment.definition
            yield f"{d.file}: {d.kind} {d.name}: {fragment.text.strip()}\n    {'; '.join(fragment.errors)}"
    if not fragments:
        yield "no examples were found"


if __name__ == "__main__":
    sources.report(problems())
