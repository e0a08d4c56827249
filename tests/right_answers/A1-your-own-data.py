"""Right answers, written otherwise than the solution: each must pass."""

KINDS = """
def kinds(made, train, labels):
    index = torch.cdist(made.flatten(1), train.flatten(1)).argmin(1)
    return torch.nn.functional.one_hot(labels[index], 10).double().mean(0)
"""
SHARE = """
import math
def share_between(mean, std, low, high):
    below = lambda level: (1 + math.erf((math.log(level) - mean) / std / math.sqrt(2))) / 2
    return below(high) - below(low)
"""
LINEAR = """
def linear(x_noisy, sigma, train):
    mean, covariance = train.mean(0), torch.cov(train.flatten(1).T)
    total = covariance + sigma**2 * torch.eye(len(covariance))
    gain = covariance @ torch.linalg.inv(total)
    return mean + ((x_noisy - mean).flatten(1) @ gain.T).view_as(x_noisy)
"""
CANDIDATES = """
def candidates(data, sigma):
    chance, x = seeded(1), data.flatten(1)
    x_noisy = du.corruption.gaussian(x[torch.randperm(len(x), generator=chance)[:200]], sigma, chance)
    logits = -((torch.cdist(x_noisy, x) / sigma) ** 2) / 2
    return torch.distributions.Categorical(logits=logits).entropy().exp().quantile(0.5)
"""
LEVEL = """
def level_for(data, share=0.9):
    low, high = 0.01, 1000.0
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if candidates(data, middle) < share * len(data) else (low, middle)
    return (low + high) / 2
"""

RIGHT = {
    "exA1_a": [
        KINDS
        + """
import numpy as np
def nearness(made, train, test):
    a, b = [du.evaluation.nearest(x, train)[0].numpy() for x in (made, test)]
    return np.median(a) / np.median(b)
""",
        # a loop over the labels, and a tree for the neighbours
        """
from scipy.spatial import cKDTree
import numpy as np
def kinds(made, train, labels):
    _, index = cKDTree(train.flatten(1).numpy()).query(made.flatten(1).numpy())
    return torch.tensor([(labels[index] == k).float().mean().item() for k in range(10)])
def nearness(made, train, test):
    tree = cKDTree(train.flatten(1).numpy())
    return np.median(tree.query(made.flatten(1))[0]) / np.median(tree.query(test.flatten(1))[0])
""",
        # counted in Python; the distance per pixel, whose ratio is the same
        """
from collections import Counter
import numpy as np
import statistics
from scipy.spatial.distance import cdist
def kinds(made, train, labels):
    found = Counter(labels[i].item() for i in du.evaluation.nearest(made, train)[1])
    return torch.from_numpy(np.array([found[k] for k in range(10)]) / found.total())
def nearness(made, train, test):
    a, b = [
        statistics.median(np.sqrt(cdist(x.flatten(1), train.flatten(1), "sqeuclidean").min(1) / 64))
        for x in (made, test)
    ]
    return a / b
""",
    ],
    "exA1_b": [
        SHARE
        + """
def linear(x_noisy, sigma, train):  # in the axes of the covariance, in double precision
    flat = train.flatten(1).double()
    values, axes = torch.linalg.eigh(torch.cov(flat.T, correction=0))
    turned = (x_noisy.flatten(1).double() - flat.mean(0)) @ axes
    return (flat.mean(0) + turned * values / (values + sigma**2) @ axes.T).reshape(x_noisy.shape)
""",
        LINEAR
        + """
from statistics import NormalDist
import numpy as np
def share_between(mean, std, low, high):
    normal = NormalDist(mean, std)
    return normal.cdf(np.log(high)) - normal.cdf(np.log(low))
""",
        """
from scipy.stats import lognorm
import numpy as np
def share_between(mean, std, low, high):
    return np.diff(lognorm(s=std, scale=np.exp(mean)).cdf([low, high]))[0]
def linear(x_noisy, sigma, train):
    x, y = train.flatten(1).numpy(), x_noisy.flatten(1).numpy()
    m, C = x.mean(0), np.cov(x, rowvar=False)
    r = m + (C @ np.linalg.solve(C + sigma**2 * np.eye(len(C)), (y - m).T)).T
    return torch.from_numpy(r).reshape(x_noisy.shape)
""",
        """
def share_between(mean, std, low, high):
    law = torch.distributions.LogNormal(mean, std)
    return law.cdf(torch.tensor(high)) - law.cdf(torch.tensor(low))
def linear(x_noisy, sigma, train):  # Tweedie's formula for one Gaussian
    x, y = train.flatten(1), x_noisy.flatten(1)
    total = torch.cov(x.T, correction=0) + sigma**2 * torch.eye(x.shape[1])
    score = -torch.linalg.solve(total, (y - x.mean(0)).T).T
    return (y + sigma**2 * score).unflatten(1, x_noisy.shape[1:])
""",
    ],
    "exA1_c": [
        CANDIDATES + LEVEL,
        # NumPy, in double precision
        """
import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.special import entr, softmax
def candidates(data, sigma):
    chance, x = np.random.default_rng(0), data.flatten(1).double().numpy()
    noisy = x[chance.integers(len(x), size=200)] + sigma * chance.normal(size=(200, x.shape[1]))
    p = softmax(-cdist(noisy, x, "sqeuclidean") / (2 * sigma**2), axis=1)
    return np.median(np.exp(entr(p).sum(axis=1)))
def level_for(data, share=0.9):
    return 10 ** brentq(lambda t: candidates(data, 10**t) / len(data) - share, -2, 3, xtol=1e-3)
""",
        # Bayes' rule written out, and a table of levels
        """
import numpy as np
def candidates(data, sigma):
    chance, x = seeded(3), data.flatten(1)
    some = torch.randint(len(x), (200,), generator=chance).tolist()
    x_noisy = x[some] + sigma * torch.randn(200, x.shape[1], generator=chance)
    squares = torch.stack([(x - each).square().sum(1) for each in x_noisy])
    log_p = (-squares / (2 * sigma**2)).log_softmax(1)
    return float(np.median(np.exp(-(log_p.exp() * log_p).sum(1).numpy())))
def level_for(data, share=0.9):
    t = np.linspace(-2, 3, 41)
    shares = [candidates(data, 10**each) / len(data) for each in t]
    return 10 ** np.interp(share, shares, t)
""",
        # the exponential of the entropy as a product; steps that halve
        """
def candidates(data, sigma):
    g = seeded(11)
    noisy = du.corruption.gaussian(data[torch.randint(0, len(data), [200], generator=g)], sigma, g)
    p = du.from_points(data.flatten(1)).smooth(sigma).responsibilities(noisy.flatten(1).double())
    return (p**-p).prod(1).median().item()
def level_for(data, share=0.9):
    level, step = 0.01, 100.0
    for _ in range(24):
        while level * step <= 1000 and candidates(data, level * step) < share * len(data):
            level *= step
        step = step**0.5
    return level
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "exA1_b": [
        """
def share_between(mean, std, low, high):
    z = (torch.tensor([low, high]).log() - mean) / std
    return torch.special.ndtr(z).diff().item()

def linear(x_noisy, sigma, train):
    import numpy as np
    x, y = train.flatten(1).numpy(), x_noisy.flatten(1).numpy()
    C = np.cov(x, rowvar=False)
    r = x.mean(0) + (y - x.mean(0)) @ np.linalg.solve(C + sigma**2 * np.eye(len(C)), C)
    return r.reshape(x_noisy.shape)
""",
    ],
    "exA1_c": [
        """
def candidates(data, sigma):
    g, x = seeded(0), data.flatten(1)
    some = x[torch.multinomial(torch.ones(len(x)), 200, generator=g)]
    p = du.from_points(x).smooth(sigma).responsibilities(du.corruption.gaussian(some, sigma, g))
    return torch.special.entr(p).sum(1).exp().median().item()

def level_for(data, share=0.9):
    low, high = 0.01, 1000.0
    for _ in range(16):
        m = (low * high) ** 0.5
        low, high = (m, high) if candidates(data, m) < share * len(data) else (low, m)
    return high
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
