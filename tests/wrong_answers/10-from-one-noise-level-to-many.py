"""Plausible wrong answers to the exercises of chapter 10, and words of the message that each gets."""

LEVELS = """
def evaluations(levels):
    return {calls}

def distance_to_fine(denoiser, x, levels, fine, low=0.02):
    fine_start = {fine_start}
    end = du.probability_flow(denoiser, x, du.noise_schedule(levels, low=low))
    fine_end = du.probability_flow(denoiser, fine_start, du.noise_schedule(fine{low}))
    return {distance}
"""
RIGHT_LEVELS = {
    "calls": "2 * levels - 1",
    "fine_start": "x",
    "low": ", low=low",
    "distance": "(end - fine_end).flatten(1).norm(dim=1).median().item()",
}

EULER = """
def euler_flow(denoiser, x, sigmas):
    levels = [float(s) for s in sigmas]
    for here, there in zip(levels, levels[1:]):
        {step}
    return {last}

def euler_levels(n):
    return {levels}
"""
RIGHT_EULER = {
    "step": "x = x + (there - here) * (x - denoiser(x, here)) / here",
    "last": "denoiser(x, levels[-1])",
    "levels": "2 * n - 1",
}

FLOW = """
def gaussian_flow(x, mu, s, high, low):
    return {end}
"""

ONE_PASS = """
def variance_after_one_pass(density, sigma):
    x = density.sample(200_000, seeded(0)).double()
    x_noisy = du.corruption.gaussian(x, sigma, seeded(1))
    return {value}
"""

WALK = """
def pass_variance(v, s, sigma):
    c = s**2 / (s**2 + sigma**2)
    return {after}

def limit_variance(s, sigma):
    return {limit}

def share_left(levels, s):
    v = {first}
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        v = pass_variance(v, s, sigma)
    return v / {unit}
"""
RIGHT_WALK = {
    "after": "c**2 * (v + sigma**2)",
    "limit": "s**4 / (2 * s**2 + sigma**2)",
    "first": "0.0",
    "unit": "s**2",
}

WRONG = {
    "ex10_a": [
        (LEVELS.format(**RIGHT_LEVELS | {"calls": "levels"}), "Heun looks twice"),
        (LEVELS.format(**RIGHT_LEVELS | {"calls": "2 * levels"}), "n - 1 steps"),
        # another noise for the fine flow
        (LEVELS.format(**RIGHT_LEVELS | {"fine_start": "x.flip(0)"}), "the *same* noise"),
        (LEVELS.format(**RIGHT_LEVELS | {"low": ""}), "the same low"),
        (
            LEVELS.format(**RIGHT_LEVELS | {"distance": "(end - fine_end).abs().median().item()"}),
            "the median over points of the distance",
        ),
    ],
    "ex10_b": [
        (
            EULER.format(
                **RIGHT_EULER | {"step": "x = x + (here - there) * (x - denoiser(x, here)) / here"}
            ),
            "which is negative",
        ),
        (
            EULER.format(
                **RIGHT_EULER | {"step": "x = x + (there - here) * (x - denoiser(x, there)) / there"}
            ),
            "at the level where you stand",
        ),
        (EULER.format(**RIGHT_EULER | {"last": "x"}), "end with R at the last level"),
        # looks where the step has led, as Heun does, and forgets it
        (
            EULER.format(**RIGHT_EULER | {"step": RIGHT_EULER["step"] + "; denoiser(x, there)"}),
            "once a step",
        ),
        # equal levels instead of equal cost, and the exercise's "twice the levels" taken at its word
        (EULER.format(**RIGHT_EULER | {"levels": "n"}), "compare at equal cost"),
        (EULER.format(**RIGHT_EULER | {"levels": "2 * n"}), "compare at equal cost"),
    ],
    "ex10_c": [
        # variances instead of deviations; standard deviations that add; an ascent to the mode
        (FLOW.format(end="mu + (s**2 + low**2) / (s**2 + high**2) * (x - mu)"), "(1/2) log"),
        (FLOW.format(end="mu + (s + low) / (s + high) * (x - mu)"), "(1/2) log"),
        (FLOW.format(end="mu + 0 * x"), "deviations of p_sigma"),
        (FLOW.format(end="((s**2 + low**2) / (s**2 + high**2)) ** 0.5 * x"), "x - mu"),
    ],
    "ex10_d": [
        # p itself, p_sigma, and p less a whole sigma^2 in each coordinate
        (ONE_PASS.format(value="x.var(0).sum().item()"), "each point is replaced by a mean"),
        (ONE_PASS.format(value="x_noisy.var(0).sum().item()"), "each point is replaced by a mean"),
        (ONE_PASS.format(value="x.var(0).sum().item() - 2 * sigma**2"), "which of the two is left"),
        (
            ONE_PASS.format(value="density.posterior_mean(x, sigma).var(0).sum().item()"),
            "the distribution p_sigma",
        ),
    ],
    "ex10_e": [
        # R* shrinks the deviation, so the variance by the square
        (WALK.format(**RIGHT_WALK | {"after": "c * (v + sigma**2)"}), "multiplies the distance"),
        (WALK.format(**RIGHT_WALK | {"after": "c**2 * v + sigma**2"}), "The noise adds sigma^2; then"),
        (WALK.format(**RIGHT_WALK | {"limit": "s**2 / 2"}), "Solve v = pass_variance"),
        (WALK.format(**RIGHT_WALK | {"unit": "s"}), "divide by s^2"),
        # a start at the variance of the data
        (WALK.format(**RIGHT_WALK | {"first": "s**2"}), "start from 0"),
    ],
}
