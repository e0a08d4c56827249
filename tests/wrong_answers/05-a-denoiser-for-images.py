"""Wrong answers to the exercises of chapter 05, and words of the message that each must meet."""


def _a(body):
    return f"def test_loss(network, x, sigma, epsilon):\n    {body}\n"


_TWO_WAYS = """
def two_ways(denoiser, a, b, c, sigma, points=26):
    straight = du.log_density_difference(denoiser, a, b, sigma, points)
    first = du.log_density_difference(denoiser, a, c, sigma, points)
    return straight, first + du.log_density_difference(denoiser, {back}, sigma, points)


def curl(denoiser, y, e, f, sigma):
    y = y.detach().requires_grad_()
    R = denoiser(y, sigma)
    (fJ,) = torch.autograd.grad((R * f).sum(), y, retain_graph=True)
    (eJ,) = torch.autograd.grad((R * e).sum(), y)
    return {curl}
"""


def _b(back="c, b", curl="(fJ * e - eJ * f).flatten(1).sum(1) / sigma**2"):
    return _TWO_WAYS.format(back=back, curl=curl)


_C = """
def nats(r, x):
    return {nats}


def least(x_noisy, sigma, atoms):
    law = du.from_points(atoms)
    return {least}
"""


def _c(
    nats="du.objectives.bce(r.clamp(1e-4, 1 - 1e-4).logit(), x).mean().item() / x[0].numel()",
    least="du.objectives.entropy(law.posterior_mean(x_noisy, sigma).clamp(0, 1)).mean().item()"
    " / atoms.shape[1]",
):
    return _C.format(nats=nats, least=least)


_D = """
def steps_needed(curves, target):
    found = [math.inf]
    for curve in {curves}:
        if curve[0][1] <= target:
            found.append(curve[0][0])
        for (n, high), (m, low) in zip(curve, curve[1:]):
            if low <= target < high:
                share = (high - target) / (high - low)
                found.append({between})
    return {answer}
"""


def _d(curves="curves.values()", between="n * (m / n) ** share", answer="min(found)"):
    return _D.format(curves=curves, between=between, answer=answer)


_E = """
def leading(J, shape):
    values, vectors = torch.linalg.eigh({matrix})
    return values[{which}].item(), vectors[:, {which}].reshape(shape)


def replies(denoiser, y, direction, moves, sigma):
    return denoiser(torch.cat([{moved} for t in moves]), sigma)
"""


def _e(matrix="(J + J.mT) / 2", which="-1", moved="y + t * direction"):
    return _E.format(matrix=matrix, which=which, moved=moved)


WRONG = {
    "ex05_a": [
        (
            _a(
                "noisy = (x + sigma * epsilon).clamp(0, 1)\n"
                "    logits = network.logits(noisy, sigma)\n"
                "    return du.objectives.bce(logits, x).mean().item() / x[0].numel()"
            ),
            "never clamped",
        ),
        (
            _a(
                "logits = network.logits(x + sigma * torch.randn_like(x), sigma)\n"
                "    return du.objectives.bce(logits, x).mean().item() / x[0].numel()"
            ),
            "with the epsilon that was given",
        ),
        (
            _a(
                "logits = network.logits(x + sigma * epsilon, sigma)\n"
                "    return du.objectives.bce(logits, x).mean().item()"
            ),
            "a mean over pixels",
        ),
        (
            _a(
                "logits = network.logits(x + sigma * epsilon, sigma)\n"
                "    return du.objectives.mse(logits, x).mean().item() / x[0].numel()"
            ),
            "Is the loss BCE",
        ),
    ],
    "ex05_b": [
        (_b(back="b, c"), "the detour path gives"),
        (_b(curl="(eJ * f - fJ * e).flatten(1).sum(1) / sigma**2"), "which of e and f comes first"),
        (_b(curl="(fJ * e - eJ * f).flatten(1).sum(1)"), "Mind sigma^2"),
        (
            _b(curl="(fJ * e + eJ * f).flatten(1).sum(1) / sigma**2"),
            "half of it is detour minus straight",
        ),
    ],
    "ex05_c": [
        (_c(nats="((r - x) ** 2).mean().item()"), "costs log 2"),
        (_c(nats="-(x * r.log() + (1 - x) * (1 - r).log()).mean().item()"), "count as black and white"),
        (
            _c(least="du.objectives.entropy(atoms).mean().item() / atoms.shape[1]"),
            "a mean, then its entropy",
        ),
        (_c(least="0.0"), "nothing is better"),
    ],
    "ex05_d": [
        (_d(between="n + share * (m - n)"), "a straight line in log(steps)"),
        (_d(curves="[next(iter(curves.values()))]"), "try all rates"),
        (_d(answer="min(found[1:], default=curves[0.01][-1][0])"), "math.inf"),
        (_d(answer="max(found[1:], default=math.inf)"), "the second rate starts at the target"),
    ],
    "ex05_e": [
        (_e(matrix="J"), "symmetric part"),
        (_e(which="0"), "the largest is"),
        (_e(moved="t * direction"), "the replies are R(y + t direction)"),
    ],
}
