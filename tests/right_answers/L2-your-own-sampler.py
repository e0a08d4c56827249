"""Right answers, written otherwise than the solution: each must pass."""

from test_exercises import functions

own = functions("L2-your-own-sampler")
LEVELS, EULER, HEUN, ORDER, NOISY, COMPLETE = (
    own[name] for name in ("levels", "euler", "heun", "order", "noisy_steps", "complete")
)

RIGHT = {
    "exL2_a": [
        """
import numpy as np
def levels(n, high=10.0, low=0.02, rho=7.0):
    return np.linspace(high ** (1 / rho), low ** (1 / rho), n) ** rho
def euler(denoiser, x, sigmas):
    for i in range(len(sigmas) - 1):
        x = x + (float(sigmas[i + 1]) - float(sigmas[i])) * (x - denoiser(x, float(sigmas[i]))) / float(sigmas[i])
    return denoiser(x, float(sigmas[-1]))
""",
        """
def levels(n, high=10.0, low=0.02, rho=7.0):
    a, b = high ** (1 / rho), low ** (1 / rho)
    return [(a + (b - a) * k / (n - 1)) ** rho for k in range(n)]
def euler(denoiser, x, sigmas):
    x, previous = x.clone(), None
    for sigma in sigmas:
        if previous is not None:
            x = clean + (x - clean) * (sigma / previous)
        clean, previous = denoiser(x, sigma), sigma
    return clean
""",
        LEVELS
        + """
def euler(denoiser, x, sigmas):
    sigmas = torch.as_tensor(sigmas).double()
    for s, t in torch.stack([sigmas[:-1], sigmas[1:]], 1).tolist():
        weight = t / s
        x = weight * x + (1 - weight) * denoiser(x, s)
    return denoiser(x, sigmas[-1].item())
""",
    ],
    "exL2_b": [
        HEUN
        + """
import numpy as np
def order(sampler, ns=(20, 40, 80)):
    x = torch.full((1, 1), MEAN + 10.0, dtype=torch.float64)
    end = bell.posterior_mean(MEAN + (x - MEAN) * ((STD**2 + 0.01) / (STD**2 + 100)) ** 0.5, 0.1)
    errors = [abs(float(sampler(bell.posterior_mean, x, levels(n, 10, 0.1)) - end)) for n in ns]
    return -np.polyfit(np.log(ns), np.log(errors), 1)[0]
""",
        """
def heun(denoiser, x, sigmas):
    def slope(x, sigma): return (x - denoiser(x, sigma)) / sigma
    s = [float(v) for v in sigmas]
    for i in range(1, len(s)):
        h = s[i] - s[i - 1]
        first = slope(x, s[i - 1])
        second = slope(x + h * first, s[i])
        x = x + h / 2 * first + h / 2 * second
    return denoiser(x, s[-1])
"""
        + ORDER,
        HEUN
        + """
def order(sampler, ns=(20, 40, 80)):
    x = torch.tensor([[MEAN + 10.0]]).double()
    end = MEAN + 10 * ((STD**2 + 0.1**2) / (STD**2 + 10**2)) ** 0.5
    exact = MEAN + STD**2 / (STD**2 + 0.1**2) * (end - MEAN)
    first, last = (sampler(bell.posterior_mean, x, levels(n, 10.0, 0.1)) - exact for n in (ns[0], ns[-1]))
    return torch.log(first.abs() / last.abs()) / math.log(ns[-1] / ns[0])
""",
    ],
    "exL2_c": [
        """
def noisy_steps(denoiser, x, sigmas, eta=None, generator=None):
    for here, there in zip(list(sigmas)[:-1], list(sigmas)[1:]):
        here, there = float(here), float(there)
        clean = denoiser(x, here)
        share2 = 1 - there**2 / here**2 if eta is None else eta**2
        seen = (x - clean) / here
        fresh = torch.normal(0.0, 1.0, x.shape, generator=generator, dtype=x.dtype) if share2 > 0 else 0.0
        x = clean + there * ((1 - share2) ** 0.5 * seen + share2**0.5 * fresh)
    return denoiser(x, float(sigmas[-1]))
""",
        """
def noisy_steps(denoiser, x, sigmas, eta=None, generator=None):
    if eta == 0:
        return euler(denoiser, x, sigmas)
    for here, there in zip(sigmas, sigmas[1:]):
        clean = denoiser(x, here)
        if eta is None:
            mean, std = clean + (there / here) ** 2 * (x - clean), there * (1 - (there / here) ** 2) ** 0.5
        else:
            mean, std = clean + there / here * (1 - eta**2) ** 0.5 * (x - clean), there * eta
        x = mean + std * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return denoiser(x, sigmas[-1])
""",
        NOISY.replace("torch.randn(x.shape, generator=generator, dtype=x.dtype)",
                      "torch.empty_like(x).normal_(generator=generator)"),
    ],
    "exL2_d": [
        "def my_sampler(denoiser, noise, generator): return noisy_steps(denoiser, noise, levels(20), 0.5, generator)",
        "def my_sampler(denoiser, noise, generator): return heun(denoiser, noise, levels(10))",
        """
def my_sampler(denoiser, noise, generator):  # Heun far up, then DDPM
    above, below = levels(20)[:5], levels(20)[4:]
    x = noise
    for here, there in zip(above.tolist(), above.tolist()[1:]):
        clean = denoiser(x, here)
        x = clean + there * (x - clean) / here
    return noisy_steps(denoiser, x, below, None, generator)
""",
    ],
    "exL2_e": [
        COMPLETE.replace("mask * at_this_level + (1 - mask) * x", "torch.where(mask.bool(), at_this_level, x)"),
        """
def complete(denoiser, noise, known, mask, sigmas, generator):
    x, below = noise, [float(s) for s in sigmas[1:]] + [0.0]
    for here, there in zip([float(s) for s in sigmas], below):
        x = x + mask * (known + here * torch.randn(x.shape, generator=generator) - x)
        clean = denoiser(x, here)
        part = (there / here) ** 2
        x = part * x + (1 - part) * clean
        x = x + there * (1 - part) ** 0.5 * torch.randn(x.shape, generator=generator)
    x = clean.clone()
    x[mask.expand_as(x) == 1] = known.expand_as(x)[mask.expand_as(x) == 1]
    return x
""",
        COMPLETE.replace("known + here * torch.randn(x.shape, generator=generator)",
                         "torch.normal(known.expand(x.shape), here, generator=generator)"),
    ],
}  # fmt: skip
