"""Right answers, written otherwise than the solution: each must pass."""

BREGMAN = "def bregman(phi, x, r): return phi(x) - phi(r) - sympy.diff(phi(r), r) * (x - r)\n"
SCORE_ERROR = "def score_error(excess, sigma): return excess / sigma**4\n"
DENSITY = """
def law_near_black():
    return du.GaussianMixture([[0.06], [0.1]], [0.01**2, 0.015**2])
"""
RATIO = """
def predicted_ratio(best, error):
    share = error**2
    return (share / (4 * best * (1 - best))).sum() / share.sum()
"""

RIGHT = {
    "ex02_a": [
        """
def smoothed(y, sigma, power=0):  # a sum in place of quad
    x = (np.arange(20_000) + 0.5) / 20_000
    rest = np.mean(x**power * 2 * x * normal(y - x, sigma))
    return np.array([0.7 * rest + 0.3 * 0.5**power * normal(y - 0.5, sigma)])
""",
        """
def smoothed(y, sigma, power=0):
    gaussian = torch.distributions.Normal(0.5, sigma).log_prob(torch.tensor(y)).exp()
    return density_part(y, sigma, power) * (1 - w) + w * (0.5 if power else 1) * gaussian
""",
        """
def smoothed(y, sigma, power=0):  # Gauss-Legendre in place of quad, one float32 array of shape (1, 1)
    node, weight = np.polynomial.legendre.leggauss(200)
    x = (node + 1) / 2
    rest = (weight / 2) @ (x**power * 2 * x * normal(y - x, sigma))
    return np.float32([[0.7 * rest + 0.3 * 0.5**power * normal(y - 0.5, sigma)]])
""",
    ],
    "ex02_b": [
        """
def bregman(phi, x, r): return phi(x) - phi(r) - sympy.Derivative(phi(r), r) * (x - r)
def score_error(excess, sigma): return torch.tensor(excess) / torch.tensor(sigma) ** 4
""",
        """
def bregman(phi, x, r):
    t = sympy.Symbol("t", positive=True)
    return sympy.expand(phi(x) - (phi(t) + phi(t).diff(t) * (x - t)).subs(t, r))
def score_error(excess, sigma): return np.float32(excess) * np.float32(sigma) ** -4
""",
        BREGMAN + "def score_error(excess, sigma): return (excess**0.5 / sigma**2) ** 2",
        SCORE_ERROR
        + "def bregman(phi, x, r): return sympy.simplify(phi(x) - phi(r) - phi(r).diff(r) * (x - r))",
    ],
    "ex02_c": [
        DENSITY + RATIO,
        DENSITY
        + """
def predicted_ratio(best, error):
    best, error = np.asarray(best), np.asarray(error)
    return np.average(1 / (4 * best * (1 - best)), weights=error**2)
""",
        RATIO + "def law_near_black(): return du.from_points(torch.tensor([[0.1], [0.15], [0.29]]))",
        RATIO
        + """
def law_near_black():  # far apart
    return du.GaussianMixture([[0.05], [0.3]], [0.008**2, 0.02**2], [0.75, 0.25])
""",
    ],
}
