"""Runs what exported nets prepare images with: prepare.py < [{"source", "images"}, …] > results."""

import base64
import json
import sys

import numpy as np

results = []
for task in json.load(sys.stdin):
    module = {"np": np, "base64": base64}
    exec(task["source"], module)
    try:
        x = module["Net_prepare"](task["images"])
    except ValueError as error:
        results.append({"error": str(error)})
        continue
    if x.dtype != np.float32:
        raise SystemExit(x.dtype)
    results.append({"prepared": x.ravel().tolist()})
json.dump(results, sys.stdout)
