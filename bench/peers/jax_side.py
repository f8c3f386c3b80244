"""The side of JAX on the device that package device opens: the same steps and the same regression, written in JAX."""

import math
import os
import time

os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # the other side needs the memory, too
import jax  # pylint: disable=wrong-import-position

jax.config.update('jax_enable_x64', True)
jax.config.update('jax_default_matmul_precision', 'highest')  # no TF32
import jax.numpy as jnp  # pylint: disable=wrong-import-position
import jaxlib  # pylint: disable=wrong-import-position
import numpy as np  # pylint: disable=wrong-import-position
import worker  # pylint: disable=wrong-import-position
from worker import load, numbers  # pylint: disable=wrong-import-position

ACTIVATIONS = {'relu': jax.nn.relu, 'sine': lambda z: 0.5 * jnp.sin(6 * z)}


def parameters(net, files):
    """Weights and biases of each layer, with the trial as the first dimension."""
    tree, arrays = [], [np.load(f) for f in files]
    for layer in range(net['depth'] + 1):
        names = [f'layer{layer}.weight', f'layer{layer}.bias']
        tree.append([np.stack([a[name] for a in arrays]) for name in names if name in arrays[0]])
    return tree


def outputs_of(net, tree, h):
    """A pass of the net of one trial."""
    for layer, (w, *b) in enumerate(tree):
        std = net['weight_std'] if layer < net['depth'] else 1.0
        h = h @ w.T * np.float32(std / math.sqrt(w.shape[1]))
        if b:
            h = h + np.float32(net['bias_std']) * b[0]
        if layer < net['depth']:
            h = ACTIVATIONS[net['phi']](h)
    return h


def trials(x, y, n, d, outputs, net, files, steps, rate, **_):
    """Steps of gradient descent on all points, of all trials at once: one program, which reuses its memory."""
    points, targets = jnp.asarray(load(np, x, 'float32', n, d)), jnp.asarray(load(np, y, 'float32', n, outputs))
    start = parameters(net, files)
    before = jax.jit(jax.vmap(lambda tree: outputs_of(net, tree, points)))(start)

    def loss(tree, first):
        f = outputs_of(net, tree, points).astype('float64') - first
        return jnp.mean(jnp.sum((f - targets)**2, axis=1))

    def step(tree, first):
        value, gradient = jax.value_and_grad(loss)(tree, first)
        return jax.tree_util.tree_map(lambda p, g: p - np.float32(rate) * g, tree, gradient), value

    def several(count):
        body = jax.vmap(step)
        run = jax.jit(lambda tree: jax.lax.scan(lambda t, _: body(t, before), tree, None, length=count),
                      donate_argnums=0)
        return run.lower(start).compile()

    once, rest = several(1), several(steps - 1)

    def work():
        tree, first = jax.block_until_ready(once(jax.tree_util.tree_map(jnp.array, start)))
        begin = time.perf_counter()
        tree, others = jax.block_until_ready(rest(tree))
        took = time.perf_counter() - begin
        return np.concatenate([first, others]), took / (steps - 1)

    epochs = [(steps - 1) // 10, (steps - 1) // 3, steps - 1]
    work.values = lambda result: [float(v) for v in result[0][epochs].T.ravel()]
    work.seconds = lambda result: result[1]
    return work


def solve(x, y, z, n, m, d, outputs, type, net, ridge, **_):
    """Ridge regression with the NTK of a ReLU net, for rows on one sphere, where variances are numbers."""
    if net['phi'] != 'relu':
        raise worker.Lacks('only the closed form of ReLU is written here')
    train, test = jnp.asarray(load(np, x, type, n, d)), jnp.asarray(load(np, z, type, m, d))
    targets = jnp.asarray(load(np, y, type, n, outputs))
    weight, bias = net['weight_std']**2, net['bias_std']**2

    def kernel(a, b):
        covariance, variance = weight * (a @ b.T) / d + bias, weight + bias
        tangent = covariance
        for layer in range(net['depth']):
            c = jnp.clip(covariance / variance, -1, 1)
            angle = jnp.arccos(c)
            slopes = (math.pi - angle) / (2 * math.pi)
            values = variance * (jnp.sqrt((1 - c) * (1 + c)) / (2 * math.pi) + c * slopes)
            w, v = (weight, bias) if layer + 1 < net['depth'] else (1.0, 0.0)
            covariance, variance = w * values + v, w * variance / 2 + v
            tangent = covariance + w * tangent * slopes
            # Fused, the layers would be computed again for each use, which takes the compiler minutes.
            covariance, tangent = jax.lax.optimization_barrier((covariance, tangent))
        return tangent

    def fit(train, targets, test):
        k = kernel(train, train)
        k = k + ridge * jnp.mean(jnp.diag(k)) * jnp.eye(n, dtype=k.dtype)
        factor = jax.scipy.linalg.cho_factor(k, lower=True, overwrite_a=True)
        return kernel(test, train) @ jax.scipy.linalg.cho_solve(factor, targets)

    fit = jax.jit(fit).lower(train, targets, test).compile()

    def work():
        return jax.block_until_ready(fit(train, targets, test))

    work.values = lambda f: numbers(np.asarray(f))
    return work


def about():
    return {'versions': {'JAX': jax.__version__, 'jaxlib': jaxlib.__version__, 'on': jax.devices()[0].device_kind},
            'threads': os.cpu_count()}


if __name__ == '__main__':
    worker.serve({'trials': trials, 'solve': solve}, about)
