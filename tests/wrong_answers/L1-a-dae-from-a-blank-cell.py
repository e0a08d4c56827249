"""Answers that a student may well give, and words that the check must say about each."""

import runpy
from pathlib import Path

right = runpy.run_path(str(Path(__file__).parents[1] / "right_answers" / Path(__file__).name))
loop, BCE, CORRUPT, KDE, COMPARE, DEEP, ADAM, AGAIN = (
    right[name] for name in ("loop", "BCE", "CORRUPT", "KDE", "COMPARE", "DEEP", "ADAM", "AGAIN")
)
GOOD = loop("train", DEEP, ADAM, 4e-3, "x")
BLIND = loop("train_without_clean_targets", DEEP, ADAM, 4e-3, AGAIN)

WRONG = {
    "exL1_a": [
        (BCE + "def corrupt(x, sigma, generator): return x + sigma**2 * torch.randn(x.shape, generator=generator)",
         "standard deviation 0.25"),
        (BCE + "def corrupt(x, sigma, generator): return x.add_(sigma * torch.randn(x.shape, generator=generator))",
         "do not add in place"),
        (BCE + "def corrupt(x, sigma, generator): return (x + sigma * torch.randn(x.shape, generator=generator)).clamp(0, 1)",
         "the noise has"),
        (BCE + "def corrupt(x, sigma, generator): return x + sigma * torch.randn(x.shape)", "draw the noise from `generator`"),
        (BCE + "def corrupt(x, sigma, generator): return x + sigma * torch.randn(len(x), 1, generator=generator)",
         "every coordinate"),
        (BCE + "def corrupt(x, sigma, generator): return x + sigma * 12**0.5 * (torch.rand(x.shape, generator=generator) - 0.5)",
         "Gaussian"),
        (CORRUPT + "def bce(logits, x): r = logits.sigmoid(); return -(x * r.log() + (1 - x) * (1 - r).log()).sum(1)",
         "the form of the warm-up"),
        (CORRUPT + "def bce(logits, x): return (F.softplus(logits) - x * logits).mean(1)", "sum over the coordinates"),
        (CORRUPT + "def bce(logits, x): return (F.softplus(logits) - x * logits).sum()", "one loss for each point"),
        (CORRUPT + "def bce(logits, x): return (F.softplus(logits.clamp(-200, 160)) - x * logits.clamp(-200, 160)).sum(1)"
                   " + 0.6 * (logits[:, 0] - 160).clamp(0).detach()", "slopes in the logits"),
    ],
    "exL1_b": [
        (GOOD.replace("torch.manual_seed(seed)", "pass").replace("with torch.random.fork_rng():", "if True:"),
         "the same seed gives another network"),
        (GOOD.replace("manual_seed(seed)", "manual_seed(0)"), "another seed gives the same network"),
        (GOOD.replace("with torch.random.fork_rng():", "if True:"), "global random state"),
        (loop("train", DEEP, ADAM, 1e-5, "x"), "relative error of the score is"),
        (loop("train", DEEP, ADAM, 4e-3, "(x > 0.5).float()"), "relative error of the score is"),
        ("""
def train(points, sigma, steps, seed):
    network = du.MLPDenoiser(2, seed=seed)
    du.fit(network, points, sigma=sigma, steps=steps, seed=seed, device="cpu")
    return network.logits
""", "write this yourself"),
    ],
    "exL1_c": [
        ("def score(logits, y, sigma): return (torch.sigmoid(logits(y)) - y) / sigma", "divides by sigma^2"),
        ("def score(logits, y, sigma): return (logits(y) - y) / sigma**2", "divides by sigma^2"),
        ("def score(logits, y, sigma): return (y - torch.sigmoid(logits(y))) / sigma**2", "divides by sigma^2"),
        ("def score(logits, y, sigma): return (torch.sigmoid(logits(y)) - y) / 0.1**2", "sigma = 0.2"),
    ],
    "exL1_d": [
        (COMPARE + """
def kde_score(points, y, sigma):
    weight = torch.exp(-torch.cdist(y, points) ** 2 / (2 * sigma**2))
    return (weight @ points / weight.sum(1, keepdim=True) - y) / sigma**2
""", "not finite"),
        (COMPARE + KDE.replace("2 * sigma**2", "sigma**2"), "expected (-0.2720, -2)"),
        (COMPARE + KDE.replace(".square()", ""), "expected (-0.2720, -2)"),
        (COMPARE + KDE.replace("@ points - y) / sigma**2", "@ points - y) / sigma"), "expected (-0.2720, -2)"),
        (KDE + COMPARE.replace("steps, seed)", "steps, 0)"), "train was called with"),
        (KDE + COMPARE.replace("drawn[:n]", "drawn"), "train was called with"),
        (KDE + COMPARE.replace("drawn[:n]", "drawn[-n:]"), "first n points"),
        (KDE + COMPARE.replace("ring.smooth(sigma).score", "ring.score"), "your error of the network"),
        (KDE + COMPARE.replace("errors[i, j, 1]", "errors[i, j, 0]"), "your error of the network"),
    ],
    "exL1_e": [
        (BLIND.replace("y, target = corrupt(x, sigma, generator), corrupt(x, sigma, generator)",
                       "y = corrupt(x, sigma, generator); target = y"), "twice at each step"),
        (loop("train_without_clean_targets", DEEP, ADAM, 4e-3, "x"), "twice at each step"),
        (loop("train_without_clean_targets", DEEP, ADAM, 4e-3, "corrupt(x.flip(0), sigma, generator)"), "another point"),
    ],
}  # fmt: skip
