#!/usr/bin/env python3
"""Writes duals.json: Gaussian expectations of sums of atoms, and of their derivatives.

    pip install 'mpmath>=1.3' gmpy2      (gmpy2 only for speed)
    python3 duals.py [-o duals.json]

The atoms are those of the package: waves Re c z^m e^{-αz²+βz} and gates c z^m (Φ((z-b)/τ) - l). Every parameter,
variance and gap is a float64 number and enters at its exact binary value. A pair is (q, q2, gap, side): with
s = √(q q2), side 1 is k = s - gap and side -1 is k = gap - s.

No bivariate closed form is used. With a wave, the inner mean over u of u^m e^{-αu²+βu} at given v is a polynomial times
an exponential of v, and the outer a moment of one normal number, real or complex. Two gates are an integral over u of
the first times the inner mean of the second, by Gauss-Legendre panels that end at steps and shrink towards where a gate
opens; at three pairs of each function the panels are asserted to agree with others to 1e-18. All at 50 digits, rounded to
float64 in the end. About five minutes.

A row is q, q2, gap, side and, for the value and then the derivative, E[f(u)f(v)] and √(E[f(u)²] E[f(v)²]); null for a
derivative with Dirac impulses.
"""

import argparse
import functools
import json
import sys

import mpmath
from mpmath import mp, mpc, mpf

mp.dps = 50


# ---- Atoms: waves (c, m, alpha, beta) and gates (c, m, b, tau, less) ----


def wave(c, m=0, alpha=0, beta=0):
    return ("wave", mpc(c), m, mpf(alpha), mpc(beta))


def gate(c, m=0, b=0, tau=0, less=0):
    return ("gate", mpf(c), m, mpf(b), mpf(tau), mpf(less))


def prime(atoms):
    """φ' but for Dirac impulses, which must cancel or the derivative is None."""
    out, jumps = [], {}
    for a in atoms:
        if a[0] == "wave":
            _, c, m, alpha, beta = a
            if m:
                out.append(("wave", c * m, m - 1, alpha, beta))
            out += [("wave", c * beta, m, alpha, beta), ("wave", -2 * alpha * c, m + 1, alpha, beta)]
            continue
        _, c, m, b, tau, less = a
        if m:
            out.append(("gate", c * m, m - 1, b, tau, less))
        if tau == 0:
            jumps[b] = jumps.get(b, 0) + c * b**m
        else:
            density = c / (tau * mp.sqrt(2 * mp.pi)) * mp.exp(-b * b / (2 * tau * tau))
            out.append(("wave", mpc(density), m, 1 / (2 * tau * tau), mpc(b / (tau * tau))))
    if any(abs(j) > mpf(10)**-14 for j in jumps.values()):
        return None
    return [a for a in out if a[1] != 0]


def tail(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def powers(mean, variance, n):
    """E[x^i], i ≤ n, of a normal number."""
    out = [mpf(1)]
    for i in range(1, n + 1):
        out.append(mean * out[-1] + ((i - 1) * variance * out[-2] if i > 1 else 0))
    return out


def gated(mean, variance, n, b, tau, less):
    """E[x^i (Φ((x-b)/τ) - l)], i ≤ n."""
    y = variance + tau * tau
    if y == 0:
        at = mpf(mean > b) if mean != b else mpf(1) / 2
        return [x * (at - less) for x in powers(mean, variance, n)]
    z = (b - mean) / mp.sqrt(y)
    out = [tail(z) - less]
    if n:
        density = mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi * y)
        at = powers(mean + variance / y * (b - mean), variance * tau * tau / y, n)
        for i in range(1, n + 1):
            out.append(mean * out[-1] + ((i - 1) * variance * out[-2] if i > 1 else 0) + variance * density * at[i - 1])
    return out


def one(q, n, alpha, beta, g=None):
    """E[v^i e^{-αv²+βv} g(v)], i ≤ n, var v = q; g is 1 or a gate."""
    d = 1 + 2 * alpha * q
    mean, variance = beta * q / d, q / d
    factor = mp.exp(beta * mean / 2) / mp.sqrt(d)
    return [factor * x for x in (gated(mean, variance, n, *g) if g else powers(mean, variance, n))]


def wave_dual(w, a, q, k, q2):
    """E[w(u) a(v)] of a complex wave w and a gate or complex wave a."""
    _, c, m, alpha, beta = w
    kappa, s2 = k / q2, q - k * k / q2
    d = 1 + 2 * alpha * s2
    # u at given v, under the wave, is normal with mean x0 + x1 v and variance s2/d
    x0, x1, variance = beta * s2 / d, kappa / d, s2 / d
    factor = c * mp.exp(beta * beta * s2 / (2 * d)) / mp.sqrt(d)
    poly = [[mpf(1)]]  # E[u^i|v] by powers of v
    for i in range(1, m + 1):
        p = [mpf(0)] * (i + 1)
        for j, x in enumerate(poly[-1]):
            p[j] += x0 * x
            p[j + 1] += x1 * x
        if i > 1:
            for j, x in enumerate(poly[-2]):
                p[j] += (i - 1) * variance * x
        poly.append(p)
    alpha2, beta2 = alpha * kappa * kappa / d, beta * kappa / d
    if a[0] == "wave":
        _, c2, m2, alpha3, beta3 = a
        v = one(q2, m + m2, alpha2 + alpha3, beta2 + beta3)
    else:
        _, c2, m2 = a[:3]
        v = one(q2, m + m2, alpha2, beta2, a[3:])
    return factor * c2 * sum(x * v[m2 + j] for j, x in enumerate(poly[m]))


@functools.lru_cache(None)
def legendre(n):
    x = mpmath.calculus.quadrature.GaussLegendre(mp)
    nodes = [(mpf(t), mpf(w)) for t, w in x.calc_nodes(n, mp.prec)]
    return nodes


@functools.lru_cache(None)
def gates_table(g, m, g2, n, q, k, q2, finer=0):
    """E[u^i G(u) v^j G2(v)], i ≤ m, j ≤ n, of gates (b, τ, l)."""
    b, tau, less = g
    b2, tau2, less2 = g2
    s, s2 = mp.sqrt(q), q2 - k * k / q
    if s2 < mpf(10)**-40 * q2:
        s2 = mpf(0)
    far = s * mp.sqrt(b * b / q + 240) if abs(b) < 30 * s else s * 16
    breaks = [x * s for x in (-6, -3, -1.5, 0, 1.5, 3, 6)]
    steps = (1, 2, 3.5, 6, 10) if not finer else (0.8, 1.6, 2.6, 4, 6, 8, 11)
    breaks += [b] + [b + x * (tau or s / 4) * e for x in steps for e in (1, -1)]
    if k:
        at, width = b2 * q / k, mp.sqrt(s2 + tau2 * tau2) * q / abs(k)
        breaks += [at] + [at + x * width * e for x in steps for e in (1, -1)]
    breaks = sorted({-far, far} | {x for x in breaks if abs(x) < far})
    out = [[mpf(0)] * (n + 1) for _ in range(m + 1)]
    nodes = legendre(4 + finer)
    for lo, hi in zip(breaks, breaks[1:]):
        mid, half = (lo + hi) / 2, (hi - lo) / 2
        for t, w in nodes:
            u = mid + half * t
            open = (tail((b - u) / tau) if tau else mpf(u > b)) - less
            if not open:
                continue
            f = half * w * mp.exp(-u * u / (2 * q)) / (mp.sqrt(2 * mp.pi) * s) * open
            inner = gated(k / q * u, s2, n, b2, tau2, less2)
            for i in range(m + 1):
                for j in range(n + 1):
                    out[i][j] += f * inner[j]
                f *= u
    return out


def gates_moment(a, b, most, q, k, q2, finer):
    """E[a(u) b(v)] of two gates, from a table up to the powers most."""
    if (a[3:], a[2]) > (b[3:], b[2]) and q == q2:
        a, b = b, a
    table = gates_table(a[3:], most[a[3:]], b[3:], most[b[3:]], q, k, q2, finer)
    return a[1] * b[1] * table[a[2]][b[2]]


def dual(f, most, q, k, q2, finer=0):
    """E[f(u) f(v)]; most is the largest power of each gate."""
    total = mpf(0)
    for a in f:
        for b in f:
            if a[0] == "wave" and b[0] == "wave":
                conj = ("wave", mp.conj(b[1]), b[2], b[3], mp.conj(b[4]))
                total += (wave_dual(a, b, q, k, q2) + wave_dual(a, conj, q, k, q2)).real / 2
            elif a[0] == "wave":
                total += wave_dual(a, b, q, k, q2).real
            elif b[0] == "wave":
                total += wave_dual(b, a, q2, k, q).real
            else:
                total += gates_moment(a, b, most, q, k, q2, finer)
    return total


# ---- What is computed ----


def gelu(c, s, b):
    """c GELU(s (z - b)), s > 0."""
    return [gate(c * s, 1, b, 1 / s), gate(-c * s * b, 0, b, 1 / s)]


def hinge(c, b, less=0):
    """c relu(z - b); less = 1 is -c relu(b - z)."""
    return [gate(c, 1, b, 0, less), gate(-c * b, 0, b, 0, less)]


def sine(c, f, phase=0.0):
    sin, cos = float(mp.sin(phase)), float(mp.cos(phase))
    return wave(complex(c * sin, -c * cos), 0, 0, complex(0, f))


R = float(mp.sqrt(0.5))
FUNCTIONS = {
    "gelu": gelu(1, 1, 0),
    "gelu moved": gelu(2, 2, 0.25) + [wave(0.1)],
    "gelu and erf": gelu(1, 1, 0) + [gate(2, 0, 0, R, 0.5)],
    "erf moved": [gate(2, 0, -0.7, R, 0.5)],
    "two erfs": [gate(2, 0, -0.5, R, 0.5), gate(2, 0, 0.25, 0.25, 0.5), wave(0.3)],
    "relu moved": hinge(1, 0.5) + hinge(-0.7, -0.25),
    "relu and gelu": hinge(1, 0.25) + gelu(1, 0.5, -0.5),
    "mimic": hinge(1.5, 0.75) + [wave(0.25, 1), wave(0.5), sine(0.25, 6, 0.5)],
    "square": [gate(1, 2, -0.5), gate(1, 1, -0.5), gate(0.25, 0, -0.5)],
    "cube below": [gate(1, 3, 0, 0, 1), gate(1, 0, 0.5, 1, 0)],
    "sixth power": [gate(1, 6, 0), gate(3, 2, 0, 0.5)],
    "sines": [sine(1, 1), sine(0.5, 3, 0.25), sine(0.25, 2, 1)],
    "gabor": [wave(-1j, 0, 1, 1j)],
    "bumps": [wave(1, 0, 1, 1), wave(-0.5, 0, 0.25), wave(0.5j, 1, 0.5, 0.5j), sine(0.5, 2)],
    "erf and sine": [gate(2, 0, 0, R, 0.5), sine(1, 1)],
    "relu and sine": hinge(1, 0) + [sine(1, 2)],
    "gelu and wave": gelu(1, 1, 0.5) + [sine(1, 2, 0.5), wave(0.5, 0, 0.5, 0.25)],
    "polynomial": [wave(0.25), wave(1, 1), wave(-0.5, 2), wave(0.125, 3)] + gelu(1, 1, -0.25),
    "exponential": [wave(1, 0, 0, 0.5), wave(0.5, 0, 0, -0.25)] + hinge(1, 0.5) + gelu(1, 1, 0),
    "design": hinge(0.7, 0.5) + gelu(0.5, 1.25, -0.2) + [wave(0.5, 0, 0.5, 0.25), sine(0.3, 4), wave(0.2, 1)],
    "tail": hinge(1, 5),
    "tails": hinge(1, 3) + hinge(-1, -2, 1),
    "tail of gelu": gelu(1, 1, 5),
    "gelu less relu": gelu(1, 1, 0) + [gate(-1, 1)],
    "z less erf": [wave(1, 1), gate(-float(mp.sqrt(2 * mp.pi)), 0, 0, 1, 0.5)],
    "cosine less 1": [wave(1, 0, 0, 1j), wave(-1)],
    "sign and relu": [gate(2, 0, 0, 0, 0.5), gate(1, 1)],
    "square beside sine": [gate(1, 2), sine(1, 1)],
    "cube and erf beside sine": [gate(1, 3), gate(2, 0, 0, R, 0.5), sine(1, 6)],
    "gelu beside sine": gelu(1, 1, 0) + [sine(1, 1)],
    "square moved beside sine": [gate(1, 2, -0.5), gate(1, 1, -0.5), gate(0.25, 0, -0.5), sine(1, 2, 0.5)],
    "square beside gabor": [gate(1, 2), wave(-1j, 0, 1, 1j)],
}

CORRELATIONS = [(1, 0), (1, 1e-12), (1, 1e-9), (1, 1e-6), (1, 1e-3), (1, 0.03), (1, 0.1), (1, 0.5), (1, 1), (-1, 0.6),
                (-1, 0.05), (-1, 1e-6), (-1, 1e-12), (-1, 0)]
EVERY, FEW = list(range(len(CORRELATIONS))), [0, 2, 4, 6, 9, 11, 13]
VARIANCES = ([(q, q, EVERY) for q in (1.0, 1e12)] + [(q, q, FEW) for q in (1e-12, 1e-6, 0.01, 1e6)]
             + [(q, q2, FEW) for q, q2 in ((1e-12, 1e12), (1e3, 0.5), (1e-4, 1e3), (1.0, 1 + 2.0**-30), (1e12, 1.5e12))])
# where a sine is as small as its argument, and the cosine beside it is not
BESIDE = [(q, q2, FEW) for q, q2 in ((5e-17, 2e-7), (1e-12, 1e12), (1e-12, 1.0), (1e-16, 1e-4), (0.1, 1e-16), (1e-28, 1e-28),
                                     (1e-20, 1e3), (1.0, 0.5))]


def code(a):
    numbers = [[float(x.real), float(x.imag)] if isinstance(x, mpc) else float(x) for x in a[1:]]
    return {"kind": a[0], "numbers": numbers}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default="duals.json")
    parser.add_argument("--only")
    args = parser.parse_args()
    functions = []
    for name, f in FUNCTIONS.items():
        if args.only and name not in args.only.split(","):
            continue
        d = prime(f)
        most = {}
        for a in f:
            if a[0] == "gate":
                most[a[3:]] = max(a[2], most.get(a[3:], 0))
        tops = {}

        def top(h, q):
            key = (h is f, q)
            if key not in tops:
                tops[key] = dual(h, most, q, q, q)
            return tops[key]
        rows = []
        for q, q2, which in BESIDE if "beside" in name else VARIANCES:
            if name == "exponential" and max(q, q2) > 100:
                continue
            for i in which:
                side, rho = CORRELATIONS[i]
                a, b = mpf(q), mpf(q2)
                s = mp.sqrt(a * b)
                gap = float(rho * s)
                k = side * (s - mpf(gap))
                row = [q, q2, gap, side]
                for h in (f, d):
                    if h is None:
                        row += [None, None]
                        continue
                    x, scale = dual(h, most, a, k, b), mp.sqrt(top(h, a) * top(h, b))
                    row += [float(x), float(scale)]
                    if (q, q2) in ((1.0, 1.0), (1e12, 1.5e12), (1.0, 0.5)) and i in (2, 6, 9):
                        y = dual(h, most, a, k, b, 1)
                        assert abs(x - y) < mpf(10)**-18 * scale, (name, q, q2, i, x, y)
                rows.append(row)
            gates_table.cache_clear()
        functions.append({"name": name, "atoms": [code(a) for a in f], "pairs": rows})
        print(name, file=sys.stderr, flush=True)
    with open(args.o, "w") as out:
        out.write("[\n")
        out.write(",\n".join(
            "{\"name\": %s, \"atoms\": %s, \"pairs\": [\n%s\n]}" % (
                json.dumps(f["name"]), json.dumps(f["atoms"]), ",\n".join(json.dumps(p) for p in f["pairs"]))
            for f in functions))
        out.write("\n]\n")


if __name__ == "__main__":
    main()
