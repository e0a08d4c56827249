"""Right answers, written otherwise than the solution: each must pass."""

INTERVAL = """
def interval(first, second):
    return stats.ttest_rel(np.log(first), np.log(second)).confidence_interval()
"""
VERDICT = """
def verdict(low, high): return "not clear" if low <= 0 <= high else ["first", "second"][low > 0]
"""

RIGHT = {
    "ex03_a": [
        """
def error_map(learned, exact, density):
    apart = learned.numpy() - exact.numpy()
    return density.numpy() * np.linalg.norm(apart, axis=1) ** 2
""",
        """
def error_map(learned, exact, density):
    off = (learned - exact).double()
    return torch.einsum("m,mi,mi->m", density.double(), off, off)
""",
        """
def error_map(learned, exact, density):
    places = zip(learned.tolist(), exact.tolist(), density.tolist())
    return [p * ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) for a, b, p in places]
""",
        """
def error_map(learned, exact, density):  # the mean over two coordinates, times two
    return 2 * density * torch.nn.functional.mse_loss(learned, exact, reduction="none").mean(dim=-1)
""",
    ],
    "ex03_b": [
        """
def extrapolate(sigmas, errors, sigma):
    line = stats.linregress(np.log10(sigmas), np.log10(errors))
    return 10 ** (line.intercept + line.slope * np.log10(sigma))
""",
        """
def extrapolate(sigmas, errors, sigma):  # covariance over variance, in plain Python
    xs, ys = [math.log(s) for s in sigmas], [math.log(e) for e in errors]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)
    return math.exp(y) * (sigma / math.exp(x)) ** slope
""",
        """
def extrapolate(sigmas, errors, sigma):  # a tensor (1, 1) of float32
    x = torch.tensor(sigmas, dtype=torch.float32).log()
    y = torch.tensor(errors, dtype=torch.float32).log()
    best = torch.linalg.lstsq(torch.stack([x, torch.ones_like(x)], 1), y[:, None]).solution
    return (torch.tensor([[math.log(sigma), 1.0]]) @ best).exp()
""",
        """
def extrapolate(sigmas, errors, sigma):  # a numerical search for the line
    from scipy.optimize import minimize
    x, y = np.log2(sigmas), np.log2(errors)
    a, b = minimize(lambda line: np.sum((line[0] + line[1] * x - y) ** 2), [0, 0]).x
    return np.exp2(a + b * np.log2(sigma))
""",
    ],
    "ex03_c": [
        INTERVAL + VERDICT,
        """
def interval(first, second):
    d = np.log(np.array(first) / np.array(second))
    return stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))
def verdict(low, high): return {-2: "first", 0: "not clear", 2: "second"}[np.sign(low) + np.sign(high)]
""",
        VERDICT
        + """
def interval(first, second):  # a tensor of float32, and a table of t
    d = (torch.tensor(first) / torch.tensor(second)).log().float()
    t = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776}[len(d) - 1]
    return d.mean() + torch.tensor([-t, t]) * d.std() / len(d) ** 0.5
""",
        """
def interval(first, second):
    import statistics
    d = [math.log(a) - math.log(b) for a, b in zip(first, second)]
    reach = stats.t.isf(0.025, len(d) - 1) * (statistics.variance(d) / len(d)) ** 0.5
    return [statistics.mean(d) - reach, statistics.mean(d) + reach]
def verdict(low, high):
    return str(np.select([high < 0, low > 0], ["first", "second"], "not clear"))
""",
        VERDICT
        + """
def interval(first, second):  # all means that a test at 5 % does not reject
    from scipy.optimize import brentq
    d = np.log(first) - np.log(second)
    def excess(mean): return stats.ttest_1samp(d, mean).pvalue - 0.05
    reach = 100 * d.std()
    return brentq(excess, d.mean() - reach, d.mean()), brentq(excess, d.mean(), d.mean() + reach)
""",
    ],
    "ex03_d": [
        """
def fourier(x):
    angles = [k * math.pi * x[:, j] for k in range(1, 5) for j in (0, 1)]
    return torch.stack([wave(a) for a in angles for wave in (torch.sin, torch.cos)], dim=1)
""",
        """
def fourier(x):
    angle = np.pi * np.concatenate([k * x.numpy() for k in range(1, 5)], axis=1)
    return torch.from_numpy(np.hstack([np.cos(angle), np.sin(angle)])).float()
""",
        """
def fourier(x):  # the powers of exp(i pi x)
    turn = torch.polar(torch.ones_like(x), torch.pi * x)
    return torch.view_as_real(torch.stack([turn, turn**2, turn**3, turn**4], 1)).flatten(1)
""",
        """
def fourier(x):  # by the addition theorem; the other coordinate first
    x = x.flip(1)
    s, c = [torch.sin(x * np.pi)], [torch.cos(x * np.pi)]
    for _ in range(3):
        s, c = [*s, s[-1] * c[0] + c[-1] * s[0]], [*c, c[-1] * c[0] - s[-1] * s[0]]
    return torch.cat(s + c, dim=1)
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex03_d": [
        """
def fourier(x):  # float64, as numbers of NumPy become
    angle = np.pi * x.numpy()[:, :, None] * np.arange(1, 5)
    return torch.from_numpy(np.concatenate([np.sin(angle), np.cos(angle)], 1).reshape(len(x), -1))
""",
    ],
    "ex03_a": [
        """
def error_map(learned, exact, density):
    return density[:, None] * (learned - exact).square().sum(1, keepdim=True)
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
