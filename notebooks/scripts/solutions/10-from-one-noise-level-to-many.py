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
# For [chapter 10](../10-from-one-noise-level-to-many.ipynb). Needed: the chapter, a differential equation that can be solved by hand, and the variance of a sum. About an hour and a half; the code takes less than half a minute.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()


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

# %% [markdown]
# ## (a) · How many levels are enough?
#
# The chapter comes down in 20 levels. **Predict**: by what factor does the error of the flow change when the number of levels is doubled, once there are many? And on digits: are 5 levels enough, 10, 40? Enough for what?
#
# **Write** what a flow with $n$ levels costs, in evaluations of the network for each image, and how far it ends from a fine flow that starts at the same noise. Below the check the same is measured for the shipped network.


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


# %% nbgrader={"grade": true, "grade_id": "ex10_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for levels in (2, 5, 20):
    counted = Counted(ring.posterior_mean)
    du.probability_flow(counted, start[:1], du.noise_schedule(levels))
    assert evaluations(levels) == counted.calls, (
        f"{levels} levels: you say {evaluations(levels)} evaluations, the flow asks {counted.calls} times. Heun looks "
        "twice at each step; between n levels there are n - 1 steps; and once more at the end."
    )
fine_end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(160, low=0.005))
error = {}
for levels in (20, 40):
    end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(levels, low=0.005))
    expected = (end - fine_end).norm(dim=1).median().item()
    error[levels] = distance_to_fine(ring.posterior_mean, start, levels, 160, low=0.005)
    assert abs(error[levels] / expected - 1) < 0.05, (
        f"{levels} levels: your distance is {error[levels]:.5f}, expected {expected:.5f}: the median over points of the "
        "distance between the two ends of the *same* noise, with both flows down to the same low."
    )
assert 3 < error[20] / error[40] < 6, (
    "Heun's step is of second order: half the step, a quarter of the error"
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
print("levels  evaluations  distance to 40 levels  Frechet distance (64 images)")
for n, end in ends.items():
    apart = (end - ends[40]).flatten(1).norm(dim=1).median()
    print(f"{n:6} {evaluations(n):12} {apart:22.2f} {frechet(end):17.0f}")
floors = [frechet(images[64 * k : 64 * k + 64]) for k in range(5)]
print(f"five sets of 64 training digits: {min(floors):.0f} to {max(floors):.0f}")

# %% mystnb={"image": {"alt": "Four rows of the same fourteen digits, made from the same noise with 3, 5, 10 and 40 levels: with 3 levels some are another digit than with 40, with 5 a few still differ in strokes, with 10 and 40 they are hard to tell apart."}}
du.plotting.show_images([ends[n][:14] for n in (3, 5, 10, 40)], ["3 levels", "5", "10", "40"], size=0.5)
plt.show()

# %% [markdown] tags=["discussion"]
# Heun's step has second order, so twice the levels leave a quarter of the error. On digits ten levels end close beside forty, and the Frechet distance stops falling earlier still; five sets of *real* digits of this size differ among themselves by more than what is gained then. So for this ruler, at this number of images, five to ten are enough, and twenty are safe;
# to follow one path to the last grey level one needs more. A half answer shows pictures. "The more the better" forgets that what is left is the error of the *network*, and no step size mends that.

# %% [markdown]
# ## (b) · Euler instead of Heun
#
# Euler's step is the first half of Heun's: from $\sigma$ to $\sigma'$ go along the slope at $\sigma$. It asks the network once a step. **Predict**: at *equal numbers of evaluations*, which is nearer to the exact flow, and does that hold for few as well as for many?
#
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
    """How many levels euler_flow may use to ask as often as du.probability_flow with n levels."""
    ### BEGIN SOLUTION
    return 2 * n - 1  # one evaluation a level
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
bell = du.GaussianMixture([[0.4]], 0.2**2)  # one Gaussian: each of Euler's steps is a factor
x = torch.linspace(-20, 20, 9, dtype=torch.float64)[:, None]
levels = du.noise_schedule(6, low=0.1).tolist()
for count in (2, 6):
    factor, ends_at = 1.0, levels[count - 1]
    for here, there in zip(levels[:count], levels[1:count]):
        factor *= 1 + (there - here) * here / (0.2**2 + here**2)
    factor *= 0.2**2 / (0.2**2 + ends_at**2)  # the last R
    found = euler_flow(bell.posterior_mean, x, levels[:count])
    gap = (found - (0.4 + factor * (x - 0.4))).abs().max().item()
    assert gap < 1e-6, (
        f"one Gaussian, {count} levels: your end points are up to {gap:.3g} off. Take the slope (x - R) / sigma at the level "
        "where you stand, times (there - here), which is negative; end with R at the last level."
    )
for n in (3, 10):
    heun, euler = Counted(ring.posterior_mean), Counted(ring.posterior_mean)
    du.probability_flow(heun, start[:1], du.noise_schedule(n))
    euler_flow(euler, start[:1], du.noise_schedule(euler_levels(n)))
    assert heun.calls == euler.calls, (
        f"Heun with {n} levels asks {heun.calls} times, Euler with {euler_levels(n)} levels {euler.calls} times: compare at equal cost"
    )
fine_end = du.probability_flow(ring.posterior_mean, start, du.noise_schedule(160, low=0.005))
apart = {}
for n in (5, 10, 20, 40):
    flows = {
        "Heun": du.probability_flow(ring.posterior_mean, start, du.noise_schedule(n, low=0.005)),
        "Euler": euler_flow(ring.posterior_mean, start, du.noise_schedule(euler_levels(n), low=0.005)),
    }
    for name, end in flows.items():
        apart[name, n] = (end - fine_end).norm(dim=1).median().item()
assert apart["Heun", 20] < 0.5 * apart["Euler", 20], (
    "at 39 evaluations Heun should be far ahead on the ring"
)
assert 1.5 < apart["Euler", 20] / apart["Euler", 40] < 2.7, (
    "Euler's step is of first order: half the step, half the error"
)
print("(b) passes")

# %% mystnb={"image": {"alt": "Distance to the exact flow on the ring against evaluations, from 9 to 79, on logarithmic axes: Euler's falls along a line of slope minus one; Heun's begins higher at 9 evaluations, crosses between 19 and 39, and falls twice as steeply."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6, 3.2))
for name, color in [("Heun", du.plotting.EXACT), ("Euler", du.plotting.LEARNED)]:
    values = [apart[name, n] for n in (5, 10, 20, 40)]
    du.plotting.curve(ax, [evaluations(n) for n in (5, 10, 20, 40)], values, label=name, color=color)
ax.set(xscale="log", yscale="log", xlabel="evaluations of $R$", ylabel="distance to the exact flow")
ax.set_xticks([9, 19, 39, 79], [9, 19, 39, 79])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# With many evaluations the order decides: each doubling divides Heun's error by four and Euler's by two. With the nine evaluations of five levels, and still with nineteen, Heun is *not* ahead: its steps are twice as long as Euler's, and a better rule does not make up for that yet. A comparison at equal levels would have hidden it, since Heun then pays double.
# The same Euler step is the deterministic step of a DDPM sampler (the chapter's *One notation*).

# %% [markdown]
# ## (c) · The flow of one Gaussian, by hand
#
# Let $x\sim N(\mu,s^2)$, in one dimension. **Predict**: a point starts two standard deviations of $p_{\sigma}$ to the right of $\mu$, at a large $\sigma$. How many standard deviations of $p_\sigma$ is it from $\mu$ when $\sigma$ has become small?
#
# **Prove**: derive $R^*$, and solve $dx/d\sigma=(x-R^*)/\sigma$. **Write** the solution; the check compares it with `du.probability_flow`.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex10_c_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# $p_\sigma=N(\mu,s^2+\sigma^2)$, so $(\log p_\sigma)'(x)=-(x-\mu)/(s^2+\sigma^2)$, and by Tweedie's formula
# $$R^*(x;\sigma)=x-\sigma^2\frac{x-\mu}{s^2+\sigma^2}=\frac{s^2x+\sigma^2\mu}{s^2+\sigma^2}.$$
# Put $u=x-\mu$. The flow becomes
# $$\frac{du}{d\sigma}=\frac{x-R^*}{\sigma}=\frac{\sigma\,u}{s^2+\sigma^2},\qquad\text{so}\qquad\frac{d\log|u|}{d\sigma}=\frac{\sigma}{s^2+\sigma^2}=\frac{d}{d\sigma}\,\tfrac12\log(s^2+\sigma^2).$$
# Hence $u$ is proportional to $\sqrt{s^2+\sigma^2}$:
# $$x(\sigma')=\mu+\sqrt{\frac{s^2+\sigma'^2}{s^2+\sigma^2}}\;(x(\sigma)-\mu).$$
# The root is the standard deviation of $p_\sigma$. A point keeps its place in units of it, for ever.
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
    found = gaussian_flow(x, mu, s, high, low)
    unit = (s**2 + low**2) ** 0.5
    gap = ((found - reached) / unit).abs().max().item()
    assert gap < 0.01, (
        f"N({mu}, {s}^2), sigma from {high} to {low}: from two deviations out, du.probability_flow ends "
        f"{(reached[-1].item() - mu) / unit:.2f} deviations of p_sigma from mu, your formula {(found[-1].item() - mu) / unit:.2f}. "
        "Write the flow for x - mu, and recognise d/dsigma of (1/2) log(s^2 + sigma^2)."
    )
print("(c) passes")

# %% [markdown] tags=["discussion"]
# Two deviations out at the start, two at the end. The flow only rescales, so it keeps every quantile; that is how the law stays $p_\sigma$ all the way, and why nothing gathers at the mode. An ascent would take all of these points to $\mu$.
# The solution without the check, or the check without the solution, is half an answer.

# %% [markdown]
# ## (d) · Stop early, and denoise once
#
# Run the flow on the ring with the exact $R^*$, but stop at $\sigma=0.1$ and apply $R^*$ once. **Predict** the law of the end points: $p$, $p_{0.1}$, or neither? Is it wider or narrower than $p$?
#
# **Write** the total variance of the end points, the sum over coordinates, for any mixture and any $\sigma$, without running the flow. T6 helps ($\mathrm{Cov}[x\mid\tilde x]=\sigma^2\,\partial R^*/\partial\tilde x$), or a large sample of $p_\sigma$.


# %% nbgrader={"grade": false, "grade_id": "ex10_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def variance_after_one_pass(law, sigma):
    """Total variance, a float, of R*(x~) for x~ drawn from p_sigma; law: a du.GaussianMixture."""
    ### BEGIN SOLUTION
    x_noisy = law.smooth(sigma).sample(200_000, seeded(0)).double()
    return law.posterior_mean(x_noisy, sigma).var(0).sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for law, sigma in [(ring, 0.1), (ring, 0.3), (du.moons(), 0.15)]:
    # The law of total variance on a grid: Var x = Var R* + E tr Cov[x | x~], and E tr Cov = sigma^2 d - sigma^4 E|score|^2.
    places = du.plotting.grid(240, -5 * sigma, 1 + 5 * sigma).double()
    p_sigma = law.smooth(sigma)
    weight = p_sigma.log_prob(places).exp()
    mean_square = (weight * p_sigma.score(places).square().sum(1)).sum().item() / weight.sum().item()
    clean = torch.cov(law.means.T, aweights=law.weights, correction=0).trace().item()
    clean += (law.weights * law.covariances.diagonal(dim1=1, dim2=2).sum(1)).sum().item()
    expected = clean - (2 * sigma**2 - sigma**4 * mean_square)
    found = variance_after_one_pass(law, sigma)
    assert abs(found / expected - 1) < 0.02, (
        f"{law}, sigma {sigma}: your total variance is {found:.4f}, expected {expected:.4f}; p has {clean:.4f}, p_sigma "
        f"{clean + 2 * sigma**2:.4f}. The flow ends with the law p_sigma; then each point is replaced by a mean. "
        "Var x = Var E[x | x~] + E Var[x | x~]: which of the two is left?"
    )
stopped = du.probability_flow(
    ring.posterior_mean, ring.mean().float() + 10 * torch.randn(4000, 2, generator=seeded(3)),
    du.noise_schedule(40, low=0.1),
)  # fmt: skip
assert abs(stopped.var(0).sum().item() / variance_after_one_pass(ring, 0.1) - 1) < 0.1, (
    "the flow disagrees"
)
print("(d) passes")

# %% mystnb={"image": {"alt": "Two scatter plots. Left, points drawn from the ring: eight round bumps. Right, the flow stopped at 0.1 and denoised once: a narrow closed band through the places of the bumps, with few points beside it."}}
fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.2), sharex=True, sharey=True)
for ax, x, title in [(axes[0], ring.sample(1500, seeded(4)), "drawn from $p$"), (axes[1], stopped[:1500], "stopped at 0.1, $R^*$ once")]:  # fmt: skip
    ax.scatter(*x.T, s=2, color=du.plotting.EXACT)
    ax.set(title=title, xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown] tags=["discussion"]
# Neither. At $\sigma=0.1$ the points have the law $p_{0.1}$, and then each is replaced by a posterior mean: the law is that of $R^*(\tilde x)$. It has the mean of $p$, and too little variance, by the average posterior covariance. "Too narrow" is half an answer; by how much, and that the gaps
# between the bumps are filled, where two of them are possible and the mean lies between, is the rest. A *draw* from the posterior instead of its mean would give $p$. At $\sigma=0.02$ the posterior is so narrow that nobody sees the difference, which is why the last $R$ of `du.probability_flow` does no harm.

# %% [markdown]
# ## (e) · Walking down in 10, 20, 40 levels
#
# Walkback at falling levels, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, got worse in the chapter with twice as many levels. First one Gaussian $N(\mu,s^2)$, with the exact $R^*$. **Predict**: of the variance $s^2$, what share is left at the end of a walk from 2 to 0.02, and does it rise or fall with the number of levels? Will it be so for digits?
#
# **Write** what one pass does to the variance $v$ of $x$, and where many passes at one level lead.


# %% nbgrader={"grade": false, "grade_id": "ex10_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pass_variance(v, s, sigma):
    """The variance of R*(x + sigma eps) when x has the variance v and the law is N(mu, s^2)."""
    ### BEGIN SOLUTION
    c = s**2 / (s**2 + sigma**2)  # R* shrinks by c towards mu
    return c**2 * (v + sigma**2)
    ### END SOLUTION


def limit_variance(s, sigma):
    """The variance after very many passes at the one level sigma."""
    ### BEGIN SOLUTION
    return s**4 / (2 * s**2 + sigma**2)  # solves v = pass_variance(v, s, sigma)
    ### END SOLUTION


def share_left(levels, s):
    """Share of s^2 that is left after a walk from v = 0 through du.noise_schedule(levels, high=2.0)."""
    ### BEGIN SOLUTION
    v = 0.0
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        v = pass_variance(v, s, sigma)
    return v / s**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex10_e_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
for s, sigma, v in [(0.3, 0.2, 0.3**2), (0.3, 1.0, 0.0), (0.1, 0.05, 0.04)]:
    bell = du.GaussianMixture([[0.5]], s**2)
    x = 0.5 + v**0.5 * torch.randn(20_000, 1, generator=seeded(5), dtype=torch.float64)
    after = du.walkback(bell.posterior_mean, x, 1, sigma, seeded(6))
    drawn, found = after.var().item(), pass_variance(v, s, sigma)
    assert abs(found / drawn - 1) < 0.05, (
        f"s = {s}, sigma = {sigma}, v = {v:.2f}: your variance after one pass is {found:.5f}, over 20,000 walks it is {drawn:.5f}. "
        "The noise adds sigma^2; then R* multiplies the distance from mu by s^2 / (s^2 + sigma^2)."
    )
    v = 0.0
    for _ in range(2000):
        v = (s**2 / (s**2 + sigma**2)) ** 2 * (v + sigma**2)
    found = limit_variance(s, sigma)
    assert abs(found / v - 1) < 1e-3, (
        f"s = {s}, sigma = {sigma}: your limit is {found:.5f}, 2,000 passes lead to {v:.5f}. Solve v = pass_variance(v, s, sigma)."
    )
for levels in (3, 20):
    bell, x = du.GaussianMixture([[0.5]], 0.3**2), torch.full((20_000, 1), 0.5)
    for i, sigma in enumerate(du.noise_schedule(levels, high=2.0).tolist()):
        x = du.walkback(bell.posterior_mean, x, 1, sigma, seeded(10 + i))
    drawn, found = x.var().item() / 0.3**2, share_left(levels, 0.3)
    assert abs(found / drawn - 1) < 0.05, (
        f"{levels} levels, s = 0.3: your share is {found:.3f}, over 20,000 walks it is {drawn:.3f}: start from 0, one pass at each "
        "level from the largest down, and divide by s^2."
    )
print("(e) passes")

# %% tags=["nbval-ignore-output"]
walked = {}
print("levels   one Gaussian: share of variance   digits (80): variance   ink   Frechet")
for levels in (10, 20, 40):
    x, chance = torch.full((80, 1, 28, 28), 0.5), seeded(7)
    for sigma in du.noise_schedule(levels, high=2.0).tolist():
        x = du.walkback(unet, x, 1, sigma, chance)
    walked[levels] = x
    row = share_left(levels, 0.3), x.flatten(1).var(0).sum(), x.mean(), frechet(x)
    print(f"{levels:6} {row[0]:25.2f} {row[1]:31.1f} {row[2]:8.3f} {row[3]:6.0f}")
x = images[:80]
print(f"training digits {x.flatten(1).var(0).sum():47.1f} {x.mean():8.3f} {frechet(x):6.0f}")

# %% mystnb={"image": {"alt": "Three rows of fourteen digits made by walkback in 10, 20 and 40 levels: with 10 some are broken or smudged, with 40 they are cleaner and thinner."}}
du.plotting.show_images([x[:14] for x in walked.values()], [f"{n} levels" for n in walked], size=0.5)
plt.show()

# %% [markdown] tags=["discussion"]
# One pass takes $v$ to $c^2(v+\sigma^2)$ with $c=s^2/(s^2+\sigma^2)$, so $s^2$ itself shrinks, and many passes at a small $\sigma$ end at $s^2/2$: a mean has answered where a draw was needed. But along a walk the share *rises* with the number of levels, towards one half. So a single Gaussian explains why walkback is too narrow, and
# not why more levels make it worse. On digits variance and ink *fall* with the levels, with each of three seeds we tried: there is more than one mode, the passes climb, and what they climb to is thin and typical, as in chapters 06 and 07. Few levels have the opposite fault: a doubt between two digits is not settled before the noise is too small to settle it.
# Hence a best number between. With 80 images the Frechet distance is too rough to say which, since sets of real digits of this size differ by more than a third; a full answer takes more images and several seeds. A half answer reads the best number off one column.
