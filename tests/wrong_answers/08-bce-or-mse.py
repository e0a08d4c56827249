"""Plausible wrong answers to the exercises of chapter 08, and words of the message that each gets."""

COMPARE = """
def compare(new, old):
    new, old = np.asarray(new), np.asarray(old)
    n = len(new)
    difference = 100 * (new / old - 1)
    mean, half = difference.mean(), stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / n**0.5
    {change}
    if abs(mean) <= half:
        return mean, half, "not clear"
    return mean, half, "new" if mean < 0 else "old"
"""

SWITCH = """
def variance_to_carry(half, std=0.006, sigma=0.02):
    pixel = du.GaussianMixture([[-half], [half]], std**2)
    y = pixel.smooth(sigma).sample(1_000_000, torch.Generator().manual_seed(0)).double()
    return {variance}

def switch(half_1, half_2):
    ratio = variance_to_carry(half_1) / variance_to_carry(half_2)
    return {root}
"""
ROOT = "0.5 - (0.25 - 0.25 * ratio) ** 0.5"
CARRIED = "pixel.posterior_mean(y, sigma).var().item()"

GREY = """
def grey_pixel(seed, n=400):
    at = np.linspace(-0.2, 1.2, 400)
    chance = np.random.default_rng(seed)
    y = chance.uniform(-0.2, 1.2, n)
    x = {x}
    best = expit(4 * at - 2)
    risks = [
        lambda c: np.mean(np.logaddexp(0, c[0] + c[1] * y) - x * (c[0] + c[1] * y)),
        lambda c: np.mean((expit(c[0] + c[1] * y) - x) ** 2),
    ]
    fitted = [minimize(risk, [-2.0, 4.0]).x for risk in risks]{order}
    errors = [(expit(c[0] + c[1] * at) - best) ** 2 for c in fitted]
    weight = 1 / (best * (1 - best))
    return np.array([[e.mean(), {weighted}] for e in errors])
"""
GREY_X = "expit(4 * y - 2) + 0.05 * chance.choice([-1, 1], n)"
AVERAGE = "np.average(e, weights=weight)"

NEAR_BLACK = """
def calibration(r, x, low=0.001, high=0.01):
    dark = {dark}
    return ({ratio}).item()

def difference_near_black(steps):
    y = du.corruption.gaussian(test, 0.4, torch.Generator().manual_seed(0))
    mse, bce = [calibration(train_digits(loss, steps)(y), test) for loss in ("mse", "bce")]
    return {difference}
"""
BY_R, CLEAN_OVER_R = "(r > low) & (r < high)", "x[dark].mean() / r[dark].mean()"
BY_X, R_OVER_CLEAN = "(x > low) & (x < high)", "r[dark].mean() / x[dark].mean()"

WRONG = {
    "ex08_a": [
        # the means first, then their difference: the hard seeds decide alone
        (COMPARE.format(change="mean = 100 * (new.mean() / old.mean() - 1)"), "the seeds are paired"),
        (COMPARE.format(change="mean = -mean"), "new against old"),
        (COMPARE.format(change="half = 1.96 * half / stats.t.ppf(0.975, n - 1)"), "the t distribution"),
        (COMPARE.format(change="half *= n**0.5"), "the root of n"),
        (COMPARE.format(change="return mean, half, 'new' if mean < 0 else 'old'"), "decides nothing"),
        (COMPARE.format(change="return mean, half, 'new' if mean > 0 else 'old'"), "the smaller is"),
    ],
    "ex08_b": [
        # the variances of the clean levels, which predict 0.10, and of the noisy ones
        (SWITCH.format(variance="half**2 + std**2", root=ROOT), "posterior mean"),
        (SWITCH.format(variance="y.var().item()", root=ROOT), "posterior mean"),
        (SWITCH.format(variance=CARRIED, root=ROOT.replace("-", "+", 1)), "the root below 1/2"),
        (SWITCH.format(variance=CARRIED, root="ratio / 4"), "Solve the quadratic"),  # forgets 1 - m
    ],
    "ex08_c": [
        (GREY.format(x="chance.random(n) < expit(4 * y - 2)", order="", weighted=AVERAGE), "x = R*"),
        (GREY.format(x=GREY_X, order="", weighted="(e * weight).mean()"), "the sum of the weights"),
        (GREY.format(x=GREY_X, order="[::-1]", weighted=AVERAGE), "are the rows BCE, MSE"),
    ],
    "ex08_d": [
        (NEAR_BLACK.format(dark=BY_X, ratio=CLEAN_OVER_R, difference="mse / bce"), "by the *recon"),
        (NEAR_BLACK.format(dark=BY_R, ratio=R_OVER_CLEAN, difference="mse / bce"), "divide the clean"),
        (NEAR_BLACK.format(dark=BY_R, ratio=CLEAN_OVER_R, difference="bce / mse"), "MSE over BCE"),
    ],
}
