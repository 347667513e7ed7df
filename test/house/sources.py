"""The files of this house, and how a check reports what it found."""
import pathlib
import sys

ROOMS = ("benchmarks", "compiler", "contract", "dialects", "docs", "examples", "passes", "runtime", "scripts", "targets", "test", "tools")


def root():
    """The house, or the folder that the command line names instead."""
    return pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])


def files(*suffixes, rooms=ROOMS):
    """Every file of these rooms with one of these suffixes, as a path below the root."""
    for room in rooms:
        for path in sorted((root() / room).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(root())


def report(problems):
    """One line a problem; ends the process: 1 if there was one."""
    problems = list(problems)
    print("\n".join(problems) if problems else "nothing to report")
    sys.exit(1 if problems else 0)
