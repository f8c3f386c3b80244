"""Reads a net's .npz with NumPy and recomputes it, and writes nets for Go to read.

    npz.py forward FILE    inputs as JSON on stdin; outputs as JSON on stdout
    npz.py write FOLDER    nets of 2 inputs, width 3 and 2 outputs, one biased hidden layer
"""

import json
import math
import sys

import numpy as np

PHI = {
    "ReLU": lambda u: np.maximum(u, 0),
    "erf": np.vectorize(math.erf),
    "0.5 sin(6z)": lambda u: 0.5 * np.sin(6 * u),
}


def forward(path, x):
    with np.load(path) as arrays:
        arch = json.loads(str(arrays["architecture"]))
        h = np.array(x)
        for i, layer in enumerate(arch["layers"]):
            w = arrays[f"layer{i}.weight"]
            assert w.dtype == np.float32
            u = layer["weight_std"] / math.sqrt(w.shape[1]) * h @ w.astype(np.float64).T
            if layer["bias_std"] > 0:
                u = u + layer["bias_std"] * arrays[f"layer{i}.bias"]
            h = PHI[layer["activation"]](u) if layer["activation"] else u
        assert set(arrays) == {"architecture"} | {
            f"layer{i}.{kind}" for i, layer in enumerate(arch["layers"])
            for kind in ("weight", "bias") if kind == "weight" or layer["bias_std"] > 0
        }
    return h.tolist()


def write(folder):
    good = {
        "layer0.weight": np.arange(6, dtype=np.float32).reshape(3, 2) / 4 - 0.5,
        "layer0.bias": np.array([0.5, -1, 2], dtype=np.float32),
        "layer1.weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2,
    }
    np.savez(f"{folder}/plain.npz", **good)
    np.savez_compressed(f"{folder}/compressed.npz", **good)
    np.savez(f"{folder}/columns.npz", **{k: np.asfortranarray(v) for k, v in good.items()})

    def changed(name, **arrays):
        kept = {k: v for k, v in {**good, **arrays}.items() if v is not None}
        np.savez(f"{folder}/{name}.npz", **kept)

    changed("double", **{"layer0.weight": good["layer0.weight"].astype(np.float64)})
    changed("big-endian", **{"layer1.weight": good["layer1.weight"].astype(">f4")})
    changed("objects", **{"layer0.bias": np.array([None, 1, 2], dtype=object)})
    changed("records", **{"layer0.bias": np.zeros(3, dtype=[("a", "<f4")])})
    changed("turned", **{"layer1.weight": good["layer1.weight"].T})
    changed("flat", **{"layer0.weight": good["layer0.weight"].ravel()})
    changed("short", **{"layer0.bias": good["layer0.bias"][:2]})
    changed("scalar", **{"layer0.bias": np.float32(1)})
    changed("nan", **{"layer1.weight": np.where(good["layer1.weight"] == 1, np.nan, good["layer1.weight"]).astype(np.float32)})
    changed("lacking", **{"layer0.bias": None})
    changed("more", **{"layer1.bias": np.zeros(2, dtype=np.float32)})
    changed("stray", **{"layer2.weight": np.zeros((2, 2), dtype=np.float32)})
    changed("no-json", architecture=np.array("{"))
    changed("other", architecture=np.array(json.dumps({"format": "kernelsmith net", "version": 2})))
    changed("number", architecture=np.array(3.0))


if sys.argv[1] == "forward":
    json.dump(forward(sys.argv[2], json.load(sys.stdin)), sys.stdout)
else:
    write(sys.argv[2])
