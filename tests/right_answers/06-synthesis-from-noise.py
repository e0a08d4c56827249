"""Right answers, written otherwise than the solution: each must pass."""

STRENGTH = "def strength(x, mean): return float((x - mean).norm() / x.numel() ** 0.5)\n"
DESCEND = """
def descend(denoiser, x, levels, noise, generator):
    for s in levels:
        y = x + s * torch.randn(x.shape, generator=generator) if noise else x
        x = denoiser(y, s)
    return x
"""
REACHES = """
def predicted_reaches(sigma, mean, digits):
    {before}
    return {value}
"""

RIGHT = {
    "ex06_a": [
        """
def start(mean, sigma, n, generator):
    return du.corruption.gaussian(mean.expand(n, -1, -1, -1), sigma, generator)
def counts(denoiser, x, sigma, steps):
    ends = [x]
    while len(ends) <= steps:
        ends.append(du.iterate(denoiser, ends[-1], 1, sigma))
    return list(map(distinct, ends))
""",
        """
def start(mean, sigma, n, generator):
    return torch.normal(mean.repeat(n, 1, 1, 1), sigma, generator=generator)
def counts(denoiser, x, sigma, steps):
    found = [distinct(x)]
    for _ in range(steps):
        x = denoiser(x, sigma).detach()
        found += [distinct(x)]
    return found
""",
        """
def start(mean, sigma, n, generator):  # one image after the other
    return torch.cat([mean + sigma * torch.randn(1, 1, 28, 28, generator=generator) for _ in range(n)])
@torch.no_grad()
def counts(denoiser, x, sigma, steps):
    if steps == 0:
        return [float(distinct(x))]
    return [float(distinct(x)), *counts(denoiser, denoiser(x, sigma), sigma, steps - 1)]
""",
        """
import numpy as np
from itertools import accumulate
def start(mean, sigma, n, generator):
    seed = torch.randint(2**31, (1,), generator=generator).item()
    noise = np.random.default_rng(seed).normal(0, sigma, size=(n, 1, 28, 28))
    return torch.tensor(mean.numpy() + noise, dtype=torch.float32)
def counts(denoiser, x, sigma, steps):
    with torch.no_grad():
        path = accumulate(range(steps), lambda x, _: denoiser(x, sigma), initial=x)
        return list(np.array([distinct(x) for x in path]))
""",
    ],
    "ex06_b": [
        """
import numpy as np
def anneal(denoiser, x, high, low, steps):
    with torch.no_grad():
        for sigma in np.geomspace(high, low, steps):
            x = denoiser(x, sigma)
    return x
def strength(x, mean): return np.sqrt(np.mean((x.numpy() - mean.numpy()) ** 2))
""",
        STRENGTH
        + """
import math
def anneal(denoiser, x, high, low, steps):
    for sigma in torch.logspace(math.log10(high), math.log10(low), steps).tolist():
        x = du.iterate(denoiser, x, 1, sigma)
    return x
""",
        """
@torch.no_grad()
def anneal(denoiser, x, high, low, steps):
    sigma, ratio = high, (low / high) ** (1 / (steps - 1))
    for _ in range(steps):
        x = denoiser(x, sigma)
        sigma *= ratio
    return x
def strength(x, mean):
    rest = x - mean
    return (rest.var(unbiased=False) + rest.mean() ** 2).sqrt().item()
""",
        """
def anneal(denoiser, x, high, low, steps):  # levels of float32, as tensors
    levels = torch.linspace(torch.tensor(high).log(), torch.tensor(low).log(), steps).exp()
    for sigma in levels:
        x = denoiser(x, sigma).detach()
    return x
def strength(x, mean):
    return torch.nn.functional.mse_loss(x.double(), mean.double().expand_as(x)) ** 0.5
""",
    ],
    "ex06_c": [
        DESCEND
        + """
import numpy as np
def predicted_variance(v, s, levels, noise):  # written out: the start, and what each noise leaves
    sigma = np.array(levels)
    c2 = (s**2 / (s**2 + sigma**2)) ** 2
    left = np.cumprod(c2[::-1])[::-1]
    return v * left[0] + noise * np.sum(sigma**2 * left)
""",
        """
def descend(denoiser, x, levels, noise, generator):
    for s in levels:
        x = du.walkback(denoiser, x, 1, s, generator) if noise else du.iterate(denoiser, x, 1, s)
    return x
def predicted_variance(v, s, levels, noise):
    if len(levels) == 0:
        return v
    first, *rest = levels
    v = v + first**2 if noise else v
    return predicted_variance(v / (1 + first**2 / s**2) ** 2, s, rest, noise)
""",
        """
from functools import reduce
def descend(denoiser, x, levels, noise, generator):
    def step(x, s): return denoiser(torch.normal(x, s, generator=generator) if noise else x, s)
    return reduce(step, levels, x)
def predicted_variance(v, s, levels, noise):  # with the standard deviation
    std = torch.tensor(v).sqrt()
    for sigma in torch.tensor(levels):
        std = torch.hypot(std, noise * sigma) * (1 - sigma**2 / (s**2 + sigma**2))
    return std.square().item()
""",
        DESCEND
        + """
def predicted_variance(v, s, levels, noise):  # through the denoiser of the Gaussian itself
    law = du.GaussianMixture([[0.0]], s**2)
    for sigma in levels:
        ends = law.posterior_mean(torch.tensor([[0.0], [1.0]]), sigma)
        v = (ends[1] - ends[0]).item() ** 2 * (v + int(noise) * sigma**2)
    return v
""",
    ],
    "ex06_d": [
        REACHES.format(
            before="import math",
            value="math.hypot(28 * sigma, (mean - digits).flatten(1).norm(dim=1).min()) / (28 * sigma)",
        ),
        REACHES.format(
            before="D2 = min((mean[0] - digit).square().sum().item() for digit in digits)",
            value="(1 + D2 / (784 * sigma**2)) ** 0.5",
        ),
        REACHES.format(
            before="D = torch.cdist(mean.flatten(1), digits.flatten(1)).min()",
            value="torch.sqrt(mean.numel() * sigma**2 + D**2) / (mean.numel() ** 0.5 * sigma)",
        ),
        REACHES.format(
            before="D2 = ((mean - digits).numpy() ** 2).sum(axis=(1, 2, 3))",
            value="(((28 * sigma) ** 2 + D2) ** 0.5).min() / (28 * sigma)",
        ),
        """
def predicted_reaches(sigma, mean, digits):  # the square is of a noncentral chi-squared distribution
    from scipy.stats import ncx2
    D = du.evaluation.nearest(mean, digits)[0].item()
    return ncx2.median(784, (D / sigma) ** 2) ** 0.5 / 28
""",
    ],
    "ex06_e": [
        """
def falls(starts, ends, real, thresholds, keep=0.95):
    found = {}
    for t in thresholds:
        if distinct(real, t) / real.shape[0] < keep:
            continue
        found[t] = distinct(ends, within=t) / distinct(starts, within=t)
    return found
""",
        """
def falls(starts, ends, real, thresholds, keep=0.95):  # a larger threshold links more
    from itertools import takewhile
    fair = takewhile(lambda t: distinct(real, t) >= keep * len(real), sorted(thresholds))
    return {t: torch.tensor(distinct(ends, t)) / distinct(starts, t) for t in fair}
""",
        """
import numpy as np
def falls(starts, ends, real, thresholds, keep=0.95):
    t = np.array(thresholds)
    kept = np.array([[distinct(x, within) for within in t] for x in (starts, ends, real)])
    fair = kept[2] >= keep * len(real)
    return dict(zip(t[fair], kept[1][fair] / kept[0][fair]))
""",
        """
def falls(starts, ends, real, thresholds, keep=0.95):
    from fractions import Fraction
    ratios = {t: Fraction(int(distinct(ends, t)), int(distinct(starts, t))) for t in thresholds}
    lost = {t: len(real) - distinct(real, t) for t in thresholds}
    return {t: ratio for t, ratio in ratios.items() if lost[t] <= (1 - keep) * len(real) + 1e-9}
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex06_e": [
        """
def falls(starts, ends, real, thresholds, keep=0.95):  # from the largest threshold down
    fair = [t for t in reversed(thresholds) if distinct(real, t) >= keep * len(real)]
    return {t: distinct(ends, t) / distinct(starts, t) for t in fair}
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
