# Prints features.json: random features by mpmath at 60 digits, the two equations solved as they
# are published. Eigenvalues i^-1.4 and powers i^-1.2, i = 1 to 60, noise variance .1.
import json
from mpmath import exp, mp, mpf

mp.dps = 60
lam = [mpf(i) ** mpf("-1.4") for i in range(1, 61)]
v2 = [mpf(i) ** mpf("-1.2") for i in range(1, 61)]
noise = mpf("0.1")


def solve(n, k, ridge):
    z = lambda g: sum(l / (l + g) for l in lam)
    if ridge == 0:  # bisection in log gamma
        least = min(n, k)
        gamma = bisect(lambda g: z(g) - least)
        return gamma * (1 - z(gamma) / k), gamma
    # kappa = gamma (1 - z/k), positive only where z < k; the rest falls with gamma from infinity
    def left(g):
        spare = g * (1 - z(g) / k)
        return mpf(1) if spare <= 0 else z(g) + ridge / spare - n
    gamma = bisect(left)
    return gamma * (1 - z(gamma) / k), gamma


def bisect(f):
    low, high = mpf(-200), mpf(200)
    for _ in range(230):
        middle = (low + high) / 2
        if f(exp(middle)) > 0:
            low = middle
        else:
            high = middle
    return exp((low + high) / 2)


rows = []
for n, k, ridge in [(5, 20, "0"), (20, 5, "0"), (20, 20, "1e-3"), (20, 20, "1e-12"), (5, 20, "0.1"),
                    (20, 5, "0.1"), (55, 57, "1e-6"), (100, 30, "1e-9"), (30, 100, "1e-9"),
                    (100, 80, "1e-9"), (20, 1000000, "0.01"), (1000000, 20, "0.01"),
                    (100, 80, "100")]:
    ridge = mpf(ridge)
    kappa, gamma = solve(n, k, ridge)
    if ridge == 0 and n > k:
        kappa = mpf(0)
    z = sum(l / (l + gamma) for l in lam)
    q = sum((l / (l + gamma)) ** 2 for l in lam)
    rest = sum((gamma / (l + gamma) - kappa * l / (l + gamma) ** 2 * k / (k - q)) * v
               for l, v in zip(lam, v2))
    mse = (rest + noise) / (1 - (q * (k - 2 * z) + z * z) / (n * (k - q)))
    bias = sum((gamma / (l + gamma)) ** 2 * v for l, v in zip(lam, v2)) + noise
    rows.append({"n": n, "k": k, "ridge": float(ridge), "kappa": float(kappa),
                 "gamma": float(gamma), "test_mse": float(mse), "bias": float(bias)})
print("[\n" + ",\n".join(" " + json.dumps(r) for r in rows) + "\n]")
