"""The side of neural-tangents on JAX. Programs are compiled before they are timed."""

import os
import platform
import time

import worker
from worker import load, numbers

_start = time.perf_counter()
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
import jax  # pylint: disable=wrong-import-position

jax.config.update('jax_enable_x64', True)
import jax.numpy as jnp  # pylint: disable=wrong-import-position
import jaxlib  # pylint: disable=wrong-import-position
import neural_tangents as nt  # pylint: disable=wrong-import-position
import numpy as np  # pylint: disable=wrong-import-position
import scipy  # pylint: disable=wrong-import-position
from neural_tangents import stax  # pylint: disable=wrong-import-position


def activation(name, degree=25):
    if name == 'own':
        return stax.ElementwiseNumerical(jnp.tanh, deg=degree)
    return {'relu': stax.Relu, 'erf': stax.Erf, 'gelu': stax.Gelu}[name]()


def dense_net(net, width=1, outputs=1, degree=25):
    """The net of hidden layers that the conductor describes, with the readout 1 and 0."""
    layers = []
    for _ in range(net['depth']):
        layers += [stax.Dense(width, net['weight_std'], net['bias_std']), activation(net['phi'], degree)]
    return stax.serial(*layers, stax.Dense(outputs, 1.0, None))


def compiled(work, values):
    """An operation of a function whose result is a tree of arrays."""

    def run():
        return jax.block_until_ready(work())

    run.values = values
    return run


def gram(x, n, d, type, net, degree=25, **_):
    """NNGP and NTK of all pairs of rows."""
    inputs = jnp.asarray(load(np, x, type, n, d))
    kernel = dense_net(net, degree=degree)[2]
    both = jax.jit(lambda a: tuple(kernel(a, None, ('nngp', 'ntk')))).lower(inputs).compile()
    return compiled(lambda: both(inputs), lambda k: numbers(np.asarray(k[0]), np.asarray(k[1])))


def conv(x, z, n, type, side, readout, net, **_):
    """NNGP and NTK between the first n images of x and of z."""
    layer = (stax.Conv(1, (3, 3), None, 'SAME', W_std=net['weight_std'], b_std=net['bias_std']), stax.Relu())
    pool = (stax.AvgPool((2, 2), (2, 2)),)
    if readout == 'myrtle':
        layers = layer + layer + pool + layer + pool + layer + pool + (stax.GlobalAvgPool(),)
    else:
        layers = layer * net['depth'] + ((stax.Flatten() if readout == 'flatten' else stax.GlobalAvgPool()),)
    kernel = stax.serial(*layers, stax.Dense(1, net['weight_std'], None))[2]
    images = [jnp.asarray(load(np, p, type, -1, side, side, 3)[:n]) for p in (x, z)]
    both = jax.jit(lambda a, b: tuple(kernel(a, b, ('nngp', 'ntk')))).lower(*images).compile()
    return compiled(lambda: both(*images),
                    lambda k: [float(m[i, j]) for m in map(np.asarray, k) for i in range(2) for j in range(2)])


def solve(x, y, z, n, m, d, outputs, type, net, ridge, **_):
    """Ridge regression with the NTK: Gram matrix, weights, and predictions at m points."""
    train, test = jnp.asarray(load(np, x, type, n, d)), jnp.asarray(load(np, z, type, m, d))
    targets = jnp.asarray(load(np, y, type, n, outputs))
    kernel = dense_net(net)[2]

    def fit(train, targets, test):
        k = kernel(train, None, 'ntk')
        k = k + ridge * jnp.mean(jnp.diag(k)) * jnp.eye(n, dtype=k.dtype)
        factor = jax.scipy.linalg.cho_factor(k, lower=True, overwrite_a=True)
        return kernel(test, train, 'ntk') @ jax.scipy.linalg.cho_solve(factor, targets)

    fit = jax.jit(fit).lower(train, targets, test).compile()
    return compiled(lambda: fit(train, targets, test), lambda f: numbers(np.asarray(f)))


def predict(x, y, z, n, m, d, outputs, type, net, ridge, times, **_):
    """Mean and covariance of the ensemble of nets at the times of a gradient flow."""
    train, test = jnp.asarray(load(np, x, type, n, d)), jnp.asarray(load(np, z, type, m, d))
    targets = jnp.asarray(load(np, y, type, n, outputs))
    kernel = jax.jit(dense_net(net, outputs=outputs)[2], static_argnames='get')

    def work():
        at = nt.predict.gradient_descent_mse_ensemble(kernel, train, targets, learning_rate=1.0, diag_reg=ridge)
        return at(t=jnp.asarray(times), x_test=test, get='ntk', compute_cov=True)

    return compiled(work, lambda f: numbers(*(np.asarray(a) for both in zip(f.mean, f.covariance) for a in both)))


def parameters(net, file):
    """The parameters of a net that Kernelsmith saved, in the tree that stax takes."""
    arrays, tree = np.load(file), []
    for layer in range(net['depth'] + 1):
        w = jnp.asarray(arrays[f'layer{layer}.weight'].T)
        b = f'layer{layer}.bias'
        tree.append((w, jnp.asarray(arrays[b])[None] if b in arrays else None))
        if layer < net['depth']:
            tree.append(())
    return tree


def empirical(x, n, d, net, file, width, **_):
    """The empirical NTK between n points of a net of one output, by the quickest of the three implementations."""
    apply = dense_net(net, width)[1]
    tree, points = parameters(net, file), jnp.asarray(load(np, x, 'float32', n, d))
    best = None
    for how in (nt.NtkImplementation.JACOBIAN_CONTRACTION, nt.NtkImplementation.NTK_VECTOR_PRODUCTS,
                nt.NtkImplementation.STRUCTURED_DERIVATIVES):
        ntk = jax.jit(nt.empirical_ntk_fn(apply, trace_axes=(-1,), vmap_axes=0, implementation=how))
        try:
            jax.block_until_ready(ntk(points, None, tree))
        except AttributeError:  # of JAX, where it has changed since the package was released
            continue
        start = time.perf_counter()
        jax.block_until_ready(ntk(points, None, tree))
        took = time.perf_counter() - start
        if best is None or took < best[0]:
            best = took, ntk
    return compiled(lambda: best[1](points, None, tree), lambda k: numbers(np.asarray(k)))


def train(x, y, n, d, outputs, net, file, width, steps, rate, **_):
    """Steps of gradient descent on all points, each a compiled program that reuses its parameters' memory."""
    apply = dense_net(net, width, outputs)[1]
    points, targets = jnp.asarray(load(np, x, 'float32', n, d)), jnp.asarray(load(np, y, 'float32', n, outputs))
    start = parameters(net, file)
    before = apply(start, points)

    def loss(tree):
        return jnp.mean(jnp.sum((apply(tree, points) - before - targets)**2, axis=1))

    def step(tree):
        value, gradient = jax.value_and_grad(loss)(tree)
        return value, jax.tree_util.tree_map(lambda p, g: p - rate * g, tree, gradient)

    step = jax.jit(step, donate_argnums=0)

    def work():
        tree = jax.tree_util.tree_map(jnp.array, start)
        value, tree = jax.block_until_ready(step(tree))
        begin = time.perf_counter()
        for _ in range(steps - 1):
            value, tree = step(tree)
        jax.block_until_ready(tree)
        return float(value), (time.perf_counter() - begin) / (steps - 1)

    work.values = lambda result: [result[0]]
    work.seconds = lambda result: result[1]
    return work


def curve(cosines, type, net, references, degree=25, **_):
    """The largest error of the NTK of unit-variance inputs at some cosines, of its largest value."""
    c = np.array(cosines, dtype=type)
    rows = np.zeros((len(c) + 1, 2), dtype=type)
    rows[0] = [np.sqrt(2), 0]
    rows[1:, 0], rows[1:, 1] = np.sqrt(2) * c, np.sqrt(2) * np.sqrt((1 - c) * (1 + c))
    kernel = jax.jit(lambda a, b: dense_net(net, degree=degree)[2](a, b, 'ntk'))
    right = np.array(references)
    work = compiled(lambda: kernel(rows[:1], rows[1:]), lambda k: [])
    work.values = lambda k: [float(np.max(np.abs(np.asarray(k, 'float64')[0] - right)) / np.max(np.abs(right)))]
    return work


def bare(n, type, **_):
    """The bare product of two n×n matrices."""
    a, b = jnp.full((n, n), 0.5, type), jnp.full((n, n), 0.25, type)
    product = jax.jit(lambda a, b: a @ b)
    return compiled(lambda: product(a, b), lambda c: [float(c[0, 0]) / n])


OPERATIONS = {
    'gram': gram, 'conv': conv, 'solve': solve, 'predict': predict, 'empirical': empirical, 'train': train,
    'curve': curve, 'bare': bare,
}


def about():
    return {'versions': {'Python': platform.python_version(), 'neural-tangents': nt.__version__,
                         'JAX': jax.__version__, 'jaxlib': jaxlib.__version__, 'NumPy': np.__version__,
                         'SciPy': scipy.__version__},
            'threads': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}


if __name__ == '__main__':
    worker.serve(OPERATIONS, about)
