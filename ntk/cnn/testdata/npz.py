"""Reads a convolutional net's .npz with NumPy and recomputes it, and writes nets for Go to read.

    npz.py forward         files, and images for each, as JSON on stdin; outputs as JSON on stdout
    npz.py write FOLDER    nets of 2×2 images with 3 channels, width 2 and 1 output, one biased 1×2 convolution
"""

import json
import math
import sys

import numpy as np

PHI = {
    "ReLU": lambda u: np.maximum(u, 0),
    "erf": np.vectorize(math.erf),
}


def windows(h, layer):
    """All windows of images (n, height, width, channels): (n, down, across, kh, kw, channels)."""
    places = []
    for axis in range(2):
        n, size, stride = h.shape[1 + axis], layer["size"][axis], layer["stride"][axis]
        if layer["padding"] == "VALID":
            out, before = (n - size) // stride + 1, 0
        else:
            out = -(-n // stride)
            before = max((out - 1) * stride + size - n, 0) // 2
        places.append(np.arange(out)[:, None] * stride + np.arange(size)[None, :] - before)
    down, across = places[0][:, None, :, None], places[1][None, :, None, :]
    inside = (down >= 0) & (down < h.shape[1]) & (across >= 0) & (across < h.shape[2])
    x = h[:, down % h.shape[1], across % h.shape[2]]
    return x if layer["padding"] == "CIRCULAR" else x * inside[..., None]


def forward(path, x):
    with np.load(path) as arrays:
        arch = json.loads(str(arrays["architecture"]))
        height, width, channels = arch["image"]
        h = np.array(x)
        if arch["channels_first"]:
            h = h.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        h = h.reshape(-1, height, width, channels)
        names = {"architecture"}

        def linear(h, i, layer):
            w = arrays[f"layer{i}.weight"]
            assert w.dtype == np.float32
            w = w.reshape(w.shape[0], -1).astype(np.float64)
            names.add(f"layer{i}.weight")
            u = layer["weight_std"] / math.sqrt(w.shape[1]) * h @ w.T
            if layer.get("bias_std", 0) > 0:
                names.add(f"layer{i}.bias")
                u = u + layer["bias_std"] * arrays[f"layer{i}.bias"]
            return u

        convs = 0
        for layer in arch["layers"]:
            x = windows(h, layer)
            if layer["kind"] == "pool":
                h = x.mean(axis=(3, 4))
                continue
            assert layer["kind"] == "conv"
            h = PHI[layer["activation"]](linear(x.reshape(*x.shape[:3], -1), convs, layer))
            convs += 1
        readout = arch["readout"]
        h = h.mean(axis=(1, 2)) if readout["kind"] == "global average" else h.reshape(len(h), -1)
        f = linear(h, convs, readout)
        assert set(arrays) == names
    return f.tolist()


def write(folder):
    good = {
        "layer0.weight": np.arange(12, dtype=np.float32).reshape(2, 1, 2, 3) / 4 - 0.5,
        "layer0.bias": np.array([0.5, -1], dtype=np.float32),
        "layer1.weight": np.arange(8, dtype=np.float32).reshape(1, 8) - 2,
    }
    np.savez(f"{folder}/plain.npz", **good)
    np.savez(f"{folder}/columns.npz", **{k: np.asfortranarray(v) for k, v in good.items()})

    def changed(name, **arrays):
        kept = {k: v for k, v in {**good, **arrays}.items() if v is not None}
        np.savez(f"{folder}/{name}.npz", **kept)

    changed("torch", **{"layer0.weight": good["layer0.weight"].transpose(0, 3, 1, 2)})
    changed("matrix", **{"layer0.weight": good["layer0.weight"].reshape(2, 6)})
    changed("flat", **{"layer1.weight": good["layer1.weight"].ravel()})
    changed("narrow", **{"layer1.weight": good["layer1.weight"][:, :4]})
    changed("nan", **{"layer0.weight": np.where(good["layer0.weight"] == 1, np.nan, good["layer0.weight"])})
    changed("lacking", **{"layer0.bias": None})
    changed("more", **{"layer1.bias": np.zeros(1, np.float32)})
    changed("stray", **{"layer2.weight": good["layer1.weight"]})


if sys.argv[1] == "forward":
    task = json.load(sys.stdin)
    json.dump([forward(path, x) for path, x in zip(task["files"], task["images"])], sys.stdout)
else:
    write(sys.argv[2])
