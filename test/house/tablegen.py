"""What the .td files say of ops, attributes and passes: words of the command line are llvm-tblgen and MLIR's include folder."""
import collections
import json
import subprocess
import sys

import sources

FILES = ("dialects/gemma/GemmaOps.td", "dialects/plan/PlanOps.td", "passes/Passes.td")
KINDS = {"Op": "op", "AttrDef": "attribute", "Dialect": "dialect", "PassBase": "pass"}

Definition = collections.namedtuple("Definition", "file kind name summary description")


def definitions():
    for file in FILES:
        text = subprocess.run([sys.argv[2], "--dump-json", file, "-I.", f"-I{sys.argv[3]}"], cwd=sources.root(), check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        records = json.loads(text)
        for parent, kind in KINDS.items():
            for key in records["!instanceof"].get(parent, []):
                record = records[key]
                if key.startswith(("Builtin", "Func_")):
                    continue
                dialect = record.get("opDialect") or record.get("dialect")
                prefix = records[dialect["def"]]["name"] + "." if dialect else ""
                name = record.get("opName") or record.get("mnemonic") or record.get("argument") or record.get("name")
                yield Definition(file, kind, prefix + name, record["summary"] or "", record["description"] or "")
