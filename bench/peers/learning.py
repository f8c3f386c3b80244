"""Learning curves from the covariance of data and the labels alone, in NumPy.

The procedure of Karkada, Turnbull, Liu, Simon, "Predicting kernel regression learning curves from only raw data
statistics", 2025, arXiv 2510.14878, with the two changes that Kernelsmith makes: the modes of a degree have the trace of
the kernel's coefficient, and what noise adds to a coefficient's square is taken off.
"""

import heapq

import numpy as np
import scipy.linalg
import scipy.optimize
from worker import load

HIGHEST = 12


def level_traces(shares):
    """The complete homogeneous symmetric polynomials of the shares, by Newton's identities."""
    powers = [np.sum(shares**j) for j in range(1, HIGHEST + 1)]
    h = [1.0]
    for degree in range(1, HIGHEST + 1):
        h.append(sum(powers[j - 1] * h[degree - j] for j in range(1, degree + 1)) / degree)
    return h


def largest_modes(levels, shares, count):
    """Eigenvalues and directions of the modes with the largest eigenvalues, best first."""
    h = level_traces(shares)
    scale = [a / t for a, t in zip(levels, h)]
    queue = [(-scale[k] * shares[0]**k, (0,) * k) for k in range(HIGHEST + 1) if scale[k] > 0]
    heapq.heapify(queue)
    modes = []
    while queue and len(modes) < count:
        value, mode = heapq.heappop(queue)
        modes.append((-value, mode))
        # Each tuple is reached once, from the one in which its first direction that is not 0 is lower by one.
        first = next((i for i, direction in enumerate(mode) if direction), len(mode))
        for place in (first - 1, first):
            if 0 <= place < len(mode):
                raised = mode[place] + 1
                if raised < len(shares) and (place == len(mode) - 1 or raised <= mode[place + 1]):
                    heapq.heappush(queue, (value * shares[raised] / shares[mode[place]],
                                           mode[:place] + (raised,) + mode[place + 1:]))
    return modes


def hermite_values(z, modes):
    """The product of orthonormal Hermite polynomials of each mode at each row."""
    tables = {}

    def table(direction, degree):
        h = tables.setdefault(direction, [np.ones(len(z)), z[:, direction]])
        while len(h) <= degree:
            k = len(h)
            h.append((z[:, direction] * h[-1] - np.sqrt(k - 1) * h[-2]) / np.sqrt(k))
        return h[degree]

    values = np.empty((len(z), len(modes)), order='F')
    for column, (_, mode) in enumerate(modes):
        directions = sorted(set(mode))
        values[:, column] = 1 if not mode else table(directions[0], mode.count(directions[0]))
        for direction in directions[1:]:
            values[:, column] *= table(direction, mode.count(direction))
    return values


def expected(eigenvalues, tail, powers, noise, n):
    """The test error of n points: Simon, Dickens, Karkada, DeWeese 2023, arXiv 2110.03922."""
    kappa = np.exp(scipy.optimize.brentq(
        lambda s: np.sum(eigenvalues / (eigenvalues + np.exp(s))) + tail * np.exp(-s) - n, -60, 30, xtol=1e-12))
    learned = eigenvalues / (eigenvalues + kappa)
    return n / (n - np.sum(learned**2)) * (np.sum((1 - learned)**2 * powers) + noise)


def learn(x, y, n, d, outputs, type, ridge, length, times, degree, **_):
    """The expected test errors with the Gaussian kernel, at the numbers of points in times, with so many modes."""
    rows, labels = load(np, x, type, n, d), load(np, y, type, n, outputs)

    def work():
        centred = rows - rows.mean(0)
        variances, axes = scipy.linalg.eigh(centred.T @ centred / n, overwrite_a=True, check_finite=False)
        variances, axes = variances[::-1], axes[:, ::-1]
        total = variances.sum()
        z = centred @ axes / np.sqrt(variances)
        # exp(-|x - x'|²/(2 d ℓ²)) at ‖x‖² = ‖x'‖² = total: e^{-s} Σ s^k c^k/k!, s = total/(d ℓ²).
        s = total / (d * length * length)
        levels = [np.exp(-s)]
        for k in range(1, HIGHEST + 1):
            levels.append(levels[-1] * s / k)
        modes = largest_modes(levels, variances / total, degree)
        basis = np.linalg.qr(hermite_values(z, modes) / np.sqrt(n))[0]
        found = basis.T @ labels / np.sqrt(n)
        square = np.sum(labels**2) / n
        noise = (square - np.sum(found**2)) / (1 - len(modes) / n)
        powers = np.sum(found**2, axis=1) - noise / n
        eigenvalues = np.array([m[0] for m in modes])
        tail = max(0, 1 - eigenvalues.sum()) + ridge
        return [expected(eigenvalues, tail, powers, square - powers.sum(), k) for k in times]

    def run():
        return work()

    run.values = lambda errors: [float(e) for e in errors]
    return run
