"""Exported by Kernelsmith: 9×16×3, 3×3 ReLU, pool 2×2 VALID, 3×3 erf stride 1×2 CIRCULAR, 3×3 ReLU VALID, global average; width 16, 10 outputs."""

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np


def Net_phi0(z):
    """Return φ, element by element."""
    z = jnp.asarray(z)
    y = 0.0
    y = y + 1.0 * jax.nn.relu(z)
    return y


def Net_phi1(z):
    """Return φ, element by element."""
    z = jnp.asarray(z)
    y = 0.0
    u = 1.0 * z
    y = y + 1.0 * jax.scipy.special.erf(u)
    return y


def Net_init(key):
    """Return standard normal parameters."""
    shapes = {
        "layer0.weight": (16, 3, 3, 3),
        "layer0.bias": (16,),
        "layer1.weight": (16, 3, 3, 16),
        "layer1.bias": (16,),
        "layer2.weight": (16, 3, 3, 16),
        "layer3.weight": (10, 16),
    }
    keys = jax.random.split(key, len(shapes))
    return {name: jax.random.normal(k, shape) for k, (name, shape) in zip(keys, shapes.items())}


def Net_load(path):
    """Return the parameters of a file that the net was saved to."""
    with np.load(path) as arrays:
        return {name: jnp.asarray(arrays[name]) for name in arrays if name != "architecture"}


def Net(parameters, x):
    """Take images, a row of numbers each, to outputs."""
    h = jnp.reshape(x, (-1, 9, 16, 3))
    h = jnp.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
    w = 0.28867513 * parameters["layer0.weight"]
    u = jax.lax.conv_general_dilated(h, w, (1, 1), "VALID", dimension_numbers=("NHWC", "OHWI", "NHWC"))
    h = Net_phi0(u + 0.1 * parameters["layer0.bias"])
    h = jax.lax.reduce_window(h, 0.0, jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    h = h[:, np.array([i % 4 for i in range(-1, 5)])][:, :, np.array([i % 8 for i in range(0, 9)])]
    w = 0.125 * parameters["layer1.weight"]
    u = jax.lax.conv_general_dilated(h, w, (1, 2), "VALID", dimension_numbers=("NHWC", "OHWI", "NHWC"))
    h = Net_phi1(u + 0.1 * parameters["layer1.bias"])
    w = 0.125 * jax.lax.stop_gradient(parameters["layer2.weight"])
    u = jax.lax.conv_general_dilated(h, w, (1, 1), "VALID", dimension_numbers=("NHWC", "OHWI", "NHWC"))
    h = Net_phi0(u)
    h = h.mean((1, 2))
    return 0.25 * h @ parameters["layer3.weight"].T
