"""Wrong answers to the exercises of chapter 04, and words of the message that each must meet."""

_A = """
def promised_gain(true_step, t, sigma):
    return {promise}

def tight_law():
    return {law}

def share_that_climbs(denoiser, p_sigma, y, t, sigma):
    z = {step}
    return (p_sigma.log_prob(z) > p_sigma.log_prob(y)).double().mean().item()
"""
_RIGHT_A = {
    "promise": "t * (2 - t) * true_step**2 / (2 * sigma**2)",
    "law": "du.from_points(torch.tensor([[0.5, 0.5]]))",
    "step": "y + t * (denoiser(y, sigma) - y)",
}


def _a(**wrong):
    return _A.format(**_RIGHT_A | wrong)


def _c(expression):
    return f"def reconstruct(phi, y, sigma):\n    return {expression}\n"


def _d(body):
    return f"def count_fixed(denoiser, points, sigma, within=1.0, passes=300):\n    {body}\n"


WRONG = {
    "ex04_a": [
        (_a(promise="t * true_step**2 / (2 * sigma**2)"), "how long is it, in true steps?"),
        (_a(promise="(t * true_step) ** 2 / (2 * sigma**2)"), "how long is it, in true steps?"),
        (_a(promise="t * (2 - t) * true_step**2 / 2"), "the box gives"),
        (_a(law="du.ring()"), "still climb, expected none"),
        (_a(step="denoiser(y, sigma)"), "goes t times as far"),
        (_a(step="denoiser(y, sigma) + t * (denoiser(y, sigma) - y)"), "goes t times as far"),
    ],
    "ex04_b": [
        ("def crossing(modes, std, radius):\n    return radius", "shared by two directions"),
        ("def crossing(modes, std, radius):\n    return radius / 2**0.5", "the bumps have a width"),
        ("def crossing(modes, std, radius):\n    return 0.5 * radius", "too small"),
    ],
    "ex04_c": [
        (_c("y + torch.func.grad(lambda y: phi(y).sum())(y)"), "the factor sigma^2"),
        (_c("y + sigma**2 * torch.func.grad(lambda y: phi(y).mean())(y)"), "of its own point"),
        (_c("y - sigma**2 * torch.func.grad(lambda y: phi(y).sum())(y)"), "off by 2"),
        (
            _c("y + sigma**2 * torch.func.grad(lambda y: phi(y).sum())(y).detach()"),
            "nothing could be trained",
        ),
    ],
    "ex04_d": [
        (
            _d("return ((denoiser(points, sigma) - points).norm(dim=1) <= within * sigma).sum().item()"),
            "one short step says nothing",
        ),
        (
            _d(
                "ends = du.iterate(denoiser, points, passes, sigma)\n"
                "    return ((ends - points).norm(dim=1) <= 1e-6).sum().item()"
            ),
            "in units of sigma",
        ),
        (
            _d(
                "ends = du.iterate(denoiser, points, passes, sigma)\n"
                "    return ((denoiser(ends, sigma) - ends).norm(dim=1) <= within * sigma).sum().item()"
            ),
            "drifts",
        ),
    ],
}
