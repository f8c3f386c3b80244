"""Evaluates exported modules: run.py numpy|torch|jax FOLDER < {"z": […], "modules": […]} > {module: [φ, φ']}.

Each module has the function or class phi. Double precision; a second pair of lists is single precision.
"""

import importlib
import json
import sys

framework, folder = sys.argv[1:]
sys.path.insert(0, folder)
task = json.load(sys.stdin)
grid = task["z"]


def numpy_pair(module, dtype):
    import numpy as np

    np.seterr(all="raise", under="ignore")
    z = np.array(grid, dtype=dtype)
    value, derivative = module.phi(z), module.phi_derivative(z)
    if value.shape != z.shape or derivative.shape != z.shape:
        raise SystemExit(f"{module.__name__}: shapes {value.shape}, {derivative.shape}")
    double = module.phi(np.array(grid)), module.phi_derivative(np.array(grid))
    if module.phi(grid[3]) != double[0][3] or module.phi_derivative(grid[:9])[3] != double[1][3]:
        raise SystemExit(f"{module.__name__}: a number or a list gives something else")
    return value, derivative


def torch_pair(module, dtype):
    import torch

    z = torch.tensor(grid, dtype=getattr(torch, dtype), requires_grad=True)
    phi = module.phi()
    if list(phi.parameters()):
        raise SystemExit(f"{module.__name__} has parameters")
    value = torch.nn.Sequential(phi)(z)
    if value.dtype != z.dtype:
        raise SystemExit(f"{module.__name__}: {value.dtype} of {z.dtype}")
    (derivative,) = torch.autograd.grad(value.sum(), z)
    return value, derivative


def jax_pair(module, dtype):
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    z = jnp.array(grid, dtype=dtype)
    value = jax.jit(module.phi)(z)
    if value.dtype != z.dtype:
        raise SystemExit(f"{module.__name__}: {value.dtype} of {z.dtype}")
    derivative = jax.vmap(jax.grad(module.phi))(z)
    forward = jax.jvp(module.phi, (z,), (jnp.ones_like(z),))[1]
    if abs(derivative - forward).max() > (1e-3 if dtype == "float32" else 1e-9) * abs(derivative).max():
        raise SystemExit(f"{module.__name__}: grad and jvp differ")
    return value, derivative


pair = {"numpy": numpy_pair, "torch": torch_pair, "jax": jax_pair}[framework]
result = {}
for name in task["modules"]:
    module = importlib.import_module(name)
    result[name] = [[float(v) for v in values] for dtype in ("float64", "float32") for values in pair(module, dtype)]
json.dump(result, sys.stdout)
