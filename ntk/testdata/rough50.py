#!/usr/bin/env python3
"""Writes rough50.json: dual activations and kernels far from the unit sphere, to 25 digits.

    pip install 'mpmath>=1.3' gmpy2      (gmpy2 only for speed)
    python3 rough50.py [-o rough50.json]

Variances from 1e-12 to 1e12, equal and unequal, correlations up to 1 - 1e-12 and ±1, nets of up to 50 layers. Parameters,
variances and covariances are float64 numbers and enter at their exact binary values; a covariance is the float64 number
nearest to ρ√(q q2), or the largest that is not beyond √(q q2), and what is written belongs to that number.

An activation is written as Σ c z^m Φ((z-b)/τ) (a gate; τ = 0 is a step at b) and Σ c z^m exp(-α z² + β z) (a wave, β
complex). E of a product of two such terms under a normal law follows exactly: a wave tilts the law, Stein's identity lowers
the powers, the derivative of a gate is a wave, and what is left is 1, a normal distribution function or the probability of
an orthant, which is an integral over an angle of an entire function (Gauss-Legendre panels). All with 100 digits, nets of long sums with 60, of gelu_even 260.

tanh, sigmoid, softplus, SiLU are two-dimensional quadrature in panels that shrink towards their poles, 28 digits.

Before anything is written, these are asserted: every activation's terms are the function itself; its duals are those of
quadrature of φ(u) E[φ(v)|u], with the inner means of duals50.py, at points of very unequal sizes, 25 digits; the orthant
with other panels and more digits; the panels in two dimensions against the trapezoidal rule of duals50.py; nets on the unit
sphere against duals50.py, deep ones against fewer digits; known values of deep GELU nets; and the inequality of Cauchy and
Schwarz for all that is written. About 10 minutes.
"""

import argparse
import json
import math
import random
import sys
import time

from mpmath import mp, mpc, mpf

import duals50
from duals50 import Act, affine, float_below_root, logistic, nodes, plus

mp.dps = 100

# ---- Terms ----


class Gate:
    """c z^m Φ((z-b)/τ)."""

    def __init__(self, c, m=0, b=0, tau=0):
        self.c, self.m, self.b, self.tau = mpf(c), m, mpf(b), mpf(tau)

    def __call__(self, z):
        if self.tau:
            on = duals50.cdf((z - self.b) / self.tau)
        else:
            on = mpf(z > self.b)
        return self.c * z**self.m * on

    def slope(self):
        out = [Gate(self.c * self.m, self.m - 1, self.b, self.tau)] if self.m else []
        if self.tau:
            t2 = self.tau**2
            peak = self.c * mp.exp(-self.b**2 / (2 * t2)) / (self.tau * mp.sqrt(2 * mp.pi))
            out.append(Wave(peak, self.m, 1 / (2 * t2), self.b / t2))
        return out

    def jump(self):
        return 0 if self.tau else self.c * self.b**self.m

    def of(self, s, t):
        """Terms of the same at s z + t."""
        out = []
        for j in range(self.m + 1):
            c = self.c * math.comb(self.m, j) * s**j * t**(self.m - j)
            if not c:
                continue
            b, tau = (self.b - t) / s, self.tau / abs(s)
            if s > 0:
                out.append(Gate(c, j, b, tau))
            else:
                out += [Wave(c, j), Gate(-c, j, b, tau)]
        return out


class Wave:
    """c z^m exp(-alpha z² + beta z)."""

    def __init__(self, c, m=0, alpha=0, beta=0):
        self.c, self.m, self.alpha, self.beta = c if isinstance(c, mpc) else mpf(c), m, mpf(alpha), beta

    def __call__(self, z):
        return self.c * z**self.m * mp.exp(z * (self.beta - self.alpha * z))

    def slope(self):
        c, m, a, b = self.c, self.m, self.alpha, self.beta
        out = []
        if m:
            out.append(Wave(c * m, m - 1, a, b))
        if b:
            out.append(Wave(c * b, m, a, b))
        if a:
            out.append(Wave(-2 * a * c, m + 1, a, b))
        return out

    def jump(self):
        return 0

    def of(self, s, t):
        out = []
        whole = mp.exp(t * (self.beta - self.alpha * t))
        for j in range(self.m + 1):
            c = self.c * whole * math.comb(self.m, j) * s**j * t**(self.m - j)
            if c:
                out.append(Wave(c, j, self.alpha * s * s, s * (self.beta - 2 * self.alpha * t)))
        return out


def times(a, terms):
    out = []
    for t in terms:
        if isinstance(t, Gate):
            out.append(Gate(a * t.c, t.m, t.b, t.tau))
        else:
            out.append(Wave(a * t.c, t.m, t.alpha, t.beta))
    return out


def changed(terms, a, s, t, b=0):
    """a φ(s z + t) + b."""
    a, s, t, b = mpf(a), mpf(s), mpf(t), mpf(b)
    out = [x for term in terms for x in times(a, term.of(s, t))]
    return out + ([Wave(b)] if b else [])


def merged(terms):
    """Terms of one kind together, those that cancel left out."""
    sums = {}
    for t in terms:
        key = ("g", t.m, t.b, t.tau) if isinstance(t, Gate) else ("w", t.m, t.alpha, mpc(t.beta))
        sums[key] = sums.get(key, 0) + t.c
    out = []
    for key, c in sums.items():
        if abs(c) < mpf(10)**(30 - mp.dps) * max(abs(t.c) for t in terms):
            continue
        if key[0] == "g":
            out.append(Gate(c, *key[1:]))
        else:
            out.append(Wave(c, key[1], key[2], key[3] if key[3].imag else key[3].real))
    return out


# ---- Expectations of products of terms ----


def exponent(h, k, t):
    """-(h² + k² - 2 h k sin t)/(2 cos² t), without cancellation at either end."""
    s, c = mp.sin(t), mp.cos(t)
    if s > 0:
        return -(h - k)**2 / (2 * c * c) - h * k / (1 + s)
    return -(h + k)**2 / (2 * c * c) + h * k / (1 - s)


def arc(h, k, a, b, more=0):
    """1/2π ∫ exp(exponent) from a to b in [-π/2, π/2]; the integrand rises up to sin t = min/max and falls after it."""
    n = int(mp.dps / 1.4) + more
    cuts = [a, b]
    ratio = k / h if abs(h) > abs(k) else h / k
    if abs(ratio) < 1 and a < mp.asin(ratio) < b:
        cuts.insert(1, mp.asin(ratio))
    half = mp.pi / 2
    tiny = mpf(10)**(-mp.dps)

    def at(t):
        if half - abs(t) < tiny:
            return -h * k / 2 if h == k and t > 0 else h * k / 2 if h == -k and t < 0 else mp.ninf
        return exponent(h, k, t)
    todo = [(x, y, at(x), at(y)) for x, y in zip(cuts, cuts[1:]) if y > x]
    if not todo:
        return mpf(0)
    least = max(max(e, f) for _, _, e, f in todo) - mp.dps * mp.log(10) - 20
    total = mpf(0)
    while todo:
        x, y, e, f = todo.pop()
        if max(e, f) + mp.log(y - x) < least:
            continue
        room = half - y if h != k else 2 * half
        if h != -k:
            room = min(room, x + half)
        if (y - x > mpf("0.9") * room or abs(e - f) > 20) and y - x > tiny:
            m = (x + y) / 2
            em = at(m)
            todo += [(x, m, e, em), (m, y, em, f)]
            continue
        for u, w in duals50.rule(n):
            total += w * (y - x) / 2 * mp.exp(exponent(h, k, (x + y) / 2 + (y - x) / 2 * u))
    return total / (2 * mp.pi)


def orthant(h, k, cov, det, more=0):
    """P(x > h, y > k) of standard normals with correlation cov/√(cov²+det)."""
    t = mp.atan2(cov, mp.sqrt(det))
    if h == 0 and k == 0:
        return mpf(1) / 4 + t / (2 * mp.pi)
    # from the end where the probability is known and fewer panels lie between
    half, gap = mp.pi / 2, abs(h - k) if t > 0 else abs(h + k)
    if half - abs(t) < mp.sqrt(gap / 30):
        if t > 0:
            return duals50.cdf(-max(h, k)) - arc(h, k, t, half, more)
        return max(mpf(0), duals50.cdf(-h) - duals50.cdf(k)) + arc(h, k, -half, t, more)
    return duals50.cdf(-h) * duals50.cdf(-k) + (arc(h, k, mpf(0), t, more) if t > 0 else -arc(h, k, t, mpf(0), more))


def distribution(x, var, known):
    """Φ(x/√var), its limit ½ where both are 0; x may be complex."""
    if var == 0:
        return mpf(1) / 2 if x == 0 else mpf(x > 0)
    if mp.im(x) < 0:
        return mp.conj(distribution(mp.conj(x), var, known))
    if (x, var) not in known:
        known[x, var] = mp.erfc(-x / mp.sqrt(2 * var)) / 2
    return known[x, var]


def moment(i, j, mean, cov, gates, known):
    """E[u^i v^j Π gates] for (u, v) normal; gates = (None or (b, τ²), the same for v)."""
    if i == 0 and j > 0:
        return moment(j, 0, mean[::-1], (cov[2], cov[1], cov[0]), gates[::-1], known)
    g, g2 = gates
    q, k, q2 = cov
    if i == 0:
        if g is None and g2 is None:
            return mpf(1)
        if g is None:
            return distribution(mean[1] - g2[0], q2 + g2[1], known)
        if g2 is None:
            return distribution(mean[0] - g[0], q + g[1], known)
        a, b = q + g[1], q2 + g2[1]
        h, h2 = (g[0] - mean[0]) / mp.sqrt(a), (g2[0] - mean[1]) / mp.sqrt(b)
        det = a * b - k * k
        assert det > -mpf(10)**-40 * a * b, (cov, gates)
        if det < mpf(10)**(10 - mp.dps) * a * b:
            det = mpf(0)
            if abs(abs(h) - abs(h2)) < mpf(10)**(10 - mp.dps) * abs(h):
                h2 = h if h * h2 > 0 else -h
        if (h, h2, k, det) not in known:
            known[h, h2, k, det] = orthant(h, h2, k, det)
        return known[h, h2, k, det]
    total = mean[0] * moment(i - 1, j, mean, cov, gates, known) if mean[0] else mpf(0)
    if i > 1 and q:
        total += q * (i - 1) * moment(i - 2, j, mean, cov, gates, known)
    if j > 0 and k:
        total += k * j * moment(i - 1, j - 1, mean, cov, gates, known)
    if g is not None and q:
        total += q * bump(i - 1, j, mean, cov, gates, known)
    if g2 is not None and k:
        total += k * bump(j, i - 1, mean[::-1], (q2, k, q), gates[::-1], known)
    return total


def bump(i, j, mean, cov, gates, known):
    """The same with the derivative of the first gate in its place: a normal density in u."""
    q, k, q2 = cov
    b, tau2 = gates[0]
    a, x = q + tau2, b - mean[0]
    after = q - q * q / a, k - k * q / a, q2 - k * k / a
    if tau2 == 0:
        after = mpf(0), mpf(0), after[2]
    if after[2] < mpf(10)**(10 - mp.dps) * q2:
        after = after[0], mpf(0), mpf(0)
    moved = mean[0] + q * x / a, mean[1] + k * x / a
    if gates[1] is not None and abs(moved[1] - gates[1][0]) < mpf(10)**(10 - mp.dps) * abs(gates[1][0]):
        moved = moved[0], gates[1][0]
    inner = moment(i, j, moved, after, (None, gates[1]), known)
    return mp.exp(-x * x / (2 * a)) / mp.sqrt(2 * mp.pi * a) * inner


def product(s, t, q, k, q2, known):
    """E[s(u) t(v)], with the digits more that exponents need."""
    size = sum(abs(x.beta)**2 * y for x, y in ((s, q), (t, q2)) if isinstance(x, Wave))
    with mp.extraprec(max(0, int(mp.mag(size))) if size else 0):
        return tilted(s, t, q, k, q2, known)


def tilted(s, t, q, k, q2, known):
    mean, cov, factor = (mpf(0), mpf(0)), (q, k, q2), s.c * t.c
    gates = tuple((x.b, x.tau**2) if isinstance(x, Gate) else None for x in (s, t))
    waves = [(x.alpha, x.beta) if isinstance(x, Wave) else (mpf(0), mpf(0)) for x in (s, t)]
    (a, b), (a2, b2) = waves
    if a or b or a2 or b2:
        # cov (1 + A cov)^-1 and the rest of the completed square, A = 2 diag(a, a2)
        det = q * q2 - k * k
        d = 1 + 2 * a * q + 2 * a2 * q2 + 4 * a * a2 * det
        cov = (q + 2 * a2 * det) / d, k / d, (q2 + 2 * a * det) / d
        mean = cov[0] * b + cov[1] * b2, cov[1] * b + cov[2] * b2
        factor *= mp.exp((b * mean[0] + b2 * mean[1]) / 2) / mp.sqrt(d)
    return factor * moment(s.m, t.m, mean, cov, gates, known)


class Sum:
    """An activation: its terms, and the Act of duals50.py that it is checked against.

    soft: the places near which it varies, and how near, 0 for a kink or jump; fast: the highest frequency of waves that go
    on for ever; jumps: φ' is no function.
    """

    numeric = False

    def __init__(self, terms, act, soft=(), fast=0, jumps=False):
        self.act, self.soft, self.fast, self.jumps = act, [(mpf(x), mpf(w)) for x, w in soft], mpf(fast), jumps
        self.terms, self.prime = merged(terms), None
        if not jumps:
            places = {}
            for t in self.terms:
                if isinstance(t, Gate):
                    places[t.b] = places.get(t.b, 0) + t.jump()
            assert all(abs(x) < mpf(10)**(20 - mp.dps) for x in places.values())
            self.prime = merged([x for t in self.terms for x in t.slope()])
        self.shifted = any(isinstance(t, Gate) and t.b for t in self.terms)  # slower

    def dual(self, q, k, q2):
        edge = q if q == q2 else mp.sqrt(q * q2)
        k, known, out = max(-edge, min(edge, k)), {}, []  # rounding may carry k over it
        for terms in (self.terms, self.prime):
            if terms is None:
                out.append(None)
                continue
            total = mpf(0)
            for i, s in enumerate(terms):
                for j, t in enumerate(terms):
                    if q == q2 and i > j:
                        continue
                    twice = 2 if q == q2 and i < j else 1
                    total += twice * mp.re(product(s, t, q, k, q2, known))
            out.append(total)
        return tuple(out)


def of(f, a, s, t, b=0):
    """a f(s z + t) + b."""
    a, s, t, b = mpf(a), mpf(s), mpf(t), mpf(b)
    return Sum(changed(f.terms, a, s, t, b), affine(f.act, a, s, t, b), [((x - t) / s, w / abs(s)) for x, w in f.soft],
               f.fast * abs(s), f.jumps)


def add(*fs):
    return Sum([t for f in fs for t in f.terms], plus(*(f.act for f in fs)), [x for f in fs for x in f.soft],
               max(f.fast for f in fs), any(f.jumps for f in fs))


def power_mean(n, m, g2):
    """E[relu(m + √g2 y)^n]."""
    if g2 == 0:
        return max(m, mpf(0))**n if n else mpf(m > 0)
    t = m / mp.sqrt(g2)
    before, last = duals50.cdf(t), m * duals50.cdf(t) + mp.sqrt(g2) * duals50.pdf(t)
    for j in range(2, n + 1):
        before, last = last, m * last + (j - 1) * g2 * before
    return last if n else before


def rectified(n):
    act = Act(lambda z: power_mean(n, z, 0), lambda z: n * power_mean(n - 1, z, 0) if n else mpf(0),
              lambda m, g2: power_mean(n, m, g2), lambda m, g2: n * power_mean(n - 1, m, g2) if n else mpf(0), [0],
              rough=n == 0)
    return Sum([Gate(1, n)], act, [(0, 0)], jumps=n == 0)


def waves(a, f, g, cosine=False):
    """a sin(f z + g), or a cos(f z + g)."""
    act = duals50.trig(a, f, g, cosine)
    a, f, g = mpf(a), mpf(f), mpf(g)
    unit = mp.expj(g) * a / 2 * (1 if cosine else mpc(0, -1))
    return Sum([Wave(unit, 0, 0, mpc(0, f)), Wave(mp.conj(unit), 0, 0, mpc(0, -f))], act, fast=f)


def powers(c):
    c = [mpf(x) for x in c]
    return Sum([Wave(x, m) for m, x in enumerate(c) if x], duals50.polynomial(c))


def hermite(b, scale=1):
    h, before, out = [mpf(1)], [], [mpf(0)] * len(b)
    for k, x in enumerate(b):
        for m, v in enumerate(h):
            out[m] += mpf(x) * v / mpf(scale)**m
        following = [mpf(0)] + [v / mp.sqrt(k + 1) for v in h]
        for m, v in enumerate(before):
            following[m] -= v * mp.sqrt(mpf(k) / (k + 1))
        h, before = following, h
    return powers(out)


def bell(rate):
    f = Act(lambda z: duals50.gauss_mean(z, 0), lambda z: duals50.gauss_dmean(z, 0), duals50.gauss_mean, duals50.gauss_dmean)
    root = mp.sqrt(mpf(rate))
    return Sum([Wave(1, 0, rate)], affine(f, 1, root, 0), [(0, 1 / (2 * root))])


ROOT2 = mp.sqrt(2)
relu, step = rectified(1), rectified(0)
erf = Sum([Gate(2, 0, 0, 1 / ROOT2), Wave(-1)], duals50.erf, [(0, 1)])
gelu = Sum([Gate(1, 1, 0, 1)], duals50.gelu, [(0, 1)])
gabor = Sum([Wave(mpc(0, -0.5), 0, 1, mpc(0, 1)), Wave(mpc(0, 0.5), 0, 1, mpc(0, -1))],
            Act(lambda z: duals50.gabor_mean(z, 0), lambda z: duals50.gabor_dmean(z, 0), duals50.gabor_mean,
                duals50.gabor_dmean), [(0, 0.5)])


def exponential(b):
    return Sum([Wave(1, 0, 0, mpf(b))], duals50.exponential(b))


def hinges(p, n):
    """p z for z > 0, n z for z < 0."""
    return add(of(relu, p, 1, 0), of(relu, -mpf(n), -1, 0))


def mimic(a, b, c, d, e, f, g):
    return add(of(relu, a, 1, -mpf(b)), powers([d, c]), waves(e, f, g, cosine=True))


def formula(slope, offset, *terms):
    """A formula of package design: its terms' kinds and numbers."""
    out = [powers([offset, slope])]
    for kind, a, b, c in terms:
        a, b, c = mpf(a), mpf(b), mpf(c)
        out.append({"relu": lambda: of(relu, a, 1, -b), "reflected relu": lambda: of(relu, a, -1, b),
                    "cos": lambda: waves(a, b, c, cosine=True), "gaussian": lambda: of(bell(1 / (2 * c * c)), a, 1, -b),
                    "erf": lambda: of(erf, a, c, -b * c), "gelu": lambda: of(gelu, a, c, -b * c)}[kind]())
    return add(*out)


class Smooth:
    """tanh and its like: analytic in a strip around the real axis."""

    numeric, jumps, shifted, terms = True, False, False, ()

    def __init__(self, act):
        self.act = act

    def dual(self, q, k, q2):
        with mp.workdps(36):
            if max(q, q2) <= 4:
                return duals50.strip(self.act, q, k, q2, digits=30)
            return strip_panels(self.act, q, k, q2)


def strip_panels(f, q, k, q2, limit=11, n=20):
    """Gauss-Legendre panels in two dimensions, finer towards the poles. The panels in v = βx + γy are the same for every x,
    and the normal density of y at v the product of one exponential for a panel and one for a node."""
    pole, scale, phi, dphi = f.pole
    if q > q2:
        q, q2 = q2, q
    alpha, beta, g2 = duals50.split(q, k, q2)
    if g2 < mpf(10)**(8 - mp.dps) * q2:
        g2 = mpf(0)
    gamma = mp.sqrt(g2)

    def both(z):
        r = 1 / (1 + mp.exp(-scale * z))
        return phi(z, r), dphi(z, r)

    def outer():
        soft = [(mpf(0), pole / alpha)] if alpha else []
        if beta:
            soft.append((mpf(0), mp.sqrt(pole**2 + g2) / abs(beta)))
        return nodes(mpf(limit), mpf(1), [mpf(0)], soft, n)
    if gamma < mpf("0.2"):  # the density of v is narrow where φ is smooth: the trapezoidal rule
        h = mpf("0.42")
        ys = [(gamma * i * h, h * duals50.pdf(i * h)) for i in range(-27, 28)] if gamma else [(mpf(0), mpf(1))]
        value = derivative = mpf(0)
        for x, w in outer():
            a = b = mpf(0)
            for y, wy in ys:
                p, d = both(beta * x + y)
                a += wy * p
                b += wy * d
            p, d = both(alpha * x)
            value += w * p * a
            derivative += w * d * b
        return value, derivative
    reach = limit * (gamma + abs(beta))
    cells = []
    for a, b in duals50.panels(reach, gamma, [mpf(0)], [(mpf(0), pole)]):
        inner = []
        for t, w in duals50.rule(n):
            v = (a + b) / 2 + (b - a) / 2 * t
            p, d = both(v)
            w = w * (b - a) / 2 * mp.exp(-v * v / (2 * g2)) / (gamma * mp.sqrt(2 * mp.pi))
            inner.append((w * p, w * d))
        cells.append(((a + b) / 2, (b - a) / 2, [x for x, _ in inner], [x for _, x in inner]))
    ts = [t for t, _ in duals50.rule(n)]
    value = derivative = mpf(0)
    for x, w in outer():
        c = beta * x / g2
        middle, steps = beta * x, {}
        va = vb = mpf(0)
        for m, half, ps, ds in cells:
            if abs(m - middle) - half > limit * gamma:
                continue
            if half not in steps:
                steps[half] = [mp.exp(c * half * t) for t in ts]
            e, own = steps[half], mp.exp(c * m)
            va += own * mp.fdot(ps, e)
            vb += own * mp.fdot(ds, e)
        shrink = w * mp.exp(-middle * c / 2)
        p, d = both(alpha * x)
        value += shrink * p * va
        derivative += shrink * d * vb
    return value, derivative


SQRT2 = math.sqrt(2)
KINK = add(of(relu, 1, 1, -mpf(0.3)), of(relu, 1, -1, mpf(0.3)), of(erf, 0.5, 1, 0))

# key: (formula, φ)
ACTIVATIONS = {
    "relu": ("max(z,0)", relu),
    "two_slope": ("1.3 z for z>0, -0.4 z for z<0", hinges(1.3, -0.4)),
    "abs": ("|z|", hinges(1, -1)),
    "leaky_relu": ("z for z>0, 0.1 z for z<0", hinges(1, 0.1)),
    "rectified1": ("max(z,0)", relu),
    "rectified2": ("max(z,0)^2", rectified(2)),
    "rectified3": ("max(z,0)^3", rectified(3)),
    "rectified4": ("max(z,0)^4", rectified(4)),
    "step": ("1 for z>0, 0 for z<0", step),
    "sign": ("1 for z>0, -1 for z<0", of(step, 2, 1, 0, -1)),
    "erf": ("erf(z)", erf),
    "sigmoid_erf": ("1/2 + erf(z/2.4020563531719796)/2", of(erf, 0.5, 1 / mpf(2.4020563531719796), 0, 0.5)),
    "gelu": ("z Phi(z)", gelu),
    "exp": ("0.8 exp(0.5 z)", of(exponential(0.5), 0.8, 1, 0)),
    "gaussian": ("exp(-z^2)", bell(1)),
    "gaussian_wide": ("1.2 exp(-0.3 z^2)", of(bell(0.3), 1.2, 1, 0)),
    "gabor": ("exp(-z^2) sin(z)", gabor),
    "sin": ("0.5 sin(6 z)", waves(0.5, 6, 0)),
    "sin_phase": ("0.7 sin(2 z + 0.4)", waves(0.7, 2, 0.4)),
    "cos": ("cos(z)", waves(1, 1, 0, cosine=True)),
    "cos_phase": ("0.9 cos(0.3 z + 1.1)", waves(0.9, 0.3, 1.1, cosine=True)),
    "gaussian_feature": ("A sin(1.3 z + B), A and B the float64 values of sqrt(2) and pi/4", waves(SQRT2, 1.3, math.pi / 4)),
    "polynomial": ("0.3 - z + 0.5 z^2 + 0.1 z^3", powers([0.3, -1, 0.5, 0.1])),
    "hermite": ("0.2 + 0.5 h_1 - 0.3 h_2 + 0.4 h_3 + 0.1 h_4 at z", hermite([0.2, 0.5, -0.3, 0.4, 0.1])),
    "hermite_scaled": ("0.2 + 0.5 h_1 - 0.3 h_2 + 0.4 h_3 + 0.1 h_4 at z/2", hermite([0.2, 0.5, -0.3, 0.4, 0.1], 2)),
    "mimic": ("the published mimic", mimic(3.8001579818118927, 1.0600013769145225, 0.09680930566346302, 0.9010060417094072,
                                           -0.07936104642025432, 11.810565331593281, 0.9340552512015492)),
    "tanh": ("tanh(z)", Smooth(duals50.ACTIVATIONS["tanh"][1])),
    "sigmoid": ("1/(1+exp(-z))", Smooth(duals50.ACTIVATIONS["sigmoid"][1])),
    "softplus": ("log(1+exp(z))", Smooth(duals50.ACTIVATIONS["softplus"][1])),
    "silu": ("z/(1+exp(-z))", Smooth(duals50.ACTIVATIONS["silu"][1])),
    "gelu_and_erf": ("gelu(z) + erf(z)", add(gelu, erf)),
    "relu_gelu_cos": ("max(z,0) + gelu(z) + cos(z)", add(relu, gelu, waves(1, 1, 0, cosine=True))),
    "gelu_even": ("gelu(z) + gelu(-z)", add(gelu, of(gelu, 1, -1, 0))),
    "step_and_gelu": ("step(z) + gelu(z)", add(step, gelu)),
    "exp_and_erf": ("0.8 exp(0.5 z) + erf(z)", add(of(exponential(0.5), 0.8, 1, 0), erf)),
    "gaussian_and_relu": ("exp(-z^2) + max(z,0)", add(bell(1), relu)),
    "cubic_and_erf": ("0.3 - z + 0.5 z^2 + 0.1 z^3 + erf(z)", add(powers([0.3, -1, 0.5, 0.1]), erf)),
    "gabor_and_gelu": ("exp(-z^2) sin(z) + gelu(z)", add(gabor, gelu)),
    "gelu_affine": ("2 gelu(1.5 z - 0.5) + 0.1", of(gelu, 2, 1.5, -0.5, 0.1)),
    "gelu_steep": ("gelu(1000 z + 0.25)", of(gelu, 1, 1000, 0.25)),
    "gelu_flat": ("1000 gelu(z/1024 - 0.5)", of(gelu, 1000, 2.0**-10, -0.5)),
    "gelu_large": ("1e6 gelu(z)", of(gelu, 1e6, 1, 0)),
    "erf_shifted": ("erf(z + 0.7)", of(erf, 1, 1, 0.7)),
    "erf_steep": ("3 erf(-512 z + 2) + 1", of(erf, 3, -512, 2, 1)),
    "relu_shifted": ("max(z-1,0)", of(relu, 1, 1, -1)),
    "relu_reflected": ("max(0.5-z,0) - 0.2", of(relu, 1, -1, 0.5, -0.2)),
    "rectified2_shifted": ("max(z+0.5,0)^2", of(rectified(2), 1, 1, 0.5)),
    "leaky_relu_shifted": ("3 z + 2 for z + 2/3 > 0, a tenth of that below", of(hinges(1, 0.1), 1, 3, 2)),
    "design_hinges": ("0.1 z + 0.9 + 2 relu(z-0.5) - 0.7 relu(-0.25-z) + 0.3 cos(4 z+1)",
                      formula(0.1, 0.9, ("relu", 2, 0.5, 0), ("reflected relu", -0.7, -0.25, 0), ("cos", 0.3, 4, 1))),
    "design_smooth": ("-0.2 z + 1.5 gelu(2(z-0.5)) - 0.7 erf(0.5(z+1))",
                      formula(-0.2, 0, ("gelu", 1.5, 0.5, 2), ("erf", -0.7, -1, 0.5))),
    "design_all": ("0.5 z - 0.1 + 0.8 relu(z-0.75) + 0.4 cos(2 z+0.5) + 0.6 exp(-(z+0.5)^2/(2 0.5^2)) + 0.3 erf(2(z-0.25)) "
                   "+ 0.7 gelu(z+0.5)",
                   formula(0.5, -0.1, ("relu", 0.8, 0.75, 0), ("cos", 0.4, 2, 0.5), ("gaussian", 0.6, -0.5, 0.5),
                           ("erf", 0.3, 0.25, 2), ("gelu", 0.7, -0.5, 1))),
    "custom_kink": ("|z-0.3| + 0.5 erf(z), as a function of its own", KINK),
}

# ---- Checks ----


def covariance(rho, q, q2):
    """The float64 number nearest to ρ√(q q2) that is not beyond the root."""
    edge = float_below_root(q, q2)
    return max(-edge, min(edge, float(mpf(rho) * mp.sqrt(mpf(q) * mpf(q2)))))


def one_less(digits):
    return 1 - mpf(10)**-digits


def graded(f, q, k, q2, limit=12, n=18):
    """E[φ(u)φ(v)] and E[φ'(u)φ'(v)] by panels in u that shrink towards where φ or its inner mean varies, 25 digits."""
    if q > q2:
        q, q2 = q2, q
    alpha, beta, g2 = duals50.split(q, k, q2)
    if g2 < mpf(10)**(8 - mp.dps) * q2:
        g2 = mpf(0)
    ends, soft = [], []
    for x, w in f.soft:
        for slope, width in ((alpha, w), (beta, mp.sqrt(w * w + g2))):
            if slope and abs(x / slope) < limit:
                ends.append(x / slope)
                if width:
                    soft.append((x / slope, width / abs(slope)))
    limit += max([abs(x) for x in ends] + [mpf(0)])  # of a function that is 0 up to there
    length = 1 / max(1, f.fast * max(alpha, abs(beta)))
    value = derivative = mpf(0)
    for x, w in nodes(mpf(limit), length, sorted(set(ends)), soft, n):
        value += w * f.act.phi(alpha * x) * f.act.mean(beta * x, g2)
        if not f.jumps:
            derivative += w * f.act.dphi(alpha * x) * f.act.dmean(beta * x, g2)
    return value, None if f.jumps else derivative


CHECKS = [(1e-12, mpf(0.5), 2e-12), (1e-2, mpf(1), 1e-2 * (1 + 1e-4)), (0.7, -one_less(6), 1100.0), (30.0, mpf(-0.5), 60.0),
          (1e4, one_less(9), 1e4 * (1 + 1e-9)), (1e8, -one_less(12), 1e8), (1e12, one_less(3), 1e12), (3.0, one_less(12), 3e12)]


def check(key, f):
    """Terms against the function, duals against quadrature."""
    for z in (mpf(-2), mpf(-0.1), mpf(0.45), mpf(7)):
        want = f.act.phi(z)
        assert abs(sum(t(z) for t in f.terms) - want) <= mpf(10)**-60 * max(1, abs(want)), (key, z)
        if f.prime is not None:
            want = f.act.dphi(z)
            assert abs(sum(t(z) for t in f.prime) - want) <= mpf(10)**-60 * max(1, abs(want)), (key, z)
    rate = max([abs(mp.re(t.beta)) for t in f.terms if isinstance(t, Wave) and not t.alpha] + [mpf(0)])
    for q, rho, q2 in CHECKS:
        most = math.sqrt(max(q, q2))
        if f.fast * most > 150 or rate * most > 2:
            continue
        k = covariance(rho, q, q2)
        q, k, q2 = mpf(q), mpf(k), mpf(q2)
        got = f.dual(q, k, q2)
        with mp.workdps(36):
            want = graded(f, q, k, q2)
        top, top2 = f.dual(q, q, q), f.dual(q2, q2, q2)
        for i in range(2):
            if got[i] is None:
                continue
            scale = mp.sqrt(top[i] * top2[i])
            assert abs(got[i] - want[i]) <= mpf(10)**-25 * scale, (key, q, k, q2, i, got[i], want[i], scale)
    if not rate:  # exponents that take up all digits
        q, out = mpf(10)**40, []
        for digits in (60, 100):
            with mp.workdps(digits):
                out.append(f.dual(q, q * (1 - mpf(2)**-30), q))
        top = f.dual(q, q, q)
        assert all(x is None or abs(x - y) <= mpf(10)**-35 * z for x, y, z in zip(*out, top)), (key, out)


def check_orthant():
    for h, k, cov, det in ((1, 1, 1, 1e-9), (-3, 2, 1, 1e-20), (1e3, 1e3, 2, 1), (-40, 0.5, -1, 1e-6), (1e6, 1, 3, 1),
                           (5, -5, -1, 1e-12), (1e-9, 2e-9, 1, 1e-10), (-1e-12, 3, -0.4, 1), (0.25, 0.25, -1, 1e-30)):
        h, k, cov, det = mpf(h), mpf(k), mpf(cov), mpf(det)
        one, two = orthant(h, k, cov, det), orthant(h, k, cov, det, 31)
        with mp.workdps(130):
            three = orthant(h, k, cov, det)
        scale = mp.sqrt(duals50.cdf(-h) * duals50.cdf(-k))
        for other in (two, three):
            assert abs(one - other) <= mpf(10)**(12 - mp.dps) * scale, (h, k, cov, det, one, other)


def check_smooth(key, f):
    """Panels against the trapezoidal rule of duals50.py, and at a large variance against other panels."""
    with mp.workdps(36):
        for q, k, q2 in ((4, 2, 3), (4, 3.999, 4)):
            got = strip_panels(f.act, mpf(q), mpf(k), mpf(q2))
            want = duals50.strip(f.act, mpf(q), mpf(k), mpf(q2), digits=33)
            assert all(abs(x - y) <= mpf(10)**-25 * 3 for x, y in zip(got, want)), (key, got, want)
        got = strip_panels(f.act, mpf(700), mpf(699), mpf(2500))
        want = strip_panels(f.act, mpf(700), mpf(699), mpf(2500), limit=12, n=28)
        assert all(abs(x - y) <= mpf(10)**-25 * s for x, y, s in zip(got, want, (1000, 1))), (key, got, want)


def check_known():
    """NTK and NNGP kernel of deep GELU nets on the unit sphere, and φ̇ at large variances."""
    for depth, w, c, ntk, nngp in ((50, 1.5, mpf("0.999"), "16608.17761", "303.98"), (50, 1.5, one_less(9), "21742.05234", None),
                                   (10, 2.0, one_less(5), "11650.14805", None)):
        got = next(curve(gelu, w, 0.3, 1.0, 1.0, [float(c)], [depth]))
        for x, want in ((got["ntk"][0], ntk), (got["nngp"][0], nngp)):
            assert want is None or abs(x - mpf(want)) <= mpf(10)**-(len(want) - want.index(".") - 1), (depth, w, c, x, want)
    for q, want in ((1e8, ".5000056270"), (1e10, ".5000005627"), (1e12, ".5000000563")):
        assert abs(gelu.dual(mpf(q), mpf(q), mpf(q))[1] - mpf(want)) < mpf("6e-11")


def check_nets():
    """Nets on the unit sphere against those of duals50.py, whose duals are other code; deep ones with fewer digits."""
    for key, depth in (("relu", 15), ("gelu", 15), ("erf", 4), ("gabor", 2), ("polynomial", 2), ("gelu_affine", 1)):
        cosines = [-0.5, 0.3, 1 - 1e-6, 1.0]
        got = next(curve(ACTIVATIONS[key][1], 1.5, 0.3, 1.0, 1.0, cosines, [depth]))
        nngp, ntk = duals50.kernels(duals50.ACTIVATIONS[key][1], 1.5, 0.3, [depth], cosines)[depth]
        for mine, theirs in ((got["nngp"], nngp), (got["ntk"], ntk)):
            for x, y in zip(mine, theirs):
                assert abs(x - y) <= mpf(10)**-28 * abs(theirs[-1]), (key, depth, x, y)
    for key, q2 in (("gelu", 1 + 1e-6), ("relu_shifted", 1.0), ("gabor", 1 + 1e-6), ("mimic", 1.0)):
        ks = [0.5, covariance(one_less(9), 1.0, q2), covariance(1, 1.0, q2)]
        one, two = [], []
        for digits, out in ((100, one), (70, two)):
            with mp.workdps(digits):
                net = next(curve(ACTIVATIONS[key][1], 1.0 if key == "relu_shifted" else 1.5, 0.3, 1.0, q2, ks, [50]))
                out += [x / net["ntkScale"] for x in net["ntk"]] + [x / net["scale"] for x in net["nngp"]]
        assert all(abs(x - y) <= mpf(10)**-25 for x, y in zip(one, two)), (key, one, two)


# ---- What is written ----

LEAST = [3, 6, 9, 12]
RHOS = ([mpf(1), mpf(-1), mpf(0), mpf(0.5), mpf(-0.5)] + [one_less(n) for n in LEAST] + [-one_less(n) for n in LEAST])
VARIANCES = [1e-12, 1e-6, 1e-2, 1.0, 30.0, 1e4, 1e8, 1e12]
SMALLER = [1e-12, 1e-6, 1e-2, 1.0, 30.0, 100.0, 1000.0, 2500.0]  # of e^z, tanh and its like
RATIOS = [1 + 1e-9, 1 + 1e-4, 2.0, 1e3, 1e12]


def variances_of(key, f):
    return SMALLER if f.numeric or key in ("exp", "exp_and_erf") else VARIANCES


def bounded(values, scale):
    """The values, which Cauchy and Schwarz bound by the scale."""
    for x in values:
        assert abs(x) <= scale * (1 + mpf(10)**-24), (x, scale)
    return values


def digits(x, scale):
    if x is None:
        return None
    if x == 0 or abs(x) < mpf(10)**-45 * scale:
        return "0"
    return mp.nstr(x, 25, min_fixed=-3, max_fixed=20)


def pairs(key, f, count):
    """q, k, q2 of a selection with every variance and every correlation."""
    r = random.Random("pairs of " + key)
    most = variances_of(key, f)
    qs, rhos = r.sample(most, len(most)), r.sample(RHOS, len(RHOS))
    out = []
    for i in range(count):
        q, rho, ratio = qs[i % len(qs)], rhos[i % len(rhos)], 1.0
        if i % 2:
            ratio = r.choice(RATIOS)
        q2 = q * ratio if q * ratio <= most[-1] else q / ratio
        if key == "custom_kink" and max(q, q2) > 1e4:
            q, q2 = min(q, 1e4), min(q2, 1e4)
        if r.random() < 0.5:
            q, q2 = q2, q
        out.append((q, covariance(rho, q, q2), q2))
    return sorted(set(out))


def dual_records(key, f, count):
    tops = {}
    for q, k, q2 in pairs(key, f, count):
        for x in (q, q2):
            if x not in tops:
                tops[x] = f.dual(mpf(x), mpf(x), mpf(x))
        got = tops[q] if q == k == q2 else f.dual(mpf(q), mpf(k), mpf(q2))
        scales = [None if x is None else mp.sqrt(x * y) for x, y in zip(tops[q], tops[q2])]
        for x, scale in zip(got, scales):
            assert x is None or bounded([x], scale)
        yield {"activation": key, "q": q, "k": k, "q2": q2, "value": digits(got[0], scales[0]),
               "derivative": digits(got[1], scales[1]), "scale": digits(scales[0], 0), "slopeScale": digits(scales[1], 0),
               "largest": mp.nstr(max(tops[q][0], tops[q2][0]), 5)}


def curve(f, w, b, q, q2, ks, depths, most=mpf(10)**100):
    """Kernels of the nets of these depths, readout 1 and 0, at (q, k, q2)."""
    w2, b2 = mpf(w)**2, mpf(b)**2
    at = [mpf(q), mpf(q2)] + [mpf(k) for k in ks]
    S = [w2 * x + b2 for x in at]
    T, largest = S[:], mpf(0)
    for layer in range(1, max(depths) + 1):
        p, p2 = S[:2]
        duals = [f.dual(p, p, p)]
        duals.append(f.dual(p2, p2, p2) if p2 != p else duals[0])
        duals += [duals[0] if s == p == p2 else f.dual(p, s, p2) for s in S[2:]]
        nngp = [value for value, _ in duals]
        ntk = None if f.jumps else [value + t * d for (value, d), t in zip(duals, T)]
        largest = max(largest, p, p2, *nngp[:2])
        if max(nngp[:2]) > most or ntk and max(ntk[:2]) > most:
            return
        if layer in depths:
            scale, ntk_scale = mp.sqrt(nngp[0] * nngp[1]), ntk and mp.sqrt(ntk[0] * ntk[1])
            yield {"depth": layer, "largest": largest, "scale": scale, "ntkScale": ntk_scale,
                   "nngp": bounded(nngp[2:], scale), "ntk": ntk and bounded(ntk[2:], ntk_scale)}
        S = [w2 * x + b2 for x in nngp]
        if ntk:
            T = [w2 * x + b2 for x in ntk]


STDS = [(1.0, 0.0), (1.0, 0.3), (1.5, 0.0), (1.5, 0.3), (2.0, 0.0), (2.0, 0.3), (3.0, 0.0), (3.0, 0.3)]
INPUTS = [(1.0, 1.0), (1.0, 2.0), (1.0, 1 + 1e-6), (1e4, 3e4), (1e-6, 1e-6), (1e8, 1e8)]
GROWING = ("exp", "exp_and_erf")


def net_records(key, f, count):
    r = random.Random("nets of " + key)
    stds, inputs = r.sample(STDS, len(STDS)), r.sample(INPUTS, len(INPUTS))
    inputs.remove((1.0, 1.0))
    inputs.insert(0, (1.0, 1.0))
    if key == "gelu":
        stds = [(1.5, 0.3), (2.0, 0.3)] + stds
    for i in range(count):
        (w, b), (q, q2) = stds[i % len(stds)], inputs[i % len(inputs)]
        depths = [1, 5, 15, 50]
        if len(f.terms) > 9:
            depths = [1, 5, 15]
        if f.numeric:
            (w, b), (q, q2), depths = [((1.5, 0.3), (1.0, 1.0), [1, 3]), ((1.0, 0.0), (1.0, 2.0), [1, 3]),
                                       ((2.0, 0.3), (1e-6, 1e-6), [1, 2])][i]
        if key in GROWING:
            w, (q, q2) = [1.0, 0.5, 1.0, 0.75][i % 4], [(1.0, 1.0), (1.0, 2.0), (1e-6, 1e-6), (1.0, 1 + 1e-6)][i % 4]
        if key == "custom_kink" and max(q, q2) > 100:
            q, q2 = 10.0, 30.0
        rhos = [mpf(1), one_less(9)] + r.sample(RHOS[1:], 3 if count < 6 else 5)
        ks = sorted({covariance(rho, q, q2) for rho in rhos})
        # gelu_even is a difference of its terms near 0, down to 1e-92 of them after five layers
        with mp.workdps(260 if key == "gelu_even" else 60 if f.shifted and len(f.terms) > 4 else mp.dps):
            found = list(curve(f, w, b, q, q2, ks, depths))
        for net in found:
            if key == "custom_kink" and net["largest"] > 1e4:  # as it is made
                break
            yield {"activation": key, "weightStd": w, "biasStd": b, "q": q, "q2": q2, "k": ks, "depth": net["depth"],
                   "largest": mp.nstr(net["largest"], 5), "scale": digits(net["scale"], 0),
                   "ntkScale": digits(net["ntkScale"], 0),
                   "nngp": [digits(x, net["scale"]) for x in net["nngp"]],
                   "ntk": net["ntk"] and [digits(x, net["ntkScale"]) for x in net["ntk"]]}


ABOUT = ("Dual activations E[phi(u)phi(v)], E[phi'(u)phi'(v)] for variances q, q2 and covariance k, with the geometric means "
         "of their values at (q, q, q) and (q2, q2, q2) (scale, slopeScale) and the larger of those of phi (largest); NNGP "
         "kernel and NTK of fully connected nets (NTK "
         "parameterization, hidden weightStd and biasStd, readout 1 and 0) for |x|^2/d = q, x.z/d = k, |z|^2/d = q2, with the "
         "geometric means of the kernels of x and z with themselves (scale, ntkScale) and the largest variance in the net "
         "(largest). Inputs and parameters are float64 "
         "numbers taken exactly; results have 25 digits relative to the scale. null: infinite at equal inputs. Made and "
         "cross-checked by rough50.py.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default="rough50.json")
    parser.add_argument("-only", default="")
    parser.add_argument("-unchecked", action="store_true")
    args = parser.parse_args()
    start = time.time()
    duals, nets = [], []
    if not args.unchecked:
        check_orthant()
        check_known()
        check_nets()
    for key, (_, f) in ACTIVATIONS.items():
        if args.only and key not in args.only.split(","):
            continue
        if not args.unchecked:
            (check_smooth if f.numeric else check)(key, f)
        duals += dual_records(key, f, 24 if f.numeric else 34)
        nets += net_records(key, f, 3 if f.numeric or f.shifted else 6)
        print(f"{time.time() - start:6.1f} s  {key}", file=sys.stderr, flush=True)
    formulas = {key: formula for key, (formula, _) in ACTIVATIONS.items()}
    with open(args.o, "w") as out:
        out.write("{\n\"about\": " + json.dumps(ABOUT) + ",\n\"formulas\": " + json.dumps(formulas, indent=1))
        out.write(",\n\"duals\": [\n")
        out.write(",\n".join(json.dumps(c) for c in duals))
        out.write("\n],\n\"nets\": [\n")
        out.write(",\n".join(json.dumps(p) for p in nets))
        out.write("\n]}\n")


if __name__ == "__main__":
    main()
