"""Answers that a student may well give, and words that the check must say about each."""

import runpy
from pathlib import Path

right = runpy.run_path(str(Path(__file__).parents[1] / "right_answers" / Path(__file__).name))
LEVELS, EULER, HEUN, ORDER, NOISY, COMPLETE = (
    right[name] for name in ("LEVELS", "EULER", "HEUN", "ORDER", "NOISY", "COMPLETE")
)

WRONG = {
    "exL2_a": [
        (EULER + "def levels(n, high=10.0, low=0.02, rho=7.0): return torch.linspace(high, low, n)", "evenly spaced"),
        (EULER + LEVELS.replace("1 / rho", "rho"), "evenly spaced"),
        (EULER + LEVELS.replace("0, 1, n", "0, 1 - 1 / n, n"), "evenly spaced"),
        (EULER + LEVELS.replace("rho=7.0):", "rho=7.0):\n    rho = 2.0"), "n = 10"),
        (EULER + "def levels(n, high=10.0, low=0.02, rho=7.0): return du.noise_schedule(n, high, low, rho)", "write this yourself"),
        (LEVELS + EULER.replace("there * (x - clean) / here", "(x - clean)"), "expected 0.4716"),
        (LEVELS + EULER.replace("there * (x - clean) / here", "there * (x - clean)"), "five levels of one Gaussian"),
        (LEVELS + EULER.replace("return denoiser(x, sigmas[-1])", "return x"), "expected 0.4716"),
        (LEVELS + EULER.replace("denoiser(x, here)", "denoiser(x, sigmas[0])"), "once at each level"),
        (LEVELS + EULER.replace("x = clean + there * (x - clean) / here", "x.mul_(there / here).add_(clean * (1 - there / here))"),
         "changes x itself"),
    ],
    "exL2_b": [
        (ORDER + HEUN.replace("/ there) / 2", "/ here) / 2"), "divides by the level there"),
        (ORDER + HEUN.replace("denoiser(guess, there)", "denoiser(guess, here)"), "expected 0.4740"),
        (ORDER + HEUN.replace(") / 2", ")"), "expected 0.4740"),
        (ORDER + HEUN.replace("return denoiser(x, sigmas[-1])", "return denoiser(denoiser(x, sigmas[-1]), 10.0)"), "expected 0.4740"),
        (HEUN + ORDER.replace("(math.log(errors[0]) - math.log(errors[-1]))", "(errors[0] / errors[-1])"), "compare the logarithms"),
        (HEUN + ORDER.replace("bell.posterior_mean(torch.tensor([[end]], dtype=torch.float64), 0.1)", "end"), "exact end after R"),
        (HEUN + ORDER.replace("return (", "return -("), "compare the logarithms"),
        (HEUN + ORDER.replace("for n in ns]", "for n in (20, 40, 80)]"), "n = 10 and 30"),
    ],
    "exL2_c": [
        (NOISY.replace("math.sqrt(1 - share**2)", "(1 - share)"), "mean and standard deviation"),
        (NOISY.replace("there * share * torch", "here * share * torch"), "mean and standard deviation"),
        (NOISY.replace("(there / here) ** 2) if", "there / here) if"), "eta = None"),
        (NOISY.replace("math.sqrt(1 - share**2)", "1"), "mean and standard deviation"),
        (NOISY.replace("        if share:\n    ", "        if True:\n    ").replace("generator=generator, ", ""), "no noise is drawn"),
        (NOISY.replace("torch.randn(x.shape,", "torch.randn((1, 1),"), "mean and standard deviation"),
    ],
    "exL2_d": [
        ("def my_sampler(denoiser, noise, generator): return noisy_steps(denoiser, noise, levels(40), None, generator)", "at most 20"),
        ("def my_sampler(denoiser, noise, generator): return heun(denoiser, noise, levels(20))", "at most 20"),
        ("def my_sampler(denoiser, noise, generator): return denoiser(noise, 10.0)", "expected below 240"),
        ("def my_sampler(denoiser, noise, generator): return euler(denoiser, noise, levels(3))", "expected below 240"),
        ("def my_sampler(denoiser, noise, generator): return du.ancestral(denoiser, noise, du.noise_schedule(20), generator=generator)",
         "write this yourself"),
    ],
    "exL2_e": [
        (COMPLETE.replace("return mask * known + (1 - mask) * clean", "return clean"), "at the end the known pixels"),
        (COMPLETE.replace("known + here * torch.randn(x.shape, generator=generator)", "known"), "the known image plus noise of this level"),
        (COMPLETE.replace("known + here * torch", "known + 10 * torch"), "the known image plus noise of this level"),
        (COMPLETE.replace("sigmas, x = [float(s) for s in sigmas], noise",
                          "sigmas, x = [float(s) for s in sigmas], noise; same = torch.randn(x.shape, generator=generator)")
         .replace("known + here * torch.randn(x.shape, generator=generator)", "known + here * same"), "fresh noise for the known"),
        (COMPLETE.replace("x = x + there * share", "x = x + 0 * there * share"), "the unknown pixels have the spread"),
        (COMPLETE.replace("mask * at_this_level + (1 - mask) * x", "torch.cat([at_this_level[:, :, :14], x[:, :, 14:]], 2)")
         .replace("return mask * known + (1 - mask) * clean", "return torch.cat([known.expand_as(clean)[:, :, :14], clean[:, :, 14:]], 2)"),
         "the mask says"),
    ],
}  # fmt: skip
