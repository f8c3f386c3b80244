"""Runs exported nets: export.py torch|jax FOLDER < [{"module", "images", "residual", "trained"}, …] > results.

Each module has the net "Net" and its parameters in a file beside it. The result is the outputs, and the gradients of
Σ residual·output by the arrays that are trained.
"""

import importlib
import json
import sys

import numpy as np

framework, folder = sys.argv[1:]
sys.path.insert(0, folder)


def prepared(module, task):
    return module.Net_prepare(task["images"]) if hasattr(module, "Net_prepare") else task["images"]


def run_torch(module, path, task):
    import torch

    net = module.Net()
    fresh = {name: tuple(p.shape) for name, p in net.named_parameters()}
    net.load(path)
    if fresh != {name: tuple(p.shape) for name, p in net.named_parameters()}:
        raise SystemExit("other shapes after load")
    f = net(torch.tensor(prepared(module, task), dtype=torch.float32))
    if f.requires_grad:
        (f * torch.tensor(task["residual"])).sum().backward()
    return f.detach().numpy(), {
        name: p.grad.numpy() for name, p in net.named_parameters() if p.requires_grad
    }


def run_jax(module, path, task):
    import jax
    import jax.numpy as jnp

    parameters = module.Net_load(path)
    fresh = module.Net_init(jax.random.key(1))
    if {k: v.shape for k, v in fresh.items()} != {k: v.shape for k, v in parameters.items()}:
        raise SystemExit("other shapes at initialisation")
    x, residual = jnp.array(prepared(module, task), dtype=jnp.float32), jnp.array(task["residual"])

    def loss(p):
        f = module.Net(p, x)
        return (f * residual).sum(), f

    gradient, f = jax.jit(jax.grad(loss, has_aux=True))(parameters)
    for name, g in gradient.items():
        if name not in task["trained"] and abs(g).max() > 0:
            raise SystemExit(f"{name} has a gradient")
    return np.array(f), {k: np.array(gradient[k]) for k in task["trained"]}


run = {"torch": run_torch, "jax": run_jax}[framework]
results = []
for task in json.load(sys.stdin):
    f, gradients = run(importlib.import_module(task["module"]), f"{folder}/{task['module']}.npz", task)
    if f.dtype != np.float32 or set(gradients) != set(task["trained"]):
        raise SystemExit(f"{task['module']}: {f.dtype}, gradients by {sorted(gradients)}")
    results.append({"outputs": f.tolist(), "gradients": {k: g.ravel().tolist() for k, g in gradients.items()}})
json.dump(results, sys.stdout)
