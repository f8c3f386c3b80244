#!/usr/bin/env python3
"""Writes sphere50.json: eigenvalues of kernels on spheres of 3 to 100 dimensions, degrees to 200.

    pip install 'mpmath>=1.3' gmpy2      (gmpy2 only for speed)
    python3 sphere50.py [-o sphere50.json]

The eigenvalue of degree k is the integral of K(c) P_k(c) over the law of one coordinate, P_k the Gegenbauer polynomial that
is 1 at 1: Gauss-Legendre panels in the angle, in which all these kernels are analytic but where |c - 0.3| has its kink and
the step its jump, at which the panels end; 60 digits. Kernels are written as closed forms here, by nothing of the library:
nets by the recursion over layers with the duals of ReLU (Cho, Saul), erf (Williams), sin, and of the mimic by its hinge
(Owen's integral over an angle) and its cosine (normal integrals at complex points).

Before anything is written, these are asserted: panels of another size agree to 1e-45; K(1) is at least the sum of the
eigenvalues to degree 200, each with its multiplicity, and for the smooth kernels equal to it; the mimic's dual at
correlation 0 is the product of its means, and its slope the derivative of its value. A few minutes.
"""

import argparse
import functools
import json

from mpmath import mp, mpf

mp.dps = 60
pi = mp.pi
DEGREES = list(range(11)) + list(range(15, 101, 5)) + [150, 200]
DIMS = [2, 3, 4, 5, 10, 30, 100]


def relu(q, k):
    t = mp.acos(k / q)
    return q * (mp.sin(t) + (pi - t) * mp.cos(t)) / (2 * pi), (pi - t) / (2 * pi)


def erf(q, k):
    return 2 / pi * mp.asin(2 * k / (1 + 2 * q)), 4 / pi / mp.sqrt((1 + 2 * q)**2 - 4 * k**2)


def half_sin6(q, k):
    e = mp.exp(-36 * q) / 4
    return e * mp.sinh(36 * k), 36 * e * mp.cosh(36 * k)


# The published mimic, A relu(z-B) + C z + D + E cos(Fz+G), its parameters at their exact binary values.
A, B, C, D, E, F, G = [mpf(x) for x in (3.8001579818118927, 1.0600013769145225, 0.09680930566346302, 0.9010060417094072,
                                        -0.07936104642025432, 11.810565331593281, 0.9340552512015492)]


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * pi)


def tail(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def mimic(q, k):
    """The dual of the mimic and its slope at unit variances, correlation k."""
    assert q == 1
    c, t = k, mp.acos(k)
    both = mpf(0)
    if t < pi:
        x = mp.tan(t / 2)
        both = sum(w * mp.exp(-B**2 * (1 + s * s) / 2) / (1 + s * s) for s, w in
                   ((x + (2 * i + 1 + u) * mpf('0.35'), w * mpf('0.35') / pi) for i in range(25) for u, w in nodes(40)))
    if t < pi:
        hinges = ((B**2 + c) * both - 2 * B * density(B) * tail(B * mp.sqrt((1 - c) / (1 + c)))
                  + mp.sqrt(1 - c * c) * mp.exp(-B**2 / (1 + c)) / (2 * pi))
    else:
        hinges = mpf(0)
    i = mp.mpc(0, 1)
    wave = mp.exp(i * G - F**2 / 2)
    hinge_wave = mp.re(wave * ((i * F * c - B) * tail(B - i * F * c) + density(B - i * F * c)))
    hinge_wave_slope = mp.re(wave * i * F * tail(B - i * F * c))
    plus, minus = mp.exp(-F**2 * (1 + c)), mp.exp(-F**2 * (1 - c))
    waves = (minus + plus * mp.cos(2 * G)) / 2
    waves_slope = F**2 * (minus - plus * mp.cos(2 * G)) / 2
    line_wave = mp.re(wave * i * F)  # E[z' cos] over c, of which C c is a factor below
    mean_hinge = density(B) - B * tail(B)
    mean_wave = mp.re(wave)
    value = (A**2 * hinges + 2 * A * E * hinge_wave + E**2 * waves + C**2 * c + D**2
             + 2 * A * C * c * tail(B) + 2 * A * D * mean_hinge + 2 * C * E * c * line_wave + 2 * D * E * mean_wave)
    slope = (A**2 * both + 2 * A * E * hinge_wave_slope + E**2 * waves_slope + C**2
             + 2 * A * C * tail(B) + 2 * C * E * line_wave)
    return value, slope


def check_mimic():
    mean = A * (density(B) - B * tail(B)) + D + E * mp.re(mp.exp(mp.mpc(0, 1) * G - F**2 / 2))
    assert abs(mimic(mpf(1), mpf(0))[0] - mean**2) < mpf(10)**-50
    for c in (mpf('-0.6'), mpf('0.3'), mpf('0.8')):
        h = mpf(10)**-18
        quotient = (mimic(mpf(1), c + h)[0] - mimic(mpf(1), c - h)[0]) / (2 * h)
        assert abs(quotient - mimic(mpf(1), c)[1]) < mpf(10)**-28, c


@functools.lru_cache(None)
def at_one(dual, q):
    return dual(q, q)


def ntk(dual, depth, w2, b2, c):
    """The NTK of a net of unit readout without bias on inputs of norm sqrt d."""
    q, k = w2 + b2, w2 * c + b2
    t = k
    for layer in range(depth):
        if layer == depth - 1:
            w2, b2 = mpf(1), mpf(0)
        top, _ = at_one(dual, q)
        value, slope = dual(q, k)
        q, k = w2 * top + b2, w2 * value + b2
        t = w2 * t * slope + k
    return t


def matern(c):
    x = mp.sqrt(6 * (1 - c))
    return (1 + x) * mp.exp(-x)


KERNELS = {
    'gaussian_s1': lambda c: mp.exp(-(1 - c)),
    'relu4_ntk': lambda c: ntk(relu, 4, mpf(2.0000000000000004), mpf(0.010000000000000002), c),
    'laplace_s1': lambda c: mp.exp(-mp.sqrt(2 * (1 - c))),
    'matern32': matern,
    'erf2_ntk': lambda c: ntk(erf, 2, mpf(2.25), mpf(0.09), c),
    'half_sin6_ntk': lambda c: ntk(half_sin6, 1, mpf(1), mpf(0), c),
    'mimic_ntk': lambda c: ntk(mimic, 1, mpf(1), mpf(0), c),
    'kink': lambda c: abs(c - mpf('0.3')),
    'jump': lambda c: mpf(1) if c > mpf('0.3') else mpf(0),
}
SMOOTH = ('gaussian_s1', 'erf2_ntk', 'half_sin6_ntk')


@functools.lru_cache(4)
def nodes(n):
    """Gauss-Legendre on [-1, 1]."""
    out = []
    for i in range(n):
        x = mp.cos(pi * (i + mpf(3) / 4) / (n + mpf(1) / 2))
        while True:
            p, before = x, mpf(1)
            for m in range(1, n):
                before, p = p, ((2 * m + 1) * x * p - m * before) / (m + 1)
            slope = n * (x * p - before) / (x * x - 1)
            x, step = x - p / slope, p / slope
            if abs(step) < mpf(10)**-35:
                break
        p, before = x, mpf(1)
        for m in range(1, n):
            before, p = p, ((2 * m + 1) * x * p - m * before) / (m + 1)
        slope = n * (x * p - before) / (x * x - 1)
        out.append((x, 2 / ((1 - x * x) * slope**2)))
    return out


def angles(panels):
    """Angles and weights over [0, pi], in panels of which one ends where the cosine is 0.3."""
    kink = mp.acos(mpf('0.3'))
    first = int(round(panels * float(kink / pi)))
    edges = [kink * i / first for i in range(first)] + [kink + (pi - kink) * i / (panels - first)
                                                       for i in range(panels - first + 1)]
    return [((a + b) / 2 + (b - a) / 2 * x, (b - a) / 2 * w) for a, b in zip(edges, edges[1:]) for x, w in nodes(40)]


def harmonics(points, dim):
    """For each degree P_k times the weights of the integral, at the points."""
    cosines = [mp.cos(t) for t, _ in points]
    weights = [w * mp.sin(t)**(dim - 2) for t, w in points]
    total = sum(weights)
    before, p = [mpf(0)] * len(points), [w / total for w in weights]
    out = []
    for k in range(DEGREES[-1] + 1):
        out.append(p)
        before, p = p, ([c * x for c, x in zip(cosines, p)] if k == 0 else
                        [((2 * k + dim - 2) * c * x - k * y) / (k + dim - 2) for c, x, y in zip(cosines, p, before)])
    return out


def multiplicity(dim, k):
    return mp.binomial(k + dim - 1, k) - (mp.binomial(k + dim - 3, k - 2) if k > 1 else 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-o', default='sphere50.json')
    args = parser.parse_args()
    check_mimic()
    coarse, fine = angles(24), angles(31)
    values = {name: [[K(mp.cos(t)) for t, _ in points] for points in (coarse, fine)] for name, K in KERNELS.items()}
    cases = []
    for dim in DIMS:
        weights = [harmonics(points, dim) for points in (coarse, fine)]
        for name, K in KERNELS.items():
            other, out = ([mp.fdot(p, v) for p in w] for w, v in zip(weights, values[name]))
            worst = max(abs(x - y) for x, y in zip(out, other))
            assert worst < mpf(10)**-45, (name, dim, worst)
            if name not in ('kink', 'jump'):
                missing = K(mpf(1)) - sum(multiplicity(dim, k) * v for k, v in enumerate(out))
                assert missing > -mpf(10)**-40 * multiplicity(dim, 200), (name, dim, missing)
                if name in SMOOTH and dim < 10:
                    assert missing < mpf(10)**-25, (name, dim, missing)
            cases.append({'domain': 'sphere', 'size': dim, 'kernel': name, 'degrees': DEGREES,
                          'eigenvalues': [float(out[k]) for k in DEGREES]})
        print(dim, flush=True)
    with open(args.o, 'w') as f:
        f.write('{"about": "Eigenvalues of kernels on S^{size-1}, written by sphere50.py; to 1e-45 of K(1)",\n"cases": [\n')
        f.write(',\n'.join(json.dumps(c) for c in cases))
        f.write('\n]}\n')


main()
