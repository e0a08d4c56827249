# ---
# jupyter:
#   jupytext:
#     formats: notebooks///ipynb,notebooks/scripts///py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # L2 · Lab: your own sampler
#
# For chapter [10](../10-from-one-noise-level-to-many.ipynb), of which you need the beginning: a denoiser that is told its noise level, and the flow. The five parts take about 170 minutes, and they are worth 20 points: checks give 15, and your lecturer gives 5 for a proof and for what you conclude.
#
# In the chapter `du.ancestral` and `du.probability_flow` did the work. Here you write the levels, three kinds of steps and a sampler of your own, and you let it make digits with the network that ships with the book. It is judged by the Frechet distance at a fixed number of evaluations. Of `daeutils` you may use the network, the data, the distributions, `du.evaluation` and the figures; `du.ancestral`, `du.probability_flow` and `du.noise_schedule` are not allowed. Code that chapter 10 and its exercises show may be used where it fits, if you can explain every line.
#
# Fill in the marked cells and run the check below each. A check prints a line when your function passes. Your lecturer has further checks, with other numbers and for the rest of what the text and the docstrings say. Write every prediction down before you run anything.

# %% tags=["hide-cell"] jupyter={"source_hidden": true}
try:
    import daeutils as du
except ModuleNotFoundError as error:
    import os, subprocess, sys
    from importlib.metadata import version

    book = "git+https://github.com/OWNER/denoising-and-the-score"
    hosts = {"google.colab": sys.modules, "KAGGLE_KERNEL_RUN_TYPE": os.environ}
    if not any(sign in place for sign, place in hosts.items()):
        raise ImportError(
            f"{error.name} is missing in {sys.executable}. In the book's folder, use "
            "`make lab`, or choose the kernel of its .venv. Anywhere else, run\n"
            f"    %pip install {book}\n"
            "or, from a course, %pip install daeutils-0.1.0-py3-none-any.whl"
        ) from error
    # Colab and Kaggle have PyTorch: theirs stays, and what is missing is installed
    kept = [f"{name}=={version(name)}" for name in ("torch", "torchvision")]
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.check_call([*pip, book, *kept])
    import daeutils as du

# %%
import math

import matplotlib.pyplot as plt
import torch

du.plotting.use_style()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


class Counted:
    """A denoiser that counts the images that it is shown, and remembers the levels."""

    def __init__(self, denoiser):
        self.denoiser, self.calls, self.levels = denoiser, 0, []

    def __call__(self, x, sigma):
        self.calls += len(x)
        self.levels.append(float(sigma))
        return self.denoiser(x, sigma)


# One Gaussian in one dimension: everything about it is known exactly.
MEAN, STD = 0.4, 0.2
bell = du.GaussianMixture([[MEAN]], STD**2)
unet = du.load("digits-unet-bce", device="cpu")
mean_digit = du.digits("train")[0].mean(0)
real = du.evaluation.features(du.digits("test")[0])


def frechet(x):
    """Frechet distance of images to the 2,000 test digits."""
    return du.evaluation.frechet_between(du.evaluation.features(x.clamp(0, 1)), real)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


class forbidden:
    """In this block the parts of daeutils that you are to write yourself are switched off."""

    def __enter__(self):
        def refuse(*_, **__):
            raise AssertionError(
                "write this yourself: the samplers and the schedule of daeutils are not allowed here"
            )

        names = ("ancestral", "probability_flow", "noise_schedule", "iterate", "walkback", "langevin")
        self.kept = {name: getattr(du, name) for name in names}
        for name in self.kept:
            setattr(du, name, refuse)

    def __exit__(self, *_):
        for name, value in self.kept.items():
            setattr(du, name, value)


# %% [markdown]
# ## (a) · Levels, and Euler's step
#
# *About 30 minutes.*
#
# Sampling starts from $x=$ mean $+\,\sigma_1\varepsilon$ at a large level $\sigma_1$ and comes down a list of levels $\sigma_1>\sigma_2>\dots>\sigma_n>0$. Karras et al. (2022) space the powers $\sigma^{1/\rho}$ evenly: with $\rho=1$ the levels themselves are equally far apart, and with a larger $\rho$ they are denser near the end.
#
# From $\sigma$ to $\sigma'$ Euler's step follows the slope of the flow, $dx/d\sigma=(x-R(x;\sigma))/\sigma$. At the last level the image is $R(x;\sigma_n)$.
#
# **Warm-up, with a pencil.** Show that Euler's step is $x'=R+\sigma'\hat\varepsilon$, where $\hat\varepsilon=(x-R)/\sigma$. For which data is it exact, however long it is?
#
# **Predict.** The levels 10 to 0.02, ten of them, with $\rho=7$: how many lie below 1? And with $\rho=1$?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL2_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def levels(n, high=10.0, low=0.02, rho=7.0):
    """n noise levels from `high` down to `low`, both included, a list or a tensor; their powers 1 / rho are evenly spaced."""
    ### BEGIN SOLUTION
    t = torch.linspace(0, 1, n, dtype=torch.float64)
    return ((1 - t) * high ** (1 / rho) + t * low ** (1 / rho)) ** rho
    ### END SOLUTION


def euler(denoiser, x, sigmas):
    """Come down the levels by Euler's steps, and end with R at the last one. One evaluation for each level."""
    ### BEGIN SOLUTION
    sigmas = [float(s) for s in sigmas]
    for here, there in zip(sigmas, sigmas[1:]):
        clean = denoiser(x, here)
        x = clean + there * (x - clean) / here
    return denoiser(x, sigmas[-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL2_a_levels_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = numbers(levels(3, high=9.0, low=1.0, rho=2.0))
assert found.shape == (3,), f"expected three levels, shape (3,), got {tuple(found.shape)}"
assert (found - torch.tensor([9.0, 4.0, 1.0])).abs().max() < 1e-3, (
    f"from 9 to 1 with rho = 2: expected 9, 4, 1 (the roots 3, 2, 1 are evenly spaced), you find {found.tolist()}"
)
### BEGIN HIDDEN TESTS
for n, high, low, rho in [(10, 10.0, 0.02, 7.0), (6, 2.0, 0.1, 1.0), (2, 5.0, 0.5, 3.0)]:
    expected = du.noise_schedule(n, high=high, low=low, rho=rho)
    with forbidden():
        found = numbers(levels(n, high=high, low=low, rho=rho))
    assert found.shape == (n,) and ((found - expected) / expected).abs().max() < 1e-3, (
        f"n = {n}, high = {high:g}, low = {low:g}, rho = {rho:g}: expected {expected.tolist()}, you find {found.tolist()}"
    )
### END HIDDEN TESTS
print("(a) levels pass")

# %% nbgrader={"grade": true, "grade_id": "exL2_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor([[1.4]], dtype=torch.float64)
found = number(euler(bell.posterior_mean, x, [1.0, 0.5]))
assert abs(found - 0.4716) < 1e-3, (
    f"one Gaussian, mean 0.4 and standard deviation 0.2, from 1.4 with the levels 1 and 0.5: expected 0.4716, you find {found:.4f}. "
    "Keep x - R, scale it by the ratio of the levels, and end with R"
)
counted = Counted(bell.posterior_mean)
euler(counted, x, [1.0, 0.5, 0.25])
assert counted.levels == [1.0, 0.5, 0.25], (
    f"for the levels 1, 0.5, 0.25 you ask the denoiser at {counted.levels}: once at each level, with that level"
)
### BEGIN HIDDEN TESTS
x = torch.linspace(-20, 20, 9, dtype=torch.float64)[:, None]
handed, sigmas = x.clone(), [10.0, 4.0, 1.0, 0.3, 0.05]
with forbidden():
    found = numbers(euler(bell.posterior_mean, handed, sigmas))
assert torch.equal(handed, x), "your function changes x itself"
factor = 1.0
for here, there in zip(sigmas, sigmas[1:]):
    factor *= (STD**2 + here * there) / (STD**2 + here**2)
expected = MEAN + factor * STD**2 / (STD**2 + sigmas[-1] ** 2) * (x - MEAN)
gap = (found - expected).abs().max().item()
assert gap < 1e-3, f"five levels of one Gaussian: you are up to {gap:.3g} off"
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown] tags=["discussion"]
# *Warm-up.* $x'=x+(\sigma'-\sigma)\,(x-R)/\sigma=R+\sigma\hat\varepsilon+(\sigma'-\sigma)\hat\varepsilon=R+\sigma'\hat\varepsilon$. If all data are one image, $R$ and $\hat\varepsilon$ never change, and any step is exact.
#
# With $\rho=7$ five of ten levels lie below 1. With $\rho=1$ only the last one does: the levels are 1.1 apart.

# %% [markdown]
# ## (b) · Heun's step, and the order of a method
#
# *About 30 minutes.*
#
# Heun's step looks twice. It takes Euler's step, asks for the slope where that has led, and then goes along the mean of both slopes. Between $n$ levels it asks $2(n-1)$ times, and once more at the end.
#
# **Predict.** Twice as many levels: by which factor does the error of Euler's method fall, and by which that of Heun's? At *equal evaluations*, which is ahead with few of them?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL2_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(denoiser, x, sigmas):
    """Come down the levels by Heun's steps, and end with R at the last one."""
    ### BEGIN SOLUTION
    sigmas = [float(s) for s in sigmas]
    for here, there in zip(sigmas, sigmas[1:]):
        slope = (x - denoiser(x, here)) / here
        guess = x + (there - here) * slope
        x = x + (there - here) * (slope + (guess - denoiser(guess, there)) / there) / 2
    return denoiser(x, sigmas[-1])
    ### END SOLUTION


def order(sampler, ns=(20, 40, 80)):
    """The power of n with which the error of a sampler falls, a float: minus the slope of log error against log n.

    sampler(denoiser, x, sigmas) is run from x = MEAN + 10, float64 of shape (1, 1), on one Gaussian, bell.posterior_mean, with levels(n, 10, 0.1).
    The exact end is R at 0.1 of MEAN + 10 sqrt((STD^2 + 0.1^2) / (STD^2 + 10^2)).
    """
    ### BEGIN SOLUTION
    x = torch.tensor([[MEAN + 10.0]], dtype=torch.float64)
    end = MEAN + 10 * math.sqrt((STD**2 + 0.1**2) / (STD**2 + 10**2))
    exact = bell.posterior_mean(torch.tensor([[end]], dtype=torch.float64), 0.1)
    errors = [(sampler(bell.posterior_mean, x, levels(n, 10.0, 0.1)) - exact).abs().item() for n in ns]
    return (math.log(errors[0]) - math.log(errors[-1])) / (math.log(ns[-1]) - math.log(ns[0]))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL2_b_heun_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor([[1.4]], dtype=torch.float64)
found = number(heun(bell.posterior_mean, x, [1.0, 0.5]))
assert abs(found - 0.4740) < 5e-4, (
    f"one Gaussian, from 1.4 with the levels 1 and 0.5: expected 0.4740, you find {found:.4f}. "
    "The step is the mean of the two slopes times (there - here); the second slope divides by the level there"
)
counted = Counted(bell.posterior_mean)
heun(counted, x, [1.0, 0.5, 0.25])
assert counted.calls == 5, f"for three levels you ask {counted.calls} times, expected 5"
### BEGIN HIDDEN TESTS
x = torch.linspace(-15, 15, 7, dtype=torch.float64)[:, None]
for n in (5, 12):
    expected = du.probability_flow(bell.posterior_mean, x, du.noise_schedule(n))
    with forbidden():
        found = numbers(heun(bell.posterior_mean, x.clone(), levels(n)))
    gap = (found - expected).abs().max().item()
    assert gap < 1e-3, f"{n} levels of one Gaussian: you are up to {gap:.3g} off"
### END HIDDEN TESTS
print("(b) heun passes")


# %% nbgrader={"grade": true, "grade_id": "exL2_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
def made_up(power):
    """A sampler whose error is known: 3 / n^power."""

    def sampler(denoiser, x, sigmas):
        end = MEAN + 10 * math.sqrt((STD**2 + 0.1**2) / (STD**2 + 10**2))
        exact = bell.posterior_mean(torch.full_like(x, end), 0.1)
        return exact + 3 / len(list(sigmas)) ** power

    return sampler


for power in (1, 3):
    found = number(order(made_up(power)))
    assert abs(found - power) < 0.05, (
        f"an error of 3 / n^{power} has the order {power}, you find {found:.2f}: "
        "compare the logarithms, and take the exact end after R"
    )
### BEGIN HIDDEN TESTS
found = number(order(made_up(1.5), ns=(10, 30)))
assert abs(found - 1.5) < 0.05, (
    f"an error of 3 / n^1.5 at n = 10 and 30 has the order 1.5, you find {found:.2f}"
)
### END HIDDEN TESTS
print("(b) passes")

# %% tags=["nbval-ignore-output"]
start = torch.linspace(-15, 15, 40, dtype=torch.float64)[:, None]
end = MEAN + (start - MEAN) * math.sqrt((STD**2 + 0.02**2) / (STD**2 + 10**2))
exact = bell.posterior_mean(end, 0.02)
print(f"orders: Euler {number(order(euler)):.2f}, Heun {number(order(heun)):.2f}")
rows = []
for evaluations in (5, 9, 19, 39):
    pair = (
        euler(bell.posterior_mean, start, levels(evaluations)),
        heun(bell.posterior_mean, start, levels((evaluations + 1) // 2)),
    )
    rows.append([evaluations, *[(numbers(each) - exact).abs().mean() for each in pair]])
du.table(rows, {"evaluations": "d", "error of Euler": ".4f", "error of Heun": ".4f"})

# %% [markdown] tags=["discussion"]
# The orders are near 1 and 2. (They are limits: at 20 to 80 levels the measured powers are still a little off.) With very few evaluations the higher order need not help, because Heun's steps are twice as long at equal cost; for this distribution Euler is ahead at 5 and at 9 evaluations, Heun at 19 and at 39.

# %% [markdown]
# ## (c) · Put some fresh noise back
#
# *About 40 minutes.*
#
# In $x'=R+\sigma'\hat\varepsilon$ the *same* noise is put back. Mix it with fresh noise:
# $$x'=R+\sigma'\big(\sqrt{1-\eta^2}\;\hat\varepsilon+\eta\,\varepsilon\big),\qquad\varepsilon\sim N(0,I).$$
#
# **Predict.** On one Gaussian, with 40 levels: is the spread of the end points too small, right, or too large for $\eta=0$, for $\eta=1$, and for the share of DDPM, $\eta^2=1-\sigma'^2/\sigma^2$? And with more and more levels?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL2_c_proof", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Prove** where the last choice comes from. Suppose the clean image $x_0$ were known. Let $x_{\sigma'}=x_0+\sigma'\varepsilon_1$, and let $x_\sigma=x_{\sigma'}+\sqrt{\sigma^2-\sigma'^2}\,\varepsilon_2$ with independent noises. What is the distribution of $x_{\sigma'}$ given $x_\sigma$ and $x_0$, in every pixel? Compare it with the formula above if $R=x_0$.
#
# ### BEGIN SOLUTION
# Put $u=x_{\sigma'}-x_0\sim N(0,\sigma'^2)$ and $w=x_\sigma-x_0=u+\sqrt{\sigma^2-\sigma'^2}\,\varepsilon_2$. The two are jointly Gaussian with $\mathrm{Var}[w]=\sigma^2$ and $\mathrm{Cov}[u,w]=\sigma'^2$, so
# $$u\mid w\;\sim\;N\Big(\frac{\sigma'^2}{\sigma^2}\,w,\;\sigma'^2-\frac{\sigma'^4}{\sigma^2}\Big)=N\Big(\frac{\sigma'^2}{\sigma^2}\,w,\;\sigma'^2\big(1-\tfrac{\sigma'^2}{\sigma^2}\big)\Big).$$
# With $R=x_0$ we have $\hat\varepsilon=w/\sigma$. The formula gives the mean $\sigma'\sqrt{1-\eta^2}\,w/\sigma$ and the variance $\sigma'^2\eta^2$. With $\eta^2=1-\sigma'^2/\sigma^2$ the root is $\sigma'/\sigma$, so the mean is $\sigma'^2w/\sigma^2$, and both agree. This is the step of DDPM. The true $x_0$ is replaced by its posterior mean $R$, which is exact only in the limit of many levels.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "exL2_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def noisy_steps(denoiser, x, sigmas, eta=None, generator=None):
    """Come down the levels with a share eta of fresh noise in each step, and end with R at the last level.

    eta: a number from 0 to 1, or None for sqrt(1 - sigma'^2 / sigma^2) in each step. With eta = 0 no noise is drawn.
    """
    ### BEGIN SOLUTION
    sigmas = [float(s) for s in sigmas]
    for here, there in zip(sigmas, sigmas[1:]):
        clean = denoiser(x, here)
        share = math.sqrt(1 - (there / here) ** 2) if eta is None else eta
        x = clean + there * math.sqrt(1 - share**2) * (x - clean) / here
        if share:
            x = x + there * share * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return denoiser(x, sigmas[-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL2_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
many = torch.full((40_000, 1), 1.4, dtype=torch.float64)


def mean_and_std(eta, sigmas):
    """What noisy_steps makes of 40,000 equal points, before the last R, which is undone."""
    ends = numbers(noisy_steps(bell.posterior_mean, many, sigmas, eta, seeded(0)))
    before = MEAN + (ends - MEAN) * (STD**2 + sigmas[-1] ** 2) / STD**2
    return before.mean().item(), before.std().item()


first, second = 1.0, 0.5
answer = MEAN + STD**2 / (STD**2 + first**2)  # R of 1.4
for eta, name in [(0.6, "0.6"), (None, "None"), (1.0, "1")]:
    share = math.sqrt(1 - (second / first) ** 2) if eta is None else eta
    wanted = answer + second * math.sqrt(1 - share**2) * (1.4 - answer) / first, second * share
    found = mean_and_std(eta, [first, second])
    assert all(abs(f - w) < 0.02 for f, w in zip(found, wanted)), (
        f"eta = {name}, one step from 1 to 0.5: mean and standard deviation are {found[0]:.3f} and {found[1]:.3f}, "
        f"expected {wanted[0]:.3f} and {wanted[1]:.3f}"
    )
### BEGIN HIDDEN TESTS
state = torch.get_rng_state()
with forbidden():
    still = numbers(noisy_steps(bell.posterior_mean, many[:3], [2.0, 1.0, 0.5], 0.0))
    again = [
        numbers(noisy_steps(bell.posterior_mean, many[:50], [2.0, 1.0, 0.5], 0.7, seeded(s)))
        for s in (1, 1, 2)
    ]
assert torch.equal(torch.get_rng_state(), state), (
    "with eta = 0 no noise is drawn, and with a generator it is drawn from that"
)
expected = du.ancestral(bell.posterior_mean, many[:3], [2.0, 1.0, 0.5], eta=0.0)
assert (still - expected).abs().max() < 1e-4, "with eta = 0 the steps are Euler's"
assert torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2]), (
    "draw the noise from `generator`"
)
assert again[0].std() > 0.01, "every point gets noise of its own"
v = 1.0  # variance about the mean, followed down four levels
sigmas = [1.0, 0.7, 0.4, 0.2]
wide = MEAN + torch.randn(40_000, 1, generator=seeded(3), dtype=torch.float64)
for eta, name in [(0.5, "0.5"), (None, "None")]:
    v = 1.0
    for here, there in zip(sigmas, sigmas[1:]):
        share = math.sqrt(1 - (there / here) ** 2) if eta is None else eta
        c = STD**2 / (STD**2 + here**2)
        v = (c + there * math.sqrt(1 - share**2) * (1 - c) / here) ** 2 * v + (there * share) ** 2
    wanted = math.sqrt(v) * STD**2 / (STD**2 + sigmas[-1] ** 2)
    found = numbers(noisy_steps(bell.posterior_mean, wide, sigmas, eta, seeded(4))).std().item()
    assert abs(found / wanted - 1) < 0.03, (
        f"eta = {name}, four levels: the spread is {found:.4f}, expected {wanted:.4f}"
    )
### END HIDDEN TESTS
print("(c) passes")

# %% tags=["nbval-ignore-output"]
noise = MEAN + 10 * torch.randn(20_000, 1, generator=seeded(5), dtype=torch.float64)
rows = []
for eta, name in [(0.0, "0"), (0.5, "0.5"), (None, "DDPM"), (1.0, "1")]:
    ends = [
        numbers(noisy_steps(bell.posterior_mean, noise, levels(n), eta, seeded(6))) for n in (10, 40, 160)
    ]
    rows.append([name, *[each.std() / STD for each in ends]])
du.table(rows, {"eta": "", "10 levels": ".2f", "40 levels": ".2f", "160 levels": ".2f"})

# %% [markdown] tags=["discussion"]
# The table shows the spread of the end points as a share of what it should be. With 40 levels it is too small for all of them. For $\eta=0$ and for DDPM's share it approaches 1 as the levels become denser. For a fixed $\eta$ above 0 it does not, and the more fresh noise there is, the smaller it ends: each step answers with a posterior *mean* where a draw would have been needed, and the share of the noise that is forgotten in a step does not go away with shorter steps. DDPM's share goes to 0 with the steps.

# %% [markdown]
# ## (d) · The tournament
#
# *About 45 minutes.*
#
# Now to digits. Put together a sampler from what you have, or from anything else that you think of: other levels, another $\eta$, Heun at some levels and Euler at others, a different end. It starts from noise of level 10 about the mean digit, and it may ask the network at most 20 times for each image.
#
# The Frechet distance of chapter 06 compares two sets: it fits a Gaussian to each, in the features of a classifier. Lower is better, and small sets are further away by themselves: 128 real training digits have a distance of about 90 to 160. Below 240 is asked for. The images must lie in $[0,1]$; clamp them if your end needs it.
#
# **Predict.** By how much will your best sampler beat Euler's twenty steps on 128 images? Is that more than the chance between two sets?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL2_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_sampler(denoiser, noise, generator):
    """Digits (N, 1, 28, 28) from noise of level 10 about the mean digit; at most 20 evaluations for each image."""
    ### BEGIN SOLUTION
    return noisy_steps(denoiser, noise, levels(20), generator=generator)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL2_d_cost_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
def noise_of(count, seed):
    return mean_digit + 10 * torch.randn(count, 1, 28, 28, generator=seeded(seed))


counted = Counted(unet)
with forbidden():
    few = my_sampler(counted, noise_of(2, 20), seeded(21))
assert tuple(few.shape) == (2, 1, 28, 28), (
    f"expected images of shape (2, 1, 28, 28), got {tuple(few.shape)}"
)
assert counted.calls <= 2 * 20, (
    f"your sampler asks the network {counted.calls / 2:g} times for each image, at most 20 are allowed"
)
assert torch.isfinite(few).all() and few.min() > -0.1 and few.max() < 1.1, (
    "the images should lie in [0, 1]: end with R"
)
print("(d) the cost passes")

# %% nbgrader={"grade": true, "grade_id": "exL2_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
made = my_sampler(unet, noise_of(128, 22), seeded(23))
distance = frechet(made)
assert distance < 240, (
    f"128 images of your sampler have the Frechet distance {distance:.0f}, expected below 240: is every level passed "
    "to the network, and is the last one small?"
)
### BEGIN HIDDEN TESTS
distance = frechet(my_sampler(unet, noise_of(128, 24), seeded(25)))
assert distance < 240, f"another 128 images have the Frechet distance {distance:.0f}, expected below 240"
### END HIDDEN TESTS
print("(d) passes")

# %% tags=["nbval-ignore-output"]
entrants = {
    "Euler, 20 levels": lambda x, g: euler(unet, x, levels(20)),
    "Heun, 10 levels": lambda x, g: heun(unet, x, levels(10)),
    "yours": lambda x, g: my_sampler(unet, x, g),
}
rows = [
    [name, *[frechet(sampler(noise_of(128, seed), seeded(seed + 1))) for seed in (30, 32)]]
    for name, sampler in entrants.items()
]
du.table(rows, {"sampler": "", "first set": ".0f", "second set": ".0f"})

# %% mystnb={"image": {"alt": "Three rows of twelve digits made by one sampler from noise. Most are clear digits, a few are broken or doubtful."}} tags=["nbval-ignore-output"]
du.plotting.show_images([made[:12], made[12:24], made[24:36]], size=0.5)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL2_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What did you try, and what do you know now?** Say what you changed, one thing at a time. Give all samplers the same noise, on at least five sets, and look at the differences set by set. Which are larger than their scatter? Count the broken digits among the 36. (You choose and report on the same test digits. What does that do to the winner's distance?)
#
# ### BEGIN SOLUTION
# I compared three changes with Euler's twenty steps, on five sets of 128 images and with the same noise for all (seeds 30, 32, 34, 36, 38). Euler: 198, 190, 148, 170, 172. DDPM's share of fresh noise: 125, 124, 136, 171, 131, lower by 38 on average, with a standard error of 14. A share of 0.5: lower by 16 with a standard error of 9. Heun with ten levels: lower by 8 with a standard error of 3. Three levels instead of twenty: 640 to 763. So too few levels are certainly bad, DDPM's share is probably better than none on these sets, and for the share of 0.5 I cannot say. Since I chose on the test digits on which I report, the winner's distance is a little too good. About four of the 36 digits are broken; that is a rough count.
# ### END SOLUTION

# %% [markdown]
# ## (e) · Complete half a digit
#
# *About 25 minutes.*
#
# The upper half of an image is known. How could the sampler draw the rest? A simple way: before each question to the network, replace the known pixels by what they would be at that level, the known image plus *fresh* noise of that level. At the end put the known pixels themselves in.
#
# **Predict.** Will the two halves fit together? Will different noise give different lower halves?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL2_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def complete(denoiser, noise, known, mask, sigmas, generator):
    """Images of which the pixels with mask = 1 are known: the others are drawn by steps with DDPM's share of fresh noise.

    noise (N, 1, H, W) of level sigmas[0] about the mean digit; known and mask (1, H, W) or (N, 1, H, W), mask of 0 and 1.
    """
    ### BEGIN SOLUTION
    sigmas, x = [float(s) for s in sigmas], noise
    for i, here in enumerate(sigmas):
        at_this_level = known + here * torch.randn(x.shape, generator=generator)
        x = mask * at_this_level + (1 - mask) * x
        clean = denoiser(x, here)
        if i + 1 < len(sigmas):
            there = sigmas[i + 1]
            share = math.sqrt(1 - (there / here) ** 2)
            x = clean + there * (there / here) * (x - clean) / here
            x = x + there * share * torch.randn(x.shape, generator=generator)
    return mask * known + (1 - mask) * clean
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL2_e_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
mask = torch.zeros(1, 28, 28)
mask[:, :14] = 1
digit = du.digits("test")[0][0]
asked = []


def grey(x, sigma):  # in place of the network: answers grey, and remembers what it was shown
    asked.append((x.clone(), float(sigma)))
    return torch.full_like(x, 0.5)


whole = complete(grey, noise_of(40, 40), digit, mask, [10.0, 3.0, 1.0, 0.3], seeded(41))
assert tuple(whole.shape) == (40, 1, 28, 28), (
    f"expected the shape (40, 1, 28, 28), got {tuple(whole.shape)}"
)
assert ((whole - digit) * mask).abs().max() < 1e-5, (
    "at the end the known pixels must be the known image, without noise"
)
assert [level for _, level in asked] == [10.0, 3.0, 1.0, 0.3], (
    f"you ask at the levels {[level for _, level in asked]}"
)
for x, level in asked:
    inside = (x - digit)[:, :, :14]
    assert abs(inside.std().item() / level - 1) < 0.1 and abs(inside.mean().item()) < 0.05 * level, (
        f"at the level {level:g} the known pixels that the network sees should be the known image plus noise of this level; "
        f"their distance from it has mean {inside.mean():.2f} and standard deviation {inside.std():.2f}"
    )
### BEGIN HIDDEN TESTS
for (one, level), (other, below) in zip(asked, asked[1:]):
    a, b = ((x - digit)[:, :, :14].flatten() for x in (one, other))
    assert abs((a * b).mean() / (level * below)) < 0.1, (
        "draw fresh noise for the known pixels at every level"
    )
    lower = other[:, :, 14:] - 0.5
    wanted = torch.sqrt(
        (below**2 / level**2 * (one[:, :, 14:] - 0.5).std()) ** 2 + below**2 * (1 - below**2 / level**2)
    )
    assert abs(lower.std() / wanted - 1) < 0.1, (
        f"from {level:g} to {below:g} the unknown pixels have the spread {lower.std():.2f}, expected {wanted:.2f} (DDPM)"
    )
other_half = complete(grey, noise_of(3, 42), digit, 1 - mask, [2.0, 0.5], seeded(43))
assert ((other_half - digit) * (1 - mask)).abs().max() < 1e-5, (
    "the mask says which pixels are known; here it is the lower half"
)
assert ((other_half - 0.5) * mask).abs().max() < 1e-5, "the unknown pixels end with R, without noise"
### END HIDDEN TESTS
print("(e) passes")

# %% mystnb={"image": {"alt": "Three test digits, each with its lower half covered and completed eight times. Most completions are digits whose halves fit; some lower halves continue the strokes badly."}} tags=["nbval-ignore-output"]
rows = []
for k in (1, 4, 7):
    known = du.digits("test")[0][k]
    filled = complete(unet, noise_of(8, 50 + k), known, mask, levels(20), seeded(60 + k))
    rows.append(torch.cat([known[None], (known * mask + 0.5 * (1 - mask))[None], filled]))
du.plotting.show_images(rows, size=0.55)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL2_e_conclusion", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# **Is this a draw from the posterior of the lower half?** Argue: what does a step at a large level know of the known half? Would more levels cure it?
#
# ### BEGIN SOLUTION
# Only approximately. The known half carries noise of the right kind at every level, but a step sees it *only* through that noise: it conditions on a noisy version of the known half, and not on the known half itself. At a large level that says very little, so the lower half is begun nearly without it, and later steps can change what was decided only as far as the fresh noise allows. More levels do not cure this, because every single step then changes less. Going back up a few levels and coming down again does help: the lower half is decided once more beside the same known half.
# ### END SOLUTION
