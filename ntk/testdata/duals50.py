#!/usr/bin/env python3
"""Writes duals50.json: infinite-width kernels and dual activations to 25 digits.

    pip install 'mpmath>=1.3' gmpy2      (gmpy2 only for speed)
    python3 duals50.py [-o duals50.json]

Every parameter, cosine, variance and covariance is a float64 number and enters at its exact binary value, so that 0.1
is 0.1000000000000000055...; constants of a definition (the √2 in Φ, the √6 of h_3) are exact.

Three routes to E[φ(u)φ(v)] and E[φ'(u)φ'(v)], for (u, v) normal with variances q, q2 and covariance k:

  closed  a closed form at 90 digits, where there is one;
  line    ∫ φ(u) E[φ(v)|u], the inner mean in closed form, by Gauss-Legendre panels that end at the kinks of φ and shrink
          towards where the inner mean bends sharply; 30 digits;
  plane   quadrature of φ(u)φ(v) itself in two dimensions. For tanh and its like, analytic in a strip and without
          closed inner mean, this is the trapezoidal rule, whose error falls exponentially: 25 digits or more.

A number comes from the first route that its activation has. Before anything is written, closed is asserted equal to
line at every pair below to 1e-30, line or the trapezoidal rule to itself with more and other nodes, and each activation's
route to plane quadrature that knows φ and φ' alone at one point, to 1e-15. About 8 minutes.

The kernels follow the recursion S, T of the NTK parameterization with readout 1, 0.
"""

import argparse
import functools
import json
import math
import sys
import time

import mpmath
from mpmath import mp, mpf

mp.dps = 90

COSINES = [-1.0, -1 + 2.0**-40, -1 + 1e-6, -0.999, -0.9, -0.5, -0.1, 0.0,
           0.3, 0.7, 0.95, 0.999, 1 - 1e-6, 1 - 2.0**-40, 1 - 2.0**-52, 1.0]
FEW = [-1.0, -1 + 1e-6, -0.9, -0.5, 0.0, 0.3, 0.7, 0.95, 1 - 1e-6, 1.0]


def float_below_root(q, q2):
    """The largest float64 ≤ √(q q2)."""
    x = math.sqrt(q * q2)
    while mpf(x)**2 > mpf(q) * mpf(q2):
        x = math.nextafter(x, 0)
    while mpf(math.nextafter(x, math.inf))**2 <= mpf(q) * mpf(q2):
        x = math.nextafter(x, math.inf)
    return x


EDGE = float_below_root(0.3, 2.0)
PAIRS = [(0.14, 0.2, 2.5), (4.0, -1.5, 0.6), (2.0, 1.99, 2.0), (0.3, EDGE, 2.0), (0.3, -EDGE, 2.0), (0.0, 0.0, 1.7),
         (16.5, 1.0, 0.3), (16.5, -2.0, 0.3), (2.0, 2.0, 2.0), (1.7, -1.7, 1.7), (1e-6, -9e-7, 2e-6)]
CHECK = (0.8, -0.35, 1.1)  # where plane quadrature is compared

pi = mp.pi


@functools.lru_cache(16)
def normal(x, prec):
    """The normal density and distribution function; φ and φ' want them at the same x."""
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi), mp.erfc(-x / mp.sqrt(2)) / 2


def pdf(x):
    return normal(x, mp.prec)[0]


def cdf(x):
    return normal(x, mp.prec)[1]


# ---- Activations: value, derivative, and their means over N(m, g2) ----


class Act:
    """φ with kinks; mean(m, g2) = E[φ(m + √g2 y)], dmean the same of φ'. rate: 1/rate is a scale on which φ varies."""

    def __init__(self, phi, dphi, mean=None, dmean=None, kinks=(), rate=1, closed=None, rough=False, pole=None):
        self.phi, self.dphi, self.mean, self.dmean = phi, dphi, mean, dmean
        self.kinks, self.rate, self.closed = [mpf(x) for x in kinks], rate, closed
        self.rough = rough  # φ jumps: φ' is no function
        self.pole = pole  # for tanh and its like: (nearest pole, scale, φ and φ' from the logistic function)

    def dual(self, q, k, q2):
        if self.closed:
            return self.closed(q, k, q2)
        if self.mean:
            with mp.workdps(45):
                return line(self, q, k, q2)
        with mp.workdps(40):
            return strip(self, q, k, q2)


def affine(f, a, b, c, d=0):
    """a f(b z + c) + d."""
    a, b, c, d = mpf(a), mpf(b), mpf(c), mpf(d)
    return Act(lambda z: a * f.phi(b * z + c) + d, lambda z: a * b * f.dphi(b * z + c),
               lambda m, g2: a * f.mean(b * m + c, b * b * g2) + d, lambda m, g2: a * b * f.dmean(b * m + c, b * b * g2),
               [(x - c) / b for x in f.kinks], f.rate * abs(b), rough=f.rough)


def plus(*fs):
    return Act(lambda z: sum(f.phi(z) for f in fs), lambda z: sum(f.dphi(z) for f in fs),
               lambda m, g2: sum(f.mean(m, g2) for f in fs), lambda m, g2: sum(f.dmean(m, g2) for f in fs),
               sorted({x for f in fs for x in f.kinks}), max(f.rate for f in fs), rough=any(f.rough for f in fs))


def closing(f, closed):
    f.closed = closed
    return f


def rectified_mean(n, m, g2):
    if g2 == 0:
        return (mpf(m > 0) if n == 0 else max(m, mpf(0))**n)
    g = mp.sqrt(g2)
    t = m / g
    if n == 0:
        return cdf(t)
    P, p = cdf(t), g * pdf(t)
    return [None, m * P + p, (m * m + g2) * P + m * p, (m**3 + 3 * m * g2) * P + (m * m + 2 * g2) * p][n]


def rectified(n):
    """relu(z)^n, the step function for n = 0."""
    def phi(z):
        return mpf(z > 0) * z**n

    def dphi(z):
        return n * mpf(z > 0) * z**(n - 1) if n else mpf(0)
    return Act(phi, dphi, lambda m, g2: rectified_mean(n, m, g2),
               lambda m, g2: n * rectified_mean(n - 1, m, g2) if n else mpf(0), [0], rough=n == 0)


def angle(q, k, q2):
    """sin θ and θ for cos θ = k/√(q q2)."""
    s = mp.sqrt(q * q2)
    d = mp.sqrt(max(mpf(0), (s - k) * (s + k)))
    return d / s, mp.atan2(d, k)


def slopes(p, m):
    """p z for z > 0, m z for z < 0; as (p+m)/2 z + (p-m)/2 |z|."""
    p, m = mpf(p), mpf(m)
    a, b = (p + m) / 2, (p - m) / 2

    def closed(q, k, q2):
        if q == 0 or q2 == 0:
            return mpf(0), None  # the derivative depends on what φ'(0) is called
        s, (sine, theta) = mp.sqrt(q * q2), angle(q, k, q2)
        asin = pi / 2 - theta
        return a * a * k + b * b * 2 / pi * (s * sine + k * asin), a * a + b * b * 2 / pi * asin
    return closing(plus(affine(rectified(1), p, 1, 0), affine(rectified(1), -m, -1, 0)), closed)


def arccosine(n, q, k, q2):
    """E[relu(u)^n relu(v)^n]."""
    if q == 0 or q2 == 0:
        return mpf(0)
    s, (sine, theta) = mp.sqrt(q * q2), angle(q, k, q2)
    c, psi = k / s, pi - theta
    j = [psi, sine + psi * c, 3 * sine * c + psi * (1 + 2 * c * c),
         psi * (9 * sine**2 * c + 15 * c**3) + 4 * sine**3 + 15 * sine * c * c][n]
    return s**n * j / (2 * pi)


def rectified_closed(n):
    return closing(rectified(n), lambda q, k, q2: (arccosine(n, q, k, q2), n * n * arccosine(n - 1, q, k, q2)))


def step_closed(q, k, q2):
    return (arccosine(0, q, k, q2) if q * q2 else None), None


def sign_closed(q, k, q2):
    return (2 / pi * (pi / 2 - angle(q, k, q2)[1]) if q * q2 else mpf(0)), None


def erf_mean(m, g2):
    return mp.erf(m / mp.sqrt(1 + 2 * g2))


def erf_dmean(m, g2):
    s2 = 1 + 2 * g2
    return 2 / mp.sqrt(mp.pi * s2) * mp.exp(-m * m / s2)


def erf_closed(q, k, q2):
    d = mp.sqrt((1 + 2 * q) * (1 + 2 * q2) - 4 * k * k)
    return 2 / pi * mp.atan2(2 * k, d), 4 / (pi * d)


def gelu_mean(m, g2):
    s = mp.sqrt(1 + g2)
    return m * cdf(m / s) + g2 / s * pdf(m / s)


def gelu_dmean(m, g2):
    s = mp.sqrt(1 + g2)
    return cdf(m / s) + m / s**3 * pdf(m / s)


def gelu_closed(q, k, q2):
    # F = E[Φ(u)Φ(v)], P = E[p(u)p(v)] with p the density; the rest by Stein's lemma
    d = (1 + q) * (1 + q2) - k * k
    F = mpf(1) / 4 + mp.atan2(k, mp.sqrt(d)) / (2 * pi)
    P = 1 / (2 * pi * mp.sqrt(d))
    r = 1 / (1 + q) + 1 / (1 + q2)
    return k * F + P * (q * q2 + k * k * (r - 1)), F + k * P * (r + 1 / d)


def trig(a, f, g, cosine=False):
    """a sin(f z + g), or a cos(f z + g)."""
    a, f = mpf(a), mpf(f)
    g = mpf(g) + (pi / 2 if cosine else 0)

    def closed(q, k, q2):
        less, more = mp.exp(-f * f * (q + q2 - 2 * k) / 2), mp.exp(-f * f * (q + q2 + 2 * k) / 2) * mp.cos(2 * g)
        return a * a / 2 * (less - more), (a * f)**2 / 2 * (less + more)

    def mean(m, g2):
        return a * mp.exp(-f * f * g2 / 2) * mp.sin(f * m + g)

    def dmean(m, g2):
        return a * f * mp.exp(-f * f * g2 / 2) * mp.cos(f * m + g)
    return Act(lambda z: mean(z, 0), lambda z: dmean(z, 0), mean, dmean, rate=max(1, f), closed=closed)


def exponential(b):
    b = mpf(b)

    def closed(q, k, q2):
        e = mp.exp(b * b * (q + q2 + 2 * k) / 2)
        return e, b * b * e

    def mean(m, g2):
        return mp.exp(b * m + b * b * g2 / 2)
    return Act(lambda z: mean(z, 0), lambda z: b * mean(z, 0), mean, lambda m, g2: b * mean(m, g2), closed=closed)


def gauss_closed(q, k, q2):
    d = (1 + 2 * q) * (1 + 2 * q2) - 4 * k * k
    return 1 / mp.sqrt(d), 4 * k / d / mp.sqrt(d)


def gauss_mean(m, g2):
    s2 = 1 + 2 * g2
    return mp.exp(-m * m / s2) / mp.sqrt(s2)


def gauss_dmean(m, g2):
    return -2 * m / (1 + 2 * g2) * gauss_mean(m, g2)


def zgauss_mean(m, g2):
    return m / (1 + 2 * g2) * gauss_mean(m, g2)


def zgauss_dmean(m, g2):
    s2 = 1 + 2 * g2
    return (1 - 2 * m * m / s2) / s2 * gauss_mean(m, g2)


def gabor_mean(m, g2):
    s2 = 1 + 2 * g2
    return gauss_mean(m, g2) * mp.exp(-g2 / (2 * s2)) * mp.sin(m / s2)


def gabor_dmean(m, g2):
    s2 = 1 + 2 * g2
    return gauss_mean(m, g2) * mp.exp(-g2 / (2 * s2)) * (mp.cos(m / s2) - 2 * m * mp.sin(m / s2)) / s2


def gabor_closed(q, k, q2):
    # sin u sin v = (cos(u-v) - cos(u+v))/2 under e^{-u²-v²}; the derivative is ∂/∂k of the value
    d = (1 + 2 * q) * (1 + 2 * q2) - 4 * k * k
    value = derivative = mpf(0)
    for sign in (1, -1):
        n = 1 + q + q2 + 2 * sign * k
        e = sign * mp.exp(n / (2 * d) - mpf(1) / 2) / (2 * mp.sqrt(d))
        value += e
        derivative += e * (4 * k / d + sign / d + 4 * k * n / (d * d))
    return value, derivative


def moment(i, j, q, k, q2):
    """E[u^i v^j]."""
    total = mpf(0)
    for r in range(min(i, j) + 1):
        if (i - r) % 2 == 0 and (j - r) % 2 == 0:
            a, b = (i - r) // 2, (j - r) // 2
            total += (mpf(math.factorial(i) * math.factorial(j)) * k**r * (q / 2)**a * (q2 / 2)**b
                      / (math.factorial(r) * math.factorial(a) * math.factorial(b)))
    return total


def polynomial(c):
    c = [mpf(x) for x in c]
    d = [i * c[i] for i in range(1, len(c))]

    def dual(c, q, k, q2):
        return sum(a * b * moment(i, j, q, k, q2) for i, a in enumerate(c) for j, b in enumerate(c) if a and b)

    def mean(c, m, g2):
        return sum(c[i] * math.comb(i, j) * m**(i - j) * moment(j, 0, g2, mpf(0), mpf(0))
                   for i in range(len(c)) for j in range(i + 1))
    return Act(lambda z: mp.polyval(c[::-1], z), lambda z: mp.polyval(d[::-1], z),
               lambda m, g2: mean(c, m, g2), lambda m, g2: mean(d, m, g2),
               closed=lambda q, k, q2: (dual(c, q, k, q2), dual(d, q, k, q2)))


def smooth(scale, phi, dphi, phi_of, dphi_of):
    """φ of z and of r = 1/(1+exp(-scale z)), whose poles are at π/scale."""
    return Act(phi, dphi, pole=(pi / scale, scale, phi_of, dphi_of))


def logistic(z):
    return 1 / (1 + mp.exp(-z))


def silu_d(z):
    r = logistic(z)
    return r + z * r * (1 - r)


erf = Act(mp.erf, lambda z: erf_dmean(z, 0), erf_mean, erf_dmean, closed=erf_closed)
gelu = Act(lambda z: gelu_mean(z, 0), lambda z: gelu_dmean(z, 0), gelu_mean, gelu_dmean, closed=gelu_closed)
zgauss = Act(lambda z: zgauss_mean(z, 0), lambda z: zgauss_dmean(z, 0), zgauss_mean, zgauss_dmean)
root6 = mp.sqrt(6)
R2 = math.sqrt(2)

# key: (formula, φ, [(weightStd, biasStd, depths, cosines)])
ACTIVATIONS = {
    "relu": ("max(z,0)", slopes(1, 0), [(R2, 0.1, [1, 4, 15], COSINES), (R2, 0.0, [1, 4, 15], COSINES), (1.5, 0.1, [1, 4, 15], COSINES)]),
    "leaky_relu": ("z for z>0, 0.1 z for z<0", slopes(1, 0.1), [(R2, 0.1, [1, 4, 15], COSINES)]),
    "two_slope": ("1.3 z for z>0, -0.4 z for z<0", slopes(1.3, -0.4), [(1.5, 0.1, [1, 4, 15], COSINES)]),
    "abs": ("|z|", slopes(1, -1), [(R2, 0.1, [1, 4], COSINES), (1.0, 0.0, [1, 4, 15], COSINES)]),
    "rectified2": ("max(z,0)^2", rectified_closed(2), [(1.0, 0.0, [1, 3], COSINES)]),
    "rectified3": ("max(z,0)^3", rectified_closed(3), [(1.0, 0.0, [1, 3], COSINES)]),
    "step": ("1 for z>0, 0 for z<0", closing(rectified(0), step_closed), [(1.0, 0.0, [1, 4], COSINES), (1.5, 0.1, [1, 4], COSINES)]),
    "sign": ("1 for z>0, -1 for z<0", closing(affine(rectified(0), 2, 1, 0, -1), sign_closed), [(1.0, 0.0, [1, 4], COSINES), (1.5, 0.1, [1, 4], COSINES)]),
    "erf": ("erf(z)", erf, [(1.5, 0.3, [1, 4, 15], COSINES), (1.0, 0.0, [1, 4, 15], COSINES)]),
    "gelu": ("z Phi(z), Phi the normal distribution function", gelu, [(1.5, 0.1, [1, 4, 15], COSINES)]),
    "sin6": ("0.5 sin(6 z)", trig(0.5, 6, 0), [(1.0, 0.0, [1, 2], COSINES), (R2, 0.1, [1, 2], COSINES)]),
    "sin_phase": ("0.7 sin(2 z + 0.4)", trig(0.7, 2, 0.4), [(1.2, 0.1, [1, 3], COSINES)]),
    "cos": ("cos(z)", trig(1, 1, 0, cosine=True), [(R2, 0.1, [1, 4, 15], COSINES)]),
    "sin_rbf": ("A sin(1.3 z + B), A and B the float64 values of sqrt(2) and pi/4", trig(R2, 1.3, math.pi / 4), [(1.0, 0.0, [1, 2], COSINES)]),
    "exp": ("exp(0.5 z)", exponential(0.5), [(0.7, 0.1, [1, 2], COSINES)]),
    "gaussian": ("exp(-z^2)", Act(lambda z: gauss_mean(z, 0), lambda z: gauss_dmean(z, 0), gauss_mean, gauss_dmean, closed=gauss_closed), [(R2, 0.1, [1, 4, 15], COSINES)]),
    "gabor": ("exp(-z^2) sin(z)", Act(lambda z: gabor_mean(z, 0), lambda z: gabor_dmean(z, 0), gabor_mean, gabor_dmean, closed=gabor_closed), [(R2, 0.1, [1, 4], COSINES)]),
    "monomial2": ("z^2", polynomial([0, 0, 1]), [(1.0, 0.0, [1, 2], COSINES), (0.8, 0.1, [1, 3], COSINES)]),
    "monomial3": ("z^3", polynomial([0, 0, 0, 1]), [(1.0, 0.0, [1], COSINES), (0.7, 0.1, [1, 2], COSINES)]),
    "polynomial": ("0.3 - z + 0.5 z^2 + 0.1 z^3", polynomial([0.3, -1, 0.5, 0.1]), [(1.0, 0.0, [1, 3], COSINES), (0.9, 0.2, [1, 3], COSINES)]),
    "hermite3": ("h_3(z) = (z^3 - 3 z)/sqrt(6)", polynomial([0, -3 / root6, 0, 1 / root6]), [(1.0, 0.0, [1, 3], COSINES), (math.sqrt(1.3), 0.0, [1, 2], COSINES)]),
    "erf_shifted": ("erf(z + 0.7)", affine(erf, 1, 1, 0.7), [(1.5, 0.3, [1, 3], FEW)]),
    "gelu_affine": ("2 g(1.5 z - 0.5) + 0.1, g = gelu", affine(gelu, 2, 1.5, -0.5, 0.1), [(1.0, 0.1, [1, 2], FEW)]),
    "rectified2_shifted": ("max(z + 0.5, 0)^2", affine(rectified(2), 1, 1, 0.5), [(0.8, 0.1, [1, 2], COSINES)]),
    "sum": ("max(z - 0.3, 0) + 0.5 erf(0.8 z + 0.2) - 0.2 cos(3 z + 1) + 0.1 z exp(-z^2)",
            plus(affine(rectified(1), 1, 1, -0.3), affine(erf, 0.5, 0.8, 0.2), trig(-0.2, 3, 1, cosine=True), affine(zgauss, 0.1, 1, 0)),
            [(1.2, 0.1, [1, 2], FEW)]),
    "tanh": ("tanh(z)", smooth(2, mp.tanh, lambda z: 1 - mp.tanh(z)**2, lambda z, r: 2 * r - 1, lambda z, r: 4 * r * (1 - r)), [(1.5, 0.1, [1, 3], FEW)]),
    "sigmoid": ("1/(1+exp(-z))", smooth(1, logistic, lambda z: logistic(z) * (1 - logistic(z)), lambda z, r: r, lambda z, r: r * (1 - r)), [(1.5, 0.1, [1, 3], FEW)]),
    "softplus": ("log(1+exp(z))", smooth(1, lambda z: mp.log(1 + mp.exp(z)), logistic, lambda z, r: z - mp.log(r), lambda z, r: r), [(1.5, 0.1, [1, 3], FEW)]),
    "silu": ("z/(1+exp(-z))", smooth(1, lambda z: z * logistic(z), silu_d, lambda z, r: z * r, lambda z, r: r + z * r * (1 - r)), [(1.5, 0.1, [1, 3], FEW)]),
}

# ---- Quadrature ----

RULES = {}


def rule(n):
    """Nodes and weights of Gauss-Legendre on [-1, 1]."""
    key = n, mp.prec
    if key not in RULES:
        out = []
        with mp.extraprec(20):
            for i in range(n):
                x = mp.cos(pi * (i + mpf(3) / 4) / (n + mpf(1) / 2))
                for _ in range(100):
                    p0, p1 = mpf(1), x
                    for j in range(2, n + 1):
                        p0, p1 = p1, ((2 * j - 1) * x * p1 - (j - 1) * p0) / j
                    d = n * (x * p1 - p0) / (x * x - 1)
                    x, step = x - p1 / d, p1 / d
                    if abs(step) < mpf(10)**(-mp.dps):
                        break
                out.append((x, 2 / ((1 - x * x) * d * d)))
        RULES[key] = out
    return RULES[key]


def panels(limit, length, ends, soft):
    """[-limit, limit] cut at ends into panels no longer than length, and near each (x0, w) of soft than w + |x - x0|."""
    cuts = sorted([-limit, limit] + [x for x in ends if -limit < x < limit])
    todo, out = list(zip(cuts, cuts[1:])), []
    while todo:
        a, b = todo.pop()
        most = length
        for x0, w in soft:
            most = min(most, mpf("0.7") * (w + max(mpf(0), a - x0, x0 - b)))
        if b - a <= most:
            out.append((a, b))
        elif b > a:
            todo += [(a, (a + b) / 2), ((a + b) / 2, b)]
    return out


def nodes(limit, length, ends, soft, n):
    """x and weights times the normal density."""
    norm = 1 / mp.sqrt(2 * mp.pi)
    for a, b in panels(limit, length, ends, soft):
        for t, w in rule(n):
            x = (a + b) / 2 + (b - a) / 2 * t
            yield x, w * (b - a) / 2 * mp.exp(-x * x / 2) * norm


def split(q, k, q2):
    """u = alpha x, v = beta x + gamma y."""
    alpha = mp.sqrt(q)
    beta = k / alpha if q else mpf(0)
    return alpha, beta, max(mpf(0), q2 - beta * beta)


def line(f, q, k, q2, limit=15, n=24, shrink=1):
    if q > q2:
        q, q2 = q2, q  # the inner mean is the smoother of the two
    alpha, beta, g2 = split(q, k, q2)
    if g2 < mpf(10)**(-mp.dps + 8):
        g2 = mpf(0)  # |k| = √(q q2) but for rounding
    ends = [x / alpha for x in f.kinks] if alpha else []
    soft = []
    if beta:
        for x in f.kinks:
            soft.append((x / beta, mp.sqrt(g2) / abs(beta)))
            ends.append(x / beta)
    if g2 == 0:
        soft = []
    length = 1 / (shrink * max(1, f.rate * max(alpha, abs(beta))))
    value = derivative = mpf(0)
    for x, w in nodes(mpf(limit), length, sorted(set(ends)), soft, n):
        value += w * f.phi(alpha * x) * f.mean(beta * x, g2)
        if not f.rough:
            derivative += w * f.dphi(alpha * x) * f.dmean(beta * x, g2)
    return value, None if f.rough else derivative


def strip(f, q, k, q2, digits=33):
    """The trapezoidal rule in x and y. r = 1/(1+exp(-scale v)) from the product of two exponentials."""
    alpha, beta, g2 = split(q, k, q2)
    if g2 < mpf(10)**(-mp.dps + 8):
        g2 = mpf(0)
    gamma = mp.sqrt(g2)
    pole, scale, phi, dphi = f.pole

    def grid(spread):
        h = mpf("0.45")
        if spread:
            h = min(h, 2 * pi * pole / spread / (digits * mp.log(10) + 5))
        m = int(mp.ceil(mp.sqrt(2 * digits * mp.log(10) + 10) / h))
        return [(i * h, h * pdf(i * h)) for i in range(-m, m + 1)]
    ys = [(gamma * y, mp.exp(-scale * gamma * y), w) for y, w in grid(gamma)] if gamma else [(mpf(0), mpf(1), mpf(1))]
    value = derivative = mpf(0)
    for x, wx in grid(max(alpha, abs(beta))):
        v0, e0 = beta * x, mp.exp(-scale * beta * x)
        a = b = mpf(0)
        for dv, e, w in ys:
            v, r = v0 + dv, 1 / (1 + e0 * e)
            a += w * phi(v, r)
            b += w * dphi(v, r)
        u = alpha * x
        r = 1 / (1 + mp.exp(-scale * u))
        value += wx * phi(u, r) * a
        derivative += wx * dphi(u, r) * b
    return value, derivative


def plane(f, q, k, q2, limit=9.5, n=12):
    """φ and φ' alone, no mean known: Gauss-Legendre panels in x and, for each x, in y; trapezoidal if φ is entire."""
    alpha, beta, g2 = split(q, k, q2)
    gamma = mp.sqrt(g2)
    entire = not f.kinks and not f.pole

    def grid(kinks):
        if entire:
            return [(i * h, h * pdf(i * h)) for i in range(-48, 49)]
        return nodes(mpf(limit), 1, kinks, [], n)
    h = mpf("0.2")
    value = derivative = mpf(0)
    for x, w in grid([z / alpha for z in f.kinks]):
        a = b = mpf(0)
        for y, wy in grid([(z - beta * x) / gamma for z in f.kinks]):
            v = beta * x + gamma * y
            a += wy * f.phi(v)
            b += wy * f.dphi(v)
        value += w * f.phi(alpha * x) * a
        derivative += w * f.dphi(alpha * x) * b
    return value, None if f.rough else derivative


# ---- Kernels ----


def kernels(f, weight_std, bias_std, depths, cosines):
    """{depth: (nngp, ntk)}, with lists over the cosines; ntk is None where φ jumps."""
    w2, b2 = mpf(weight_std)**2, mpf(bias_std)**2
    q = w2 + b2
    S = [w2 * mpf(c) + b2 for c in cosines]
    T = S[:]
    out = {}
    for layer in range(1, max(depths) + 1):
        duals = [f.dual(q, s, q) for s in S]
        nngp = [value for value, _ in duals]
        ntk = None if f.rough else [value + t * derivative for (value, derivative), t in zip(duals, T)]
        if layer in depths:
            out[layer] = nngp, ntk  # readout 1, 0
        q = w2 * (nngp[-1] if cosines[-1] == 1 else f.dual(q, q, q)[0]) + b2
        S = [w2 * x + b2 for x in nngp]
        if ntk:
            T = [w2 * x + b2 for x in ntk]
    return out


def digits(x):
    if x is None:
        return None
    if abs(x) < mpf(10)**-65:
        x = mpf(0)  # but for rounding
    return mp.nstr(x, 25, strip_zeros=False, min_fixed=-3, max_fixed=20)


def close(x, y, tolerance):
    if x is None or y is None:
        return True
    return abs(x - y) <= mpf(tolerance) * max(1, abs(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default="duals50.json")
    parser.add_argument("-only", default="")
    args = parser.parse_args()
    about = ("NNGP kernel and NTK of fully connected nets (NTK parameterization, hidden weightStd and biasStd, readout 1 "
             "and 0) for inputs on the sphere at these cosines, and dual activations E[phi(u)phi(v)], E[phi'(u)phi'(v)] "
             "for variances q, q2 and covariance k. Inputs and parameters are float64 numbers taken exactly; results "
             "have 25 digits (tanh, sigmoid, softplus, silu: an absolute error of 1e-24). null: infinite, or dependent on what "
             "phi or phi' is called at a jump. Made and cross-checked by duals50.py.")
    curves, pairs = [], []
    start = time.time()
    for key, (_, f, nets) in ACTIVATIONS.items():
        if args.only and key not in args.only.split(","):
            continue
        with mp.workdps(25):
            rough = plane(f, *map(mpf, CHECK))
        got = f.dual(*map(mpf, CHECK))
        for x, y in zip(got, rough):
            assert close(x, y, "1e-15"), (key, "plane", x, y)
        for i, pair in enumerate(PAIRS):
            value, derivative = f.dual(*map(mpf, pair))
            if f.closed:
                with mp.workdps(45):
                    other = line(f, *map(mpf, pair))
                assert close(value, other[0], "1e-30") and close(derivative, other[1], "1e-30"), \
                    (key, pair, value, derivative, other)
            elif i % 2:
                pass
            elif f.mean:
                with mp.workdps(45):
                    other = line(f, *map(mpf, pair), limit=16, n=28, shrink=mpf("1.2"))
                assert close(value, other[0], "1e-30") and close(derivative, other[1], "1e-30"), \
                    (key, pair, value, derivative, other)
            else:
                with mp.workdps(45):
                    other = strip(f, *map(mpf, pair), digits=36)
                assert close(value, other[0], "1e-28") and close(derivative, other[1], "1e-28"), \
                    (key, pair, value, derivative, other)
            q, k, q2 = pair
            pairs.append({"activation": key, "q": q, "k": k, "q2": q2, "value": digits(value), "derivative": digits(derivative)})
        for weight_std, bias_std, depths, cosines in nets:
            for depth, (nngp, ntk) in kernels(f, weight_std, bias_std, depths, cosines).items():
                curves.append({"activation": key, "depth": depth, "weightStd": weight_std, "biasStd": bias_std, "cosines": cosines,
                               "nngp": [digits(x) for x in nngp], "ntk": ntk and [digits(x) for x in ntk]})
        print(f"{time.time() - start:6.1f} s  {key}", file=sys.stderr, flush=True)
    formulas = {key: formula for key, (formula, _, _) in ACTIVATIONS.items()}
    with open(args.o, "w") as out:
        out.write("{\n\"about\": " + json.dumps(about) + ",\n\"formulas\": " + json.dumps(formulas, indent=1) + ",\n\"curves\": [\n")
        out.write(",\n".join(json.dumps(c) for c in curves))
        out.write("\n],\n\"pairs\": [\n")
        out.write(",\n".join(json.dumps(p) for p in pairs))
        out.write("\n]}\n")


if __name__ == "__main__":
    main()
