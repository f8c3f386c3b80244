"""The side of NumPy, SciPy and scikit-learn, and the bare products of Kernelsmith's own BLAS."""

import ctypes
import os
import platform

import numpy as np
import scipy
import scipy.linalg
import worker

import fitting
import learning
from worker import Lacks, load, numbers


def recursion(s, net):
    """NNGP and NTK from inner products over d, for activations with closed forms: the recursion of JGH18."""
    w2, b2 = net['weight_std']**2, net['bias_std']**2
    diagonal = np.array(np.diagonal(s)) * w2 + b2
    s = w2 * s + b2
    t = s.copy()
    for _ in range(net['depth'] - 1):
        value, derivative, diagonal = duals(net['phi'], s, diagonal)
        diagonal = w2 * diagonal + b2
        s = w2 * value + b2
        t *= w2 * derivative
        t += s
    value, derivative, _ = duals(net['phi'], s, diagonal)
    return value, value + t * derivative


def duals(phi, s, diagonal):
    """E[φφ], E[φ'φ'] and E[φ²] at equal inputs."""
    if phi == 'relu':
        root = np.sqrt(diagonal)
        norm = root[:, None] * root
        c = np.clip(s / norm, -1, 1)
        part = (np.pi - np.arccos(c)) / (2 * np.pi)
        return norm * (np.sqrt(1 - c * c) / (2 * np.pi) + c * part), part, diagonal / 2
    if phi == 'erf':
        one = 1 + 2 * diagonal
        product = one[:, None] * one
        value = 2 / np.pi * np.arcsin(2 * s / np.sqrt(product))
        return value, 4 / np.pi / np.sqrt(product - 4 * s * s), 2 / np.pi * np.arcsin(2 * diagonal / one)
    raise Lacks('a formula for this activation would have to be written first')


def operation(work, values):
    def run():
        return work()

    run.values = values
    return run


def gram(x, n, d, type, net, **_):
    rows = load(np, x, type, n, d)
    return operation(lambda: recursion(rows @ rows.T / np.asarray(d, type), net), lambda k: numbers(*k))


def solve(x, y, z, n, m, d, outputs, type, net, ridge, **_):
    """Ridge regression with the NTK by the recursion and SciPy's solver for positive definite matrices."""
    train, test = load(np, x, type, n, d), load(np, z, type, m, d)
    targets = load(np, y, type, n, outputs)
    rows = np.concatenate([train, test])

    def work():
        k = recursion(rows @ rows.T / np.asarray(d, type), net)[1]
        among = np.array(k[:n, :n])
        among[np.diag_indices(n)] += ridge * np.mean(np.diagonal(among))
        return k[n:, :n] @ scipy.linalg.solve(among, targets, assume_a='pos', overwrite_a=True, check_finite=False)

    return operation(work, lambda f: numbers(f))


def gaussian(x, y, z, n, m, d, outputs, type, ridge, length, **_):
    """Kernel ridge regression of scikit-learn with the Gaussian kernel."""
    from sklearn.kernel_ridge import KernelRidge
    train, test = load(np, x, type, n, d), load(np, z, type, m, d)
    targets = load(np, y, type, n, outputs)

    def work():
        model = KernelRidge(alpha=ridge, kernel='rbf', gamma=1 / (2 * d * length * length))
        return model.fit(train, targets).predict(test)

    return operation(work, lambda f: numbers(f))


def eigenvalues(x, n, d, type, net, degree=0, **_):
    """The largest eigenvalues of the NTK's Gram matrix over n: some by ARPACK, or all by LAPACK."""
    from scipy.sparse.linalg import eigsh
    rows = load(np, x, type, n, d)

    def work():
        k = recursion(rows @ rows.T / np.asarray(d, type), net)[1]
        if degree:
            found = eigsh(k, degree, which='LA', return_eigenvectors=False)
        else:
            found = scipy.linalg.eigh(k, eigvals_only=True, overwrite_a=True, check_finite=False)
        return np.sort(found)[::-1] / n

    return operation(work, lambda v: [float(e) for e in v[:50]])


def product(n, type, library, **_):
    """The product of two n×n matrices, by Kernelsmith's BLAS if one is named, else by NumPy's."""
    a, b, c = (np.full((n, n), v, type) for v in (0.5, 0.25, 0))
    if not library:
        return operation(lambda: np.matmul(a, b, out=c), lambda c: [float(c[0, 0]) / n])
    blas, real = ctypes.CDLL(library), ctypes.c_float if type == 'float32' else ctypes.c_double
    name = ('s' if type == 'float32' else 'd') + 'gemm'
    gemm = getattr(blas, 'scipy_cblas_' + name, None) or getattr(blas, 'cblas_' + name)
    gemm.argtypes = [ctypes.c_int] * 6 + [real, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, real,
                                          ctypes.c_void_p, ctypes.c_int]
    gemm.restype = None

    def work():
        gemm(101, 111, 111, n, n, n, 1, a.ctypes.data, n, b.ctypes.data, n, 0, c.ctypes.data, n)
        return c

    return operation(work, lambda c: [float(c[0, 0]) / n])


OPERATIONS = {
    'gram': gram, 'solve': solve, 'gaussian': gaussian, 'eigenvalues': eigenvalues, 'bare': product,
    'learn': learning.learn, 'design': fitting.design,
}


def about():
    import sklearn
    import threadpoolctl
    pools = threadpoolctl.threadpool_info()
    return {'versions': {'Python': platform.python_version(), 'NumPy': np.__version__, 'SciPy': scipy.__version__,
                         'scikit-learn': sklearn.__version__,
                         'BLAS': ', '.join(f"{p['internal_api']} {p['version']} {p.get('architecture', '')}"
                                           for p in pools if p['user_api'] == 'blas')},
            'threads': max((p['num_threads'] for p in pools), default=os.cpu_count())}


if __name__ == '__main__':
    worker.serve(OPERATIONS, about)
