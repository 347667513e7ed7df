#!/usr/bin/env python3
"""Kernels that another build of gemmac has compiled must not hide what this one does.

    fresh_cache.py GEMMAC CACHE
"""
import os
import shutil
import sys

gemmac, cache = sys.argv[1:3]
stamp = os.path.join(cache, "made-by")
build = str(os.stat(gemmac).st_mtime_ns)
if not os.path.exists(stamp) or open(stamp).read() != build:
    shutil.rmtree(cache, ignore_errors=True)
    os.makedirs(cache)
    with open(stamp, "w") as file:
        file.write(build)
