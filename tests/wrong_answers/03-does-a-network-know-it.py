"""Answers that a student may well give, and words that the check must say about each."""

INTERVAL = """
def interval(first, second):
    difference = np.log(first) - np.log(second)
    n = len(difference)
    reach = stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / math.sqrt(n)
    return difference.mean() - reach, difference.mean() + reach
"""
VERDICT = """
def verdict(low, high): return "second" if low > 0 else "first" if high < 0 else "not clear"
"""

WRONG = {
    "ex03_a": [
        (
            "def error_map(learned, exact, density): return (learned - exact).square().sum(1)",
            "weighs each place by p_sigma",
        ),
        (
            "def error_map(learned, exact, density): return density * (learned - exact).norm(dim=1)",
            "squares are added up",
        ),
        (
            "def error_map(learned, exact, density): return density * (learned - exact).square().mean(1)",
            "over both coordinates",
        ),
        (
            """
def error_map(learned, exact, density): return density[0] * (learned - exact).square().sum(1)
""",
            "the average over 100,000 corrupted points",
        ),
    ],
    "ex03_b": [
        (
            """
def extrapolate(sigmas, errors, sigma):
    slope, height = np.polyfit(sigmas, errors, 1)
    return height + slope * sigma
""",
            "straight on log-log axes",
        ),
        (
            """
def extrapolate(sigmas, errors, sigma):
    slope, height = np.polyfit(np.log(sigmas), np.log(errors), 1)
    return height + slope * np.log(sigma)
""",
            "take the exponential",
        ),
        ("def extrapolate(sigmas, errors, sigma): return errors[0] * sigmas[0] / sigma", "log-log"),
        # a line through two of the points, and a curve through three
        (
            """
def extrapolate(sigmas, errors, sigma):
    slope, height = np.polyfit(np.log(sigmas[:2]), np.log(errors[:2]), 1)
    return np.exp(height + slope * np.log(sigma))
""",
            "all points by least squares",
        ),
        (
            """
def extrapolate(sigmas, errors, sigma):
    ends = [0, -1]
    line = np.polyfit(np.log(sigmas)[ends], np.log(errors)[ends], 1)
    return np.exp(np.polyval(line, np.log(sigma)))
""",
            "all points by least squares",
        ),
        (
            """
def extrapolate(sigmas, errors, sigma):
    return np.exp(np.polyval(np.polyfit(np.log(sigmas), np.log(errors), 2), np.log(sigma)))
""",
            "all points by least squares",
        ),
    ],
    "ex03_c": [
        (
            VERDICT
            + """
def interval(first, second):  # 1.96 whatever the number of seeds
    difference = np.log(first) - np.log(second)
    reach = 1.96 * difference.std(ddof=1) / math.sqrt(len(difference))
    return difference.mean() - reach, difference.mean() + reach
""",
            "quantile 0.975 of t",
        ),
        (
            VERDICT
            + """
def interval(first, second):  # unpaired
    a, b = np.log(first), np.log(second)
    reach = stats.t.ppf(0.975, len(a) - 1) * math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return (a - b).mean() - reach, (a - b).mean() + reach
""",
            "differences seed by seed",
        ),
        (
            VERDICT
            + """
def interval(first, second):  # the spread of one difference, not of the mean
    difference = np.log(first) - np.log(second)
    reach = stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1)
    return difference.mean() - reach, difference.mean() + reach
""",
            "square root of n",
        ),
        (
            INTERVAL + 'def verdict(low, high): return "first" if low + high > 0 else "second"',
            "the smaller error is the better one",
        ),
        (
            INTERVAL + 'def verdict(low, high): return "first" if low + high < 0 else "second"',
            "an interval that holds 0",
        ),
    ],
    "ex03_d": [
        (
            """
def fourier(x):
    angle = (x[:, :, None] * torch.arange(1, 5)).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], 1)
""",
            "mind the factor pi",
        ),
        (
            """
def fourier(x):
    angle = (x[:, :, None] * torch.arange(1, 5) * math.pi).flatten(1)
    return angle.sin()
""",
            "16 columns",
        ),
        # the frequencies 0 to 3
        (
            """
def fourier(x):
    angle = (x[:, :, None] * torch.arange(4) * math.pi).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], 1)
""",
            "add up to 1.414",
        ),
    ],
}
