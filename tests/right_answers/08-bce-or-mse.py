"""Right answers, written otherwise than the solution: each must pass."""

VARIANCE = """
def variance_to_carry(half, std=0.006, sigma=0.02):  # E[x R*], from the formula of two bumps
    total = std**2 + sigma**2
    def integrand(y):
        r = (std**2 * y + sigma**2 * half * np.tanh(half * y / total)) / total
        return r**2 * (stats.norm.pdf(y, half, total**0.5) + stats.norm.pdf(y, -half, total**0.5)) / 2
    return integrate.quad(integrand, -0.3, 0.3, points=[-half, 0, half])[0]
"""

DRAW = """
def grey_pixel(seed, n=400):
    at = np.linspace(-0.2, 1.2, 400)
    chance = np.random.default_rng(seed)
    y = chance.uniform(-0.2, 1.2, n)
    truth = expit(4 * y - 2)
"""

RIGHT = {
    "ex08_a": [
        """
def compare(new, old):
    d = [100 * (a - b) / b for a, b in zip(new, old)]
    low, high = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    verdict = "new" if high < 0 else "old" if low > 0 else "not clear"
    return (low + high) / 2, (high - low) / 2, verdict
""",
        """
def compare(new, old):
    import statistics
    d = [100 * a / b - 100 for a, b in zip(new, old)]
    mean = statistics.fmean(d)
    half = -stats.t.ppf(0.025, len(d) - 1) * statistics.stdev(d) / len(d) ** 0.5
    return [mean, half, "not clear" if mean - half <= 0 <= mean + half else ["new", "old"][mean > 0]]
""",
        """
def compare(new, old):
    new, old = torch.tensor(new, dtype=torch.float64), torch.tensor(old, dtype=torch.float64)
    d = (new - old) / old * 100
    half = float(stats.t(len(d) - 1).isf(0.025)) * d.std() / len(d) ** 0.5
    return d.mean(), half, "new" if d.mean() < -half else "old" if d.mean() > half else "not clear"
""",
        """
def compare(new, old):
    d = (np.array(new) - np.array(old)) / np.array(old) * 100
    low, high = stats.t.interval(0.95, d.size - 1, loc=d.mean(), scale=stats.sem(d))
    return d.mean(), high - d.mean(), np.where(high < 0, "new", np.where(low > 0, "old", "not clear"))
""",
    ],
    "ex08_b": [
        VARIANCE
        + """
def switch(half_1, half_2):
    from scipy.optimize import brentq
    v_1, v_2 = variance_to_carry(half_1), variance_to_carry(half_2)
    return brentq(lambda m: v_1 / (2 * m * (1 - m)) - 2 * v_2, 1e-6, 0.5)
""",
        """
def variance_to_carry(half, std=0.006, sigma=0.02):  # total variance, in the places where the pixel is
    pixel = du.GaussianMixture([[0.5 - half], [0.5 + half]], std**2)
    noisy = pixel.smooth(sigma)
    def risk(y):  # Var(x | y) by Tweedie's second formula
        at = torch.tensor([[y]], dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(noisy.score(at).sum(), at)
        return (noisy.log_prob(at).exp() * (sigma**2 + sigma**4 * slope[0, 0])).item()
    return half**2 + std**2 - integrate.quad(risk, 0.2, 0.8, limit=200)[0]
def switch(half_1, half_2):
    ratio = variance_to_carry(half_1) / variance_to_carry(half_2)
    return np.sin(np.arcsin(ratio**0.5) / 2) ** 2
""",
        """
def variance_to_carry(half, std=0.006, sigma=0.02):  # even quantiles of y in place of a sample
    pixel = du.GaussianMixture([[half], [-half]], std**2)
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000) * (std**2 + sigma**2) ** 0.5
    y = torch.tensor(np.concatenate([z - half, z + half]), dtype=torch.float32)[:, None]
    return np.var(pixel.posterior_mean(y, sigma).numpy())
def switch(half_1, half_2):
    return np.roots([4, -4, variance_to_carry(half_1) / variance_to_carry(half_2)]).min()
""",
        """
def variance_to_carry(half, std=0.006, sigma=0.02):  # Gauss and Hermite, about the upper level
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    y = torch.tensor(half + (std**2 + sigma**2) ** 0.5 * nodes)[:, None]
    optimum = du.GaussianMixture([[-half], [half]], std**2).posterior_mean(y, sigma)[:, 0]
    return (torch.tensor(weights) @ optimum**2) / weights.sum()
def switch(half_1, half_2):
    v_1, v_2 = variance_to_carry(half_1), variance_to_carry(half_2)
    low, high = 0.0, 0.5
    for _ in range(60):
        m = (low + high) / 2
        low, high = (m, high) if m * (1 - m) < v_1 / v_2 / 4 else (low, m)
    return m
""",
    ],
    "ex08_c": [
        DRAW
        + """
    x = np.where(chance.random(n) < 0.5, truth - 0.05, truth + 0.05)
    def bce(c):
        r = expit(c[0] + c[1] * y)
        return -np.sum(x * np.log(r) + (1 - x) * np.log(1 - r))
    from scipy.optimize import curve_fit
    a = minimize(bce, [-2.0, 4.0], method="Nelder-Mead").x
    b = curve_fit(lambda y, p, q: expit(p + q * y), y, x, [-2.0, 4.0])[0]
    best = expit(4 * at - 2)
    w = 1 / (best * (1 - best))
    table = []
    for c in (a, b):
        e = (expit(c[0] + c[1] * at) - best) ** 2
        table.append([sum(e) / len(e), sum(w * e) / sum(w)])
    return table
""",
        DRAW
        + """
    x = truth + chance.integers(0, 2, n) * 0.1 - 0.05
    z = np.stack([np.ones(n), y], 1)
    rows, best = np.zeros((2, 2)), expit(4 * at - 2)
    w = np.exp(4 * at - 2) + np.exp(2 - 4 * at) + 2  # = 1 / (R* (1 - R*))
    for i in range(2):  # Newton's method for BCE, that of Gauss and Newton for MSE
        c = np.array([-2.0, 4.0])
        for _ in range(15):
            r = expit(z @ c)
            slope = r * (1 - r)
            factor = np.ones(n) if i == 0 else slope
            c = c - np.linalg.solve((factor * slope * z.T) @ z, z.T @ (factor * (r - x)))
        e = (expit(c[0] + c[1] * at) - best) ** 2
        rows[i] = np.trapezoid(e, at) / 1.4, np.trapezoid(e * w, at) / np.trapezoid(w, at)
    return rows
""",
        """
def grey_pixel(seed, n=400):
    chance = np.random.default_rng(seed)
    y = torch.tensor(chance.random(n) * 1.4 - 0.2)
    x = torch.sigmoid(4 * y - 2) + 0.05 * torch.tensor(2 * chance.integers(2, size=n) - 1)
    at = torch.linspace(-0.2, 1.2, 400, dtype=torch.float64)
    best = torch.sigmoid(4 * at - 2)
    w = 1 / (best - best**2)
    rows = []
    for loss in (torch.nn.functional.binary_cross_entropy, torch.nn.functional.mse_loss):
        c = torch.tensor([-2.0, 4.0], dtype=torch.float64, requires_grad=True)
        how = dict(max_iter=50, line_search_fn="strong_wolfe", tolerance_change=1e-14)
        fit = torch.optim.LBFGS([c], tolerance_grad=1e-10, **how)
        def closure():
            fit.zero_grad()
            risk = loss(torch.sigmoid(c[0] + c[1] * y), x)
            risk.backward()
            return risk
        fit.step(closure)
        e = (torch.sigmoid(c[0] + c[1] * at) - best).detach() ** 2
        rows.append(torch.stack([e.mean(), (e * w / w.sum()).sum()]))
    return torch.stack(rows)
""",
    ],
    "ex08_d": [
        """
def calibration(r, x, low=0.001, high=0.01):
    r, x = r.double().numpy(), x.double().numpy()
    dark = np.logical_and(r >= low, r <= high)
    return x[dark].mean() / r[dark].mean()
def difference_near_black(steps):
    chance, found = torch.Generator().manual_seed(5), {}
    y = test + 0.4 * torch.randn(test.shape, generator=chance)
    for loss in ("bce", "mse"):
        found[loss] = calibration(train_digits(loss, steps)(y), test)
    return found["mse"] / found["bce"]
""",
        """
def calibration(r, x, low=0.001, high=0.01):
    dark = ((r > low) & (r < high)).float()
    return (x * dark).sum() / (r * dark).sum()
def difference_near_black(steps):  # another seed, the same for both
    y = du.corruption.gaussian(test, 0.4, torch.Generator().manual_seed(1))
    a, b = (train_digits(loss, steps, seed=1).logits(y).sigmoid() for loss in ("mse", "bce"))
    return calibration(a, test) / calibration(b, test)
""",
        """
def calibration(r, x, low=0.001, high=0.01):
    pairs = [(a, b) for a, b in zip(r.flatten().tolist(), x.flatten().tolist()) if low < a < high]
    return sum(b for a, b in pairs) / sum(a for a, b in pairs)
def difference_near_black(steps):
    y = du.corruption.gaussian(test, 0.4, torch.Generator().manual_seed(0))
    mse = calibration(du.iterate(train_digits("mse", steps), y, 1), test)
    return mse * calibration(du.iterate(train_digits("bce", steps), y, 1), test) ** -1
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex08_a": [
        """
def compare(new, old):
    new, old = torch.as_tensor(new), torch.as_tensor(old)
    d = 100 * (new / old - 1)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std() / len(d) ** 0.5
    if d.mean().abs() <= half:
        return d.mean(), half, "not clear"
    return d.mean(), half, "new" if d.mean() < 0 else "old"
""",
        """
def compare(new, old):
    new, old = np.float32(new), np.float32(old)
    d = 100 * (new - old) / old
    low, high = stats.ttest_1samp(d, 0).confidence_interval()
    return (low + high) / 2, (high - low) / 2, "new" if high < 0 else "old" if low > 0 else "not clear"
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
