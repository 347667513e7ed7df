#!/usr/bin/env python3
"""A C program with a compiled model inside generates without asking the system for memory.

    no_allocation.py COMPILED no_allocation.c CC
"""
import os
import subprocess
import sys
import tempfile

import doors


def main():
    compiled, source, compiler = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", source, "-I" + compiled,
                        os.path.join(compiled, "libbard_e2b.a"), "-lpthread", "-lm", "-o", program], check=True)
        for threads in ["1", "2"]:
            said = subprocess.run([program, os.path.join(compiled, "bard_e2b.weights"), threads], capture_output=True, text=True)
            print(said.stdout, said.stderr)
            doors.expect(said.returncode == 0, f"{threads} threads: exit code {said.returncode}")
    doors.finish()


if __name__ == "__main__":
    main()
