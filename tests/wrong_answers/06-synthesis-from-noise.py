"""Wrong answers to the exercises of chapter 06, and words of the message that each must meet."""

_A = """
def start(mean, sigma, n, generator):
    return {start}


def counts(denoiser, x, sigma, passes):
    path = du.iterate(denoiser, x, {passes}, sigma, return_path=True)
    return {counts}
"""


def _a(
    start="mean + sigma * torch.randn(n, *mean.shape[1:], generator=generator)",
    passes="passes",
    counts="[distinct(x) for x in path]",
):
    return _A.format(start=start, passes=passes, counts=counts)


_B = """
def anneal(denoiser, x, high, low, passes):
    for i in range(passes):
        x = du.iterate(denoiser, x, 1, {level})
    return x


def strength(x, mean):
    return {strength}
"""


def _b(
    level="high * (low / high) ** (i / (passes - 1))",
    strength="(x - mean).square().mean().sqrt().item()",
):
    return _B.format(level=level, strength=strength)


_C = """
def descend(denoiser, x, levels, noise, generator):
    for s in levels:
        x = {step}
    return x


def predicted_variance(v, s, levels, noise):
    for sigma in levels:
        c = s**2 / (s**2 + sigma**2)
        v = {variance}
    return v
"""


def _c(
    step="denoiser(du.corruption.gaussian(x, s, generator) if noise else x, s)",
    variance="c**2 * (v + sigma**2 if noise else v)",
):
    return _C.format(step=step, variance=variance)


_D = """
def predicted_reaches(sigma, mean, digits):
    D = du.evaluation.nearest(mean, digits)[0].item()
    return {answer}
"""

_E = """
def falls(starts, ends, real, thresholds, keep=0.95):
    fair = {fair}
    return {{t: {fall} for t in fair}}
"""


def _e(
    fair="[t for t in thresholds if distinct(real, t) >= keep * len(real)]",
    fall="distinct(ends, t) / distinct(starts, t)",
):
    return _E.format(fair=fair, fall=fall)


WRONG = {
    "ex06_a": [
        (
            _a(start="(mean + sigma * torch.randn(n, 1, 28, 28, generator=generator)).clamp(0, 1)"),
            "unclamped",
        ),
        (
            _a(start="mean + sigma * torch.rand(n, 1, 28, 28, generator=generator)"),
            "about the mean image",
        ),
        (_a(start="mean + sigma * torch.randn(n, 1, 1, 1, generator=generator)"), "each pixel"),
        (_a(counts="[distinct(x) for x in path[1:]]"), "the start included"),
        (_a(counts="[distinct(path[-1])] * (passes + 1)", passes="0"), "one mode"),
    ],
    "ex06_b": [
        (_b(level="high + (low - high) * i / (passes - 1)"), "equal ratios"),
        (_b(level="high * (low / high) ** (i / passes)"), "both included"),
        (_b(strength="(x - mean).flatten(1).norm(dim=1).mean().item()"), "the root of the mean square"),
        (_b(strength="x.std().item()"), "the difference from the mean image"),
    ],
    "ex06_c": [
        (_c(variance="c * (v + sigma**2 if noise else v)"), "the variance by c^2"),
        (_c(variance="c**2 * v + sigma**2 if noise else c**2 * v"), "adds sigma^2 before the step"),
        (_c(step="denoiser(x, s)"), "adds sigma^2 before the step"),
        (
            _c(step="du.corruption.gaussian(denoiser(x, s), s, generator) if noise else denoiser(x, s)"),
            "adds sigma^2 before the step",
        ),
    ],
    "ex06_d": [
        (_D.format(answer="1.0"), "how do their lengths add?"),
        (_D.format(answer="(28 * sigma + D) / (28 * sigma)"), "how do their lengths add?"),
        (_D.format(answer="(sigma**2 + D**2) ** 0.5 / (28 * sigma)"), "nearly at right angles"),
    ],
    "ex06_e": [
        (_e(fair="thresholds"), "it is not fair"),
        (_e(fair="[t for t in thresholds if distinct(starts, t) >= keep * len(starts)]"), "fair are"),
        (_e(fall="distinct(ends, t) / len(starts)"), "Count both"),
    ],
}
