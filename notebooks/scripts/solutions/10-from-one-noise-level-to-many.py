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
# # 10 · Exercises: from one noise level to many
#
# For [chapter 10](../10-from-one-noise-level-to-many.ipynb). You need the chapter, a differential equation that can be solved by hand, and the variance of a sum. The five exercises take about 110 minutes; exercise (c) is the core one. The code takes about a minute.
#
# Fill in the marked cells and run the check below each. A check prints a line when your function passes. It accepts Python numbers, NumPy arrays and PyTorch tensors. Write every prediction down, with its reason, before you run anything. At the end of each exercise you say what you conclude. The two together earn 2 points, given by hand: a wrong prediction that you can explain earns both.

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
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()
EXACT = du.plotting.EXACT


def seeded(seed):
    return torch.Generator().manual_seed(seed)


class Counted:
    """A denoiser that counts how often it is asked."""

    def __init__(self, denoiser):
        self.denoiser, self.calls = denoiser, 0

    def __call__(self, x, sigma):
        self.calls += 1
        return self.denoiser(x, sigma)


ring = du.ring()
start = ring.mean().float() + 10 * torch.randn(200, 2, generator=seeded(0))


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · How many levels are enough?
#
# *About 20 minutes.*
#
# `du.probability_flow` comes down the levels with Heun's step. It takes Euler's step first, looks at the slope where that has led, and then steps along the mean of both slopes. At the last level it ends with $x\leftarrow R(x;\sigma)$.
#
# **Warm-up, with a pencil.** Euler's step from $\sigma=1$ to $\sigma'=\frac12$ follows $dx/d\sigma=x/\sigma$, which is the flow if all data are 0. Where does the point $x=2$ end, and where should it end? Do the same with Heun's step.
#
# **Predict.** By what factor does the error of the flow change when the number of levels is doubled, once there are many? And on digits: are 5 levels enough, 10, 40? Enough for what?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** what a flow with $n$ levels costs, in evaluations of the network for each image, and how far it ends from a fine flow that starts at the same noise. Below the checks the same is measured for the shipped network.


# %% nbgrader={"grade": false, "grade_id": "ex10_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluations(levels):
    """How often du.probability_flow asks the denoiser, for one image and that many levels."""
    ### BEGIN SOLUTION
    return 2 * levels - 1  # two for each of the levels - 1 steps, and R at the end
    ### END SOLUTION


def distance_to_fine(denoiser, x, levels, fine, low=0.02):
    """Median distance between the end points of the flow with `levels` and with `fine` levels, a float.

    x: noise of level 10, (N, ...); every image keeps its own noise. Both flows follow du.noise_schedule from 10 to `low`.
    """
    ### BEGIN SOLUTION
    ends = [du.probability_flow(denoiser, x, du.noise_schedule(n, low=low)) for n in (levels, fine)]
    return (ends[0] - ends[1]).flatten(1).norm(dim=1).median().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_a_cost_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
hint = "Heun looks twice at each step; between n levels there are n - 1 steps; and once more at the end."
found = number(evaluations(3))
assert abs(found - 5) < 1e-6, f"3 levels cost 5 evaluations, you say {found:g}. {hint}"
### BEGIN HIDDEN TESTS
for levels in (2, 5, 20):
    counted = Counted(ring.posterior_mean)
    du.probability_flow(counted, start[:1], du.noise_schedule(levels))
    found = number(evaluations(levels))
    assert abs(found - counted.calls) < 1e-6, (
        f"{levels} levels: you say {found:g} evaluations, the flow asks {counted.calls} times. {hint}"
    )
### END HIDDEN TESTS
print("(a) the cost passes")

# %% nbgrader={"grade": true, "grade_id": "ex10_a_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
fine_end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(160, low=0.005))
for levels in (20, 40):
    end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(levels, low=0.005))
    expected = (end - fine_end).norm(dim=1).median().item()
    found = number(distance_to_fine(ring.posterior_mean, start, levels, 160, low=0.005))
    assert abs(found / expected - 1) < 0.05, (
        f"{levels} levels: your distance is {found:.5f}, expected {expected:.5f}: the median over points of the "
        "distance between the two ends of the *same* noise, with both flows down to the same low."
    )
### END HIDDEN TESTS
error = {k: number(distance_to_fine(ring.posterior_mean, start, k, 160, low=0.005)) for k in (20, 40)}
assert 3 < error[20] / error[40] < 6, (
    f"with 20 and 40 levels you find {error[20]:.5f} and {error[40]:.5f}. Heun's step is of second order: "
    "half the step leaves a quarter of the error."
)
print("(a) passes")

# %% tags=["nbval-ignore-output"]
unet = du.load("digits-unet-bce", device="cpu")
images = du.digits("train")[0][torch.randperm(8000, generator=seeded(0))]
real = du.evaluation.features(du.digits("test")[0])
noise = images.mean(0) + 10 * torch.randn(64, 1, 28, 28, generator=seeded(1))


def frechet(x):
    return du.evaluation.frechet_between(du.evaluation.features(x.clamp(0, 1)), real)


ends = {n: du.probability_flow(unet, noise, du.noise_schedule(n)) for n in (3, 5, 10, 20, 40)}
rows = []
for n, end in ends.items():
    apart = (end - ends[40]).flatten(1).norm(dim=1).median()
    rows.append([n, number(evaluations(n)), apart, frechet(end)])
columns = {"levels": "d", "evaluations": ".0f", "distance to 40 levels": ".2f"}
du.table(rows, columns | {"Frechet distance (64 images)": ".0f"})
floors = [frechet(images[64 * k : 64 * k + 64]) for k in range(5)]
print(f"five sets of 64 training digits: {min(floors):.0f} to {max(floors):.0f}")

# %% mystnb={"image": {"alt": "Four rows of the same fourteen digits, made from the same noise with 3, 5, 10 and 40 levels: with 3 levels some are another digit than with 40, with 5 a few still differ in strokes, with 10 and 40 they are hard to tell apart."}}
du.plotting.show_images([ends[n][:14] for n in (3, 5, 10, 40)], ["3 levels", "5", "10", "40"], size=0.42)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The slope at $(1, 2)$ is 2, so Euler's step leads to $2-\frac12\cdot2=1$. The exact path is $x=2\sigma$, which ends at 1 as well. Heun finds the slope $1/\frac12=2$ there, so the mean slope is 2, and the step is the same. Both are exact when all data are 0, because the path is straight. Only bent paths cost accuracy.
#
# Heun's step has second order, so twice the levels leave a quarter of the error. On digits ten levels end close to forty, and the Frechet distance stops falling even earlier. Five sets of *real* digits of this size differ among themselves by more than what is gained then. So for this ruler and this number of images five to ten levels are enough. To follow one path to its last grey level one needs more.
#
# A half answer shows pictures only. "The more the better" forgets that the error of the *network* is left, and no step size removes it.

# %% [markdown]
# ## (b) · Euler instead of Heun
#
# *About 20 minutes.*
#
# Euler's step is the first half of Heun's: from $\sigma$ to $\sigma'$ go along the slope at $\sigma$. It asks the network once a step.
#
# **Warm-up, with a pencil.** Take one Gaussian, $N(\mu,s^2)$, where $R^*(x;\sigma)=\mu+\frac{s^2}{s^2+\sigma^2}(x-\mu)$. By what factor does Euler's step change the distance $x-\mu$? Take $s=\sigma=1$ and $\sigma'=\frac12$, and compare with the exact factor $\sqrt{(s^2+\sigma'^2)/(s^2+\sigma^2)}$.
#
# **Predict.** At *equal numbers of evaluations*, which of the two is nearer to the exact flow? Does that hold for few evaluations as well as for many?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the flow with Euler's steps, ending with $x\leftarrow R(x;\sigma)$ at the last level as `du.probability_flow` does, and the number of levels that gives Euler the cost of Heun with $n$.


# %% nbgrader={"grade": false, "grade_id": "ex10_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def euler_flow(denoiser, x, sigmas):
    """Follow dx/dsigma = (x - R(x; sigma)) / sigma down the levels with Euler's step, then denoise once."""
    ### BEGIN SOLUTION
    levels = [float(s) for s in sigmas]
    for here, there in zip(levels, levels[1:]):
        x = x + (there - here) * (x - denoiser(x, here)) / here
    return denoiser(x, levels[-1])
    ### END SOLUTION


def euler_levels(n):
    """How many levels euler_flow may use to ask as often as du.probability_flow with n levels (an int)."""
    ### BEGIN SOLUTION
    return 2 * n - 1  # one evaluation a level
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_b_flow_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
bell = du.GaussianMixture([[0.4]], 0.2**2)  # one Gaussian: each of Euler's steps is a factor
hint = (
    "Take the slope (x - R) / sigma at the level where you stand, times (there - here), which is negative; "
    "end with R at the last level."
)
x = torch.tensor([[1.4]]).double()
found = number(euler_flow(bell.posterior_mean, x, torch.tensor([1.0, 0.5])))
assert abs(found - 0.4716) < 1e-3, (
    f"one Gaussian, mean 0.4, s = 0.2: from 1.4 with the levels 1 and 0.5 you end at {found:.4f}, expected 0.4716. {hint}"
)
### BEGIN HIDDEN TESTS
x = torch.linspace(-20, 20, 9, dtype=torch.float64)[:, None]
levels = du.noise_schedule(6, low=0.1).tolist()
for count in (2, 6):
    factor, ends_at = 1.0, levels[count - 1]
    for here, there in zip(levels[:count], levels[1:count]):
        factor *= 1 + (there - here) * here / (0.2**2 + here**2)
    factor *= 0.2**2 / (0.2**2 + ends_at**2)  # the last R
    found = numbers(euler_flow(bell.posterior_mean, x, torch.tensor(levels[:count])))
    gap = (found - (0.4 + factor * (x - 0.4))).abs().max().item()
    assert gap < 1e-4, f"one Gaussian, {count} levels: your end points are up to {gap:.3g} off. {hint}"
### END HIDDEN TESTS
for levels in (5, 19):
    euler = Counted(ring.posterior_mean)
    euler_flow(euler, start[:1], du.noise_schedule(levels))
    assert euler.calls == levels, (
        f"with {levels} levels your flow asks {euler.calls} times, expected {levels}: once a step, and once at the end"
    )
fine_end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(160, low=0.005))
apart = {}
for n in (5, 10, 20, 40):
    heun = Counted(ring.posterior_mean)
    flows = {"Heun": du.probability_flow(heun, start, du.noise_schedule(n, low=0.005))}
    many = du.noise_schedule(heun.calls, low=0.005)  # at equal cost
    flows["Euler"] = euler_flow(ring.posterior_mean, start, many)
    for name, end in flows.items():
        apart[name, n] = (numbers(end) - fine_end).norm(dim=1).median().item()
assert apart["Heun", 20] < 0.5 * apart["Euler", 20], (
    "at 39 evaluations Heun should be far ahead on the ring"
)
assert 1.5 < apart["Euler", 20] / apart["Euler", 40] < 2.7, (
    "Euler's step is of first order: half the step, half the error"
)
print("(b) the flow passes")

# %% nbgrader={"grade": true, "grade_id": "ex10_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for n in (3, 10):
    heun, found = Counted(ring.posterior_mean), number(euler_levels(n))
    du.probability_flow(heun, start[:1], du.noise_schedule(n))
    assert abs(found - heun.calls) < 1e-6, (
        f"Heun with {n} levels asks {heun.calls} times, Euler with {found:g} levels {found:g} times: "
        "compare at equal cost"
    )
print("(b) passes")

# %% mystnb={"image": {"alt": "Distance to the exact flow on the ring against evaluations, from 9 to 79, on logarithmic axes: Euler's falls along a line of slope minus one; Heun's begins higher at 9 evaluations, crosses between 19 and 39, and falls twice as steeply."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6, 3.2))
cost = [9, 19, 39, 79]
for name, style in [("Heun", "-"), ("Euler", "--")]:
    values = [apart[name, n] for n in (5, 10, 20, 40)]
    du.plotting.curve(ax, cost, values, label=name, color=EXACT, ls=style)
ax.set(xscale="log", yscale="log", xlabel="evaluations of $R^*$", ylabel="distance to the exact flow")
ax.set_title("Heun wins once there are enough evaluations")
ax.set_xticks(cost, cost)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The slope is $(x-R^*)/\sigma=\frac{\sigma}{s^2+\sigma^2}(x-\mu)$, so Euler's factor is $1+(\sigma'-\sigma)\frac{\sigma}{s^2+\sigma^2}=1-\frac12\cdot\frac12=0.75$. The exact factor is $\sqrt{1.25/2}=0.79$: Euler goes a little too far inwards.
#
# With many evaluations the order decides: each doubling divides Heun's error by four and Euler's by two. With the nine evaluations of five levels, and still with nineteen, Heun is *not* ahead. Its steps are twice as long as Euler's, and a better rule does not make up for that yet. A comparison at equal *levels* would have hidden it, because Heun then pays double.
#
# The same Euler step is DDIM, the deterministic relative of DDPM (the chapter's table of notations).

# %% [markdown]
# ## (c) · The flow of one Gaussian, by hand
#
# *Core exercise, about 25 minutes.*
#
# Let $x\sim N(\mu,s^2)$, in one dimension.
#
# **Warm-up, with a pencil.** What is the standard deviation of $p_\sigma$? For $s=0.3$, how large is it at $\sigma=0.4$, and how large is it when $\sigma$ has fallen to 0?
#
# **Predict.** A point starts two standard deviations of $p_{\sigma}$ to the right of $\mu$, at a large $\sigma$. How many standard deviations of $p_\sigma$ is it from $\mu$ when $\sigma$ has become small?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Prove**: derive $R^*$, and solve $dx/d\sigma=(x-R^*)/\sigma$. **Write** the solution; the check compares it with `du.probability_flow`.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_c_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# $p_\sigma=N(\mu,s^2+\sigma^2)$, so $(\log p_\sigma)'(x)=-(x-\mu)/(s^2+\sigma^2)$, and by Tweedie's formula
# $$R^*(x;\sigma)=x-\sigma^2\frac{x-\mu}{s^2+\sigma^2}=\frac{s^2x+\sigma^2\mu}{s^2+\sigma^2}.$$
# Put $u=x-\mu$. The flow becomes
# $$\frac{du}{d\sigma}=\frac{x-R^*}{\sigma}=\frac{\sigma\,u}{s^2+\sigma^2},\qquad\text{so}\qquad\frac{d\log|u|}{d\sigma}=\frac{\sigma}{s^2+\sigma^2}=\frac{d}{d\sigma}\,\tfrac12\log(s^2+\sigma^2).$$
# Hence $u$ is proportional to $\sqrt{s^2+\sigma^2}$:
# $$x(\sigma')=\mu+\sqrt{\frac{s^2+\sigma'^2}{s^2+\sigma^2}}\;(x(\sigma)-\mu).$$
# The root is the ratio of the standard deviations of $p_{\sigma'}$ and $p_\sigma$. Measured in standard deviations, a point never moves.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex10_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_flow(x, mu, s, high, low):
    """Where the probability flow of N(mu, s^2) takes x, a tensor, from the noise level high to low (before the last R)."""
    ### BEGIN SOLUTION
    return mu + ((s**2 + low**2) / (s**2 + high**2)) ** 0.5 * (x - mu)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for mu, s, high, low in [(0.5, 0.2, 10.0, 0.02), (0.3, 0.1, 2.0, 0.3), (0.0, 1.0, 1.0, 0.5)]:
    bell = du.GaussianMixture([[mu]], s**2)
    x = mu + torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None] * (s**2 + high**2) ** 0.5
    fine = du.noise_schedule(300, high=high, low=low)
    reached = du.probability_flow(bell.posterior_mean, x, fine, return_path=True)[-2]  # before the last R
    found = numbers(gaussian_flow(x, mu, s, high, low))
    unit = (s**2 + low**2) ** 0.5
    gap = ((found - reached) / unit).abs().max().item()
    assert gap < 0.01, (
        f"N({mu}, {s}^2), sigma from {high} to {low}: from two deviations out, du.probability_flow ends "
        f"{(reached[-1].item() - mu) / unit:.2f} deviations of p_sigma from mu, your formula {(found[-1].item() - mu) / unit:.2f}. "
        "Write the flow for x - mu, and recognise d/dsigma of (1/2) log(s^2 + sigma^2)."
    )
print("(c) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* Variances add, so it is $\sqrt{s^2+\sigma^2}$: 0.5 at $\sigma=0.4$, and 0.3 at the end.
#
# A point that starts two standard deviations out ends two standard deviations out. The flow only rescales, so it keeps every quantile. This is how the points remain samples of $p_\sigma$ all the way, and why nothing gathers at the mode. An ascent would take all of these points to $\mu$. A solution without the check, or a check without the solution, is half an answer.

# %% [markdown]
# ## (d) · Stop early, and denoise once
#
# *About 20 minutes.*
#
# Run the flow on the ring with the exact $R^*$, but stop at $\sigma=0.1$ and apply $R^*$ once.
#
# **Warm-up, with a pencil.** For one Gaussian, what is the variance of $R^*(\tilde x;\sigma)$? Compare it with $s^2$ at $\sigma=s$.
#
# **Predict.** Which distribution do the end points have: $p$, $p_{0.1}$, or neither? Is it wider or narrower than $p$?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the total variance of the end points, which is the sum over both coordinates, for any mixture and any $\sigma$, without running the flow. A large sample of $p_\sigma$ helps, or chapter 04: $\mathrm{Cov}[x\mid\tilde x]=\sigma^2\,\partial R^*/\partial\tilde x$. A relative error of 2 per cent passes.


# %% nbgrader={"grade": false, "grade_id": "ex10_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def variance_after_one_pass(density, sigma):
    """Total variance, a float, of R*(x~) for x~ drawn from p_sigma; density: a du.GaussianMixture."""
    ### BEGIN SOLUTION
    x_noisy = density.smooth(sigma).sample(200_000, seeded(0)).double()
    return density.posterior_mean(x_noisy, sigma).var(0).sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
hint = (
    "The flow ends with the distribution p_sigma; then each point is replaced by a mean. "
    "Var x = Var E[x | x~] + E Var[x | x~]: which of the two is left?"
)
bell = du.GaussianMixture([[0.5, 0.5]], 0.2**2)
found = number(variance_after_one_pass(bell, 0.2))
assert abs(found / 0.04 - 1) < 0.03, (
    f"one round Gaussian in the plane, s = 0.2, sigma = 0.2: your total variance is {found:.4f}, expected 0.0400. {hint}"
)
### BEGIN HIDDEN TESTS
for density, sigma in [(ring, 0.1), (ring, 0.3), (du.moons(), 0.15)]:
    # The total variance on a grid: Var x = Var R* + E tr Cov[x | x~], and E tr Cov = sigma^2 d - sigma^4 E|score|^2.
    places = du.plotting.grid(240, -5 * sigma, 1 + 5 * sigma).double()
    p_sigma = density.smooth(sigma)
    weight = p_sigma.log_prob(places).exp()
    mean_square = (weight * p_sigma.score(places).square().sum(1)).sum().item() / weight.sum().item()
    clean = torch.cov(density.means.T, aweights=density.weights, correction=0).trace().item()
    clean += (density.weights * density.covariances.diagonal(dim1=1, dim2=2).sum(1)).sum().item()
    expected = clean - (2 * sigma**2 - sigma**4 * mean_square)
    found = number(variance_after_one_pass(density, sigma))
    assert abs(found / expected - 1) < 0.02, (
        f"{density}, sigma {sigma}: your total variance is {found:.4f}, expected {expected:.4f}; p has {clean:.4f}, p_sigma "
        f"{clean + 2 * sigma**2:.4f}. {hint}"
    )
### END HIDDEN TESTS
stopped = du.probability_flow(
    ring.posterior_mean, ring.mean().float() + 10 * torch.randn(4000, 2, generator=seeded(3)),
    du.noise_schedule(40, low=0.1),
)  # fmt: skip
assert abs(stopped.var(0).sum().item() / number(variance_after_one_pass(ring, 0.1)) - 1) < 0.1, (
    "the flow on the ring, stopped at 0.1, disagrees"
)
print("(d) passes")

# %% mystnb={"image": {"alt": "Two scatter plots. Left, points drawn from the ring: eight round bumps. Right, the flow stopped at 0.1 and denoised once: a narrow closed band through the places of the bumps, with few points beside it."}}
fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.2), sharex=True, sharey=True)
drawn = ring.sample(1500, seeded(4))
for ax, x, title in [(axes[0], drawn, "Drawn from $p$"), (axes[1], stopped[:1500], "Stopped at 0.1, $R^*$ once")]:  # fmt: skip
    ax.scatter(*x.T, s=2, color=EXACT)
    ax.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* $\tilde x$ has the variance $s^2+\sigma^2$, and $R^*$ multiplies the distance from $\mu$ by $c=s^2/(s^2+\sigma^2)$. So the variance is $s^4/(s^2+\sigma^2)$, and at $\sigma=s$ half of $s^2$ is left.
#
# The end points have neither distribution. At $\sigma=0.1$ the points are samples of $p_{0.1}$, and then each is replaced by a posterior mean. The result has the mean of $p$ and too little variance; what is missing is the average posterior covariance. The gaps between the bumps are filled, because there two bumps are possible and the mean lies between them. "Too narrow" is half an answer.
#
# A *draw* from the posterior in place of its mean would give $p$. At $\sigma=0.02$ the posterior is so narrow that nobody sees the difference, so the last $R$ of the chapter's samplers does no harm.

# %% [markdown]
# ## (e) · Fresh noise only, at 10, 20 and 40 levels
#
# *About 25 minutes.*
#
# With $\eta=1$ the chapter's sampler is $x\leftarrow R(x+\sigma\varepsilon;\sigma)$ at falling levels. Take one Gaussian $N(\mu,s^2)$ first, with the exact $R^*$.
#
# **Warm-up, with a pencil.** The point has variance $v$. Fresh noise of level $\sigma$ is added. What is the variance then, and what does $R^*$ make of it?
#
# **Predict.** What share of the variance $s^2$ is left at the end of the way from 2 to 0.02? Does it rise or fall with the number of levels? Will it be so for digits?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** what one step does to the variance $v$ of $x$, where many steps at one level lead, and what is left after the whole way.


# %% nbgrader={"grade": false, "grade_id": "ex10_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pass_variance(v, s, sigma):
    """The variance of R*(x + sigma eps) when x has the variance v and the data are N(mu, s^2)."""
    ### BEGIN SOLUTION
    c = s**2 / (s**2 + sigma**2)  # R* shrinks by c towards mu
    return c**2 * (v + sigma**2)
    ### END SOLUTION


def limit_variance(s, sigma):
    """The variance after very many steps at the one level sigma."""
    ### BEGIN SOLUTION
    return s**4 / (2 * s**2 + sigma**2)  # solves v = pass_variance(v, s, sigma)
    ### END SOLUTION


def share_left(levels, s):
    """Share of s^2 that is left after one step at each of du.noise_schedule(levels, high=2.0), starting from v = 0."""
    ### BEGIN SOLUTION
    v = 0.0
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        v = pass_variance(v, s, sigma)
    return v / s**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_e_step_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for s, sigma, v in [(0.3, 0.2, 0.3**2), (0.3, 1.0, 0.0), (0.1, 0.05, 0.04)]:
    bell = du.GaussianMixture([[0.5]], s**2)
    x = 0.5 + v**0.5 * torch.randn(20_000, 1, generator=seeded(5), dtype=torch.float64)
    after = du.walkback(bell.posterior_mean, x, 1, sigma, seeded(6))
    drawn, found = after.var().item(), number(pass_variance(v, s, sigma))
    assert abs(found / drawn - 1) < 0.05, (
        f"s = {s}, sigma = {sigma}, v = {v:.2f}: your variance after one step is {found:.5f}, over 20,000 points it is {drawn:.5f}. "
        "The noise adds sigma^2; then R* multiplies the distance from mu by s^2 / (s^2 + sigma^2)."
    )
print("(e) the step passes")

# %% nbgrader={"grade": true, "grade_id": "ex10_e_limit_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = number(limit_variance(1.0, 1.0))
assert abs(found - 1 / 3) < 1e-3, (
    f"s = sigma = 1: your limit is {found:.4f}, expected 0.3333. Solve v = pass_variance(v, s, sigma)."
)
### BEGIN HIDDEN TESTS
for s, sigma in [(0.3, 0.2), (0.3, 1.0), (0.1, 0.05)]:
    v = 0.0
    for _ in range(2000):
        v = (s**2 / (s**2 + sigma**2)) ** 2 * (v + sigma**2)
    found = number(limit_variance(s, sigma))
    assert abs(found / v - 1) < 1e-3, (
        f"s = {s}, sigma = {sigma}: your limit is {found:.5f}, 2,000 steps lead to {v:.5f}. Solve v = pass_variance(v, s, sigma)."
    )
### END HIDDEN TESTS
print("(e) the limit passes")

# %% nbgrader={"grade": true, "grade_id": "ex10_e_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The way is made of your own steps, if you call pass_variance: it can only be as right as they are.
### BEGIN HIDDEN TESTS
for levels, s in [(2, 2.0), (3, 0.3), (20, 0.3)]:
    v = 0.0
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        v = (s**2 / (s**2 + sigma**2)) ** 2 * (v + sigma**2)
    found = number(share_left(levels, s))
    assert abs(found / (v / s**2) - 1) < 0.01, (
        f"{levels} levels, s = {s}: your share is {found:.3f}, expected {v / s**2:.3f}: start from 0, one step at each "
        "level from the largest down, and divide by s^2."
    )
### END HIDDEN TESTS
bell, x = du.GaussianMixture([[0.5]], 0.3**2), torch.full((20_000, 1), 0.5)
for i, sigma in enumerate(du.noise_schedule(20, high=2.0).tolist()):
    x = du.walkback(bell.posterior_mean, x, 1, sigma, seeded(10 + i))
drawn, found = x.var().item() / 0.3**2, number(share_left(20, 0.3))
assert abs(found / drawn - 1) < 0.05, (
    f"20 levels, s = 0.3: your share is {found:.3f}, over 20,000 points it is {drawn:.3f}: start from 0, one step at "
    "each level from the largest down, and divide by s^2."
)
print("(e) passes")

# %% tags=["nbval-ignore-output"]
walked, rows = {}, []
for levels in (10, 20, 40):
    x, chance = torch.full((80, 1, 28, 28), 0.5), seeded(7)
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        x = du.walkback(unet, x, 1, sigma, chance)
    walked[levels] = x
    left = number(share_left(levels, 0.3))
    rows.append([f"{levels} levels", left, x.flatten(1).var(0).sum(), x.mean(), frechet(x)])
x = images[:80]
rows.append(["training digits", None, x.flatten(1).var(0).sum(), x.mean(), frechet(x)])
columns = {"80 digits": "", "one Gaussian: share of variance": ".2f", "digits: variance": ".1f"}
du.table(rows, columns | {"ink": ".3f", "Frechet distance": ".0f"})

# %% mystnb={"image": {"alt": "Three rows of fourteen digits made with fresh noise only in 10, 20 and 40 levels: with 10 some are broken or smudged, with 40 they are cleaner and thinner."}}
du.plotting.show_images([x[:14] for x in walked.values()], [f"{n} levels" for n in walked], size=0.42)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_e_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The noise makes it $v+\sigma^2$, and $R^*$ multiplies it by $c^2$ with $c=s^2/(s^2+\sigma^2)$.
#
# So $s^2$ itself shrinks, and many steps at a small $\sigma$ end at $s^2/2$, which is the chapter's factor $1/\sqrt2$ in the spread: a mean has answered where a draw was needed. But on the way down the share *rises* with the number of levels, towards one half. So a single Gaussian explains why fresh noise alone makes a set too narrow. It does not explain why more levels make it worse on digits.
#
# On digits the variance and the ink *fall* as the levels multiply. Digits have more than one mode, the steps climb, and they climb to digits that are thin and typical, as in chapters 06 and 07. Few levels have the opposite fault: a doubt between two digits is not settled before the noise is too small to settle it.
#
# Hence a best number in between. With 80 images the Frechet distance is too rough to say which. A full answer takes more images and several random seeds; a half answer reads the best number off one column.
