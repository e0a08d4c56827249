"""Answers that a student may well give, and words that the check must say about each."""

LAW = """
def law_near_black():
    return du.GaussianMixture([[0.08], [0.16], [0.2]], [0.014**2, 0.01**2, 0.014**2])
"""
RATIO = """
def predicted_ratio(best, error):
    share = error**2
    return ((share / (4 * best * (1 - best))).sum() / share.sum()).item()
"""
BREGMAN = """
def bregman(phi, x, r): return phi(x) - phi(r) - sympy.diff(phi(r), r) * (x - r)
"""
SCORE_ERROR = "\ndef score_error(excess, sigma): return excess / sigma**4\n"

WRONG = {
    "ex02_a": [
        ("def smoothed(y, sigma, power=0): return density_part(y, sigma, power)", "two parts"),
        (
            """
def smoothed(y, sigma, power=0):
    return density_part(y, sigma, power) + w * 0.5**power * normal(y - 0.5, sigma)
""",
            "add up to 1",
        ),
        (
            """
def smoothed(y, sigma, power=0):
    return (1 - w) * density_part(y, sigma, power) + w * normal(y - 0.5, sigma)
""",
            "What is x at the atom?",
        ),
        (
            """
def smoothed(y, sigma, power=0):  # the atom at 0
    return (1 - w) * density_part(y, sigma, power) + w * 0.5**power * normal(y, sigma)
""",
            "two parts",
        ),
    ],
    "ex02_b": [
        (
            SCORE_ERROR + "def bregman(phi, x, r): return phi(x) - phi(r)",
            "Where does the tangent touch",
        ),
        (
            SCORE_ERROR
            + "def bregman(phi, x, r): return phi(r) - phi(x) - sympy.diff(phi(x), x) * (r - x)",
            "minus the entropy",
        ),
        (BREGMAN + "def score_error(excess, sigma): return excess / (2 * sigma**4)", "there is equality"),
        (BREGMAN + "def score_error(excess, sigma): return excess / sigma**2", "sigma^2 times"),
        (BREGMAN + "def score_error(excess, sigma): return excess * 1e4", "sigma^2 times"),
    ],
    "ex02_c": [
        (
            RATIO
            + """
def law_near_black():  # moved to the left and not narrowed
    return du.GaussianMixture([[0.08], [0.16], [0.2]], [0.07**2, 0.04**2, 0.06**2], [0.5, 0.2, 0.3])
""",
            "lies below 0",
        ),
        (
            RATIO
            + """
def law_near_black():
    return du.GaussianMixture([[0.1], [0.25], [0.3]], [0.01**2, 0.01**2, 0.01**2], [0.2, 0.3, 0.5])
""",
            "below 0.2",
        ),
        (
            LAW + "def predicted_ratio(best, error): return (1 / (4 * best * (1 - best))).mean().item()",
            "Weigh each point",
        ),
        (
            LAW
            + """
def predicted_ratio(best, error):
    share = error**2
    return ((share / (2 * best * (1 - best))).sum() / share.sum()).item()
""",
            "to second order",
        ),
        (
            LAW
            + """
def predicted_ratio(best, error):
    share = error.abs()
    return ((share / (4 * best * (1 - best))).sum() / share.sum()).item()
""",
            "Weigh each point",
        ),
        (
            RATIO
            + """
def law_near_black():
    return du.GaussianMixture([[0.02], [0.2]], [0.002**2, 0.01**2])
""",
            "all from 0.05 to 0.3",
        ),
    ],
}
