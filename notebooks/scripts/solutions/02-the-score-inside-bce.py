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
# # 02 · Exercises: the score inside BCE
#
# For [chapter 02](../02-the-score-inside-bce.ipynb). You need the chapter's derivations, a pencil and a pocket calculator. The three exercises take about 90 minutes; exercise (a) is the core one. The code takes under a minute.
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
import numpy as np
import sympy
import torch
from scipy.integrate import quad

du.plotting.use_style()


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · A distribution with an atom
#
# *Core exercise, about 30 minutes.*
#
# Tweedie's formula says $E[x\mid\tilde x=y]-y=\sigma^2\,\frac{d}{dy}\log p_\sigma(y)$. Does it need the clean data to have a density? An **atom** is a single point that has a positive probability, and a distribution with an atom has no density.
#
# **Warm-up, with a pencil.** The black-or-white pixel consists of two atoms, 0 and 1, each with probability $\frac12$. Let $\sigma=0.3$ and $y=0.6$. The Gaussians have the values $N(0.6;0,\sigma^2)=0.180$ and $N(0.6;1,\sigma^2)=0.547$. Compute
#
# 1. $p_\sigma(y)=E[N(y;x,\sigma^2)]$ and $E[x\,N(y;x,\sigma^2)]$, and from their ratio the posterior mean;
# 2. the derivative $p_\sigma'(y)$, using $\frac{d}{dy}N(y;x,\sigma^2)=\frac{x-y}{\sigma^2}N(y;x,\sigma^2)$;
# 3. both sides of Tweedie's formula, each divided by $\sigma^2$.
#
# **Predict.** Now let the clean point be *exactly* 0.5 with probability $w=0.3$, and otherwise drawn from the density $2x$ on $[0,1]$. Which line in the derivation of Tweedie's formula changes?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# For this distribution, write $E[x^k\,N(y;x,\sigma^2)]$ for $k=0$, which is $p_\sigma(y)$, and for $k=1$. The function `density_part` integrates the density $2x$ by quadrature. Quadrature never notices an atom, so that part is yours, by hand.


# %%
def normal(z, sigma):
    return np.exp(-(z**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)


def density_part(y, sigma, power=0):
    """Integral of x^power 2x N(y; x, sigma^2) over [0, 1]: the density 2x alone."""
    where = [float(np.clip(y, 0.01, 0.99))]  # tell quad where the peak is
    return quad(lambda x: x**power * 2 * x * normal(y - x, sigma), 0, 1, points=where)[0]


w = 0.3


# %% nbgrader={"grade": false, "grade_id": "ex02_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed(y, sigma, power=0):
    """E[x^power N(y; x, sigma^2)], to within 1e-3; y, sigma: numbers, power: 0 or 1.

    x is 0.5 with probability w, and otherwise drawn from the density 2x.
    """
    ### BEGIN SOLUTION
    atom = 0.5**power * normal(y - 0.5, sigma)
    return (1 - w) * density_part(y, sigma, power) + w * atom
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
found = number(smoothed(0.4, 0.3))
assert abs(found - 0.9198) < 1e-3, (
    f"p_sigma(0.4) at sigma = 0.3 is 0.9198, yours is {found:.4f}. "
    "The expectation has two parts: what does each contribute, and do the probabilities add up to 1?"
)
found = number(smoothed(0.4, 0.3, 1))
assert abs(found - 0.4946) < 1e-3, (
    f"p_sigma(0.4) is right, but E[x N] there is 0.4946, and yours is {found:.4f}. What is x at the atom?"
)
### BEGIN HIDDEN TESTS
# The same distribution as 20,000 points of equal weight, at the quantiles of 2x, and the atom.
quantiles = (((torch.arange(20_000) + 0.5) / 20_000) ** 0.5)[:, None]
weights = torch.cat([torch.full((20_000,), (1 - w) / 20_000), torch.tensor([w])])
points = du.GaussianMixture(torch.cat([quantiles, torch.tensor([[0.5]])]), 0.0, weights)
places = np.linspace(-0.1, 1.1, 13)
for sigma in (0.05, 0.2, 0.5):
    y = torch.from_numpy(places)[:, None]
    exact = points.smooth(sigma).log_prob(y).exp()
    exact_mean = points.posterior_mean(y, sigma)[:, 0]
    for power, wanted in [(0, exact), (1, exact * exact_mean)]:
        mine = torch.tensor([number(smoothed(place, sigma, power)) for place in places])
        gap = (mine - wanted).abs().max().item()
        assert gap < 1e-3, (
            f"sigma = {sigma}, power = {power}: your values are up to {gap:.3f} away from those of the same "
            "distribution made of 20,001 points"
        )
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown]
# The next cell draws both sides of Tweedie's formula from your function: lines for the posterior mean minus the input, dots for $\sigma^2$ times the derivative of $\log p_\sigma$.

# %% mystnb={"image": {"alt": "Reconstruction minus input against the corrupted point at two noise levels, for the distribution with an atom at 0.5. Lines from the posterior mean pass through dots from the derivative of the log-density. At the small level the line crosses zero steeply at 0.5."}}
at = np.linspace(-0.1, 1.1, 61)
h = 1e-4
fig, ax = plt.subplots(figsize=(6.2, 3.2))
for sigma, label_at in [(0.05, (0.12, 0.04)), (0.2, (0.1, 0.28))]:
    here, first, below, above = (
        np.array([number(smoothed(y + shift, sigma, power)) for y in at])
        for shift, power in [(0, 0), (0, 1), (-h, 0), (h, 0)]
    )
    left = first / here - at
    right = sigma**2 * (np.log(above) - np.log(below)) / (2 * h)
    ax.plot(at, left, color=du.plotting.EXACT)
    ax.plot(at[::3], right[::3], "o", ms=4, color=du.plotting.INK)
    ax.text(*label_at, f"$\\sigma$ = {sigma}")
ax.axhline(0, color=du.plotting.GREY, lw=0.8)
ax.set(
    xlabel=r"corrupted point $\tilde x$",
    ylabel=r"$R^*(\tilde x) - \tilde x$",
    title="Tweedie's formula with an atom at 0.5",
)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex02_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** (1) $p_\sigma(0.6)=\frac12(0.180+0.547)=0.363$ and $E[xN]=\frac12\cdot0.547=0.273$, so the posterior mean is 0.752. (2) $p_\sigma'(0.6)=\frac12\big(\frac{-0.6}{0.09}\cdot0.180+\frac{0.4}{0.09}\cdot0.547\big)=0.615$. (3) $(0.752-0.6)/0.09=1.69$, and $0.615/0.363=1.69$. So two atoms obey the formula.
#
# **The prediction.** No line changes. The derivation differentiates the Gaussian, and the distribution of $x$ enters only as something to average over. That may be a density, atoms, or both. The atom adds $w\,N(y;0.5,\sigma^2)$ to $p_\sigma$ and $0.5\,w\,N(y;0.5,\sigma^2)$ to $E[xN]$. Near 0.5, at small $\sigma$, the arrow points to the atom from both sides.
#
# **A warning.** An answer that leaves the atom out of *both* expectations satisfies Tweedie's formula as well, for another distribution. If an identity holds, you still do not know that it holds for the distribution you meant.

# %% [markdown]
# ## (b) · The Bregman divergence of the square
#
# *About 35 minutes.*
#
# For a convex function $\phi$ the **Bregman divergence** is $D_\phi(x,r)=\phi(x)-\phi(r)-\phi'(r)(x-r)$. It measures how far $\phi$ lies, at $x$, above its tangent at $r$.
#
# **Warm-up, with a pencil.** Take $m=0.752$ and $r=0.6$. (i) Compute $D_\phi(m,r)$ for $\phi(t)=t^2$. (ii) Compute $\mathrm{kl}(m\|r)=m\log\frac mr+(1-m)\log\frac{1-m}{1-r}$, and check Pinsker's inequality $\mathrm{kl}(m\|r)\ge2(m-r)^2$. (iii) A network at $\sigma=0.3$ copies the pixel that arrives as 0.6, so its answer is $R=0.6$ and the score read off it is 0. The true score is 1.69. Which bound on the squared error of the score follows from the kl in (ii), and how large is the squared error really?
#
# **Prove:**
#
# 1. for $\phi(t)=t^2$ the divergence is the squared error;
# 2. for every $\phi$, $E[D_\phi(x,r)]-E[D_\phi(x,m)]=D_\phi(m,r)$ with $m=E[x]$, so the mean is the best answer;
# 3. hence $E|R-x|^2-E|R^*-x|^2=\sigma^4E|\hat s-s_\sigma|^2$.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex02_b_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Your proof:
#
# ### BEGIN SOLUTION
# 1. $x^2-r^2-2r(x-r)=x^2-2rx+r^2=(x-r)^2$.
#
# 2. In the difference of the two divergences $\phi(x)$ cancels. What is left is linear in $x$, so taking the expectation puts $m$ in the place of $x$. The term $\phi'(m)(m-m)$ is 0:
# $$E[D_\phi(x,r)]-E[D_\phi(x,m)]=\phi(m)-\phi(r)-\phi'(r)(m-r)=D_\phi(m,r).$$
# A convex function lies nowhere below its tangent, so this is $\ge0$, and it is 0 at $r=m$.
#
# 3. Apply 2 to each coordinate with $\phi(t)=t^2$, given $\tilde x$; there $m=R^*$ and $r=R$. Average over $\tilde x$ and add the coordinates: $E|R-x|^2-E|R^*-x|^2=E|R-R^*|^2$. By Tweedie's formula $R^*=\tilde x+\sigma^2s_\sigma$, and by definition $R=\tilde x+\sigma^2\hat s$. So $R-R^*=\sigma^2(\hat s-s_\sigma)$, and squaring gives the factor $\sigma^4$. $\square$
# ### END SOLUTION

# %% [markdown]
# Now as code. Write the divergence of any $\phi$ in sympy. Then write the error of the score that statement 3 gives for an excess of squared error.


# %% nbgrader={"grade": false, "grade_id": "ex02_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bregman(phi, x, r):
    """D_phi(x, r), a sympy expression in the symbols x and r.

    phi: a function that takes a sympy expression and returns one, such as lambda t: t**2.
    """
    ### BEGIN SOLUTION
    return phi(x) - phi(r) - sympy.diff(phi(r), r) * (x - r)
    ### END SOLUTION


def score_error(excess, sigma):
    """E|s_hat - s_sigma|^2, to within 1 per cent, from the excess E|R - x|^2 - E|R* - x|^2."""
    ### BEGIN SOLUTION
    return excess / sigma**4
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_b_bregman_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
x, r = sympy.symbols("x r", positive=True)


def minus_entropy(t):
    return t * sympy.log(t) + (1 - t) * sympy.log(1 - t)


def value(phi, at_x, at_r):
    """Your divergence as a number."""
    expression = sympy.sympify(bregman(phi, x, r)).doit()
    return number(expression.subs({x: at_x, r: at_r}))


for name, phi, at_x, at_r, wanted in [
    ("the square", lambda t: t**2, 0.2, 0.7, 0.25),
    ("minus the entropy", minus_entropy, 0.2, 0.7, 0.5341),
]:
    mine = value(phi, at_x, at_r)
    assert abs(mine - wanted) < 1e-3, (
        f"for {name}, at x = {at_x} and r = {at_r}, the divergence is {wanted}; yours is {mine:.4f}. "
        "Where does the tangent touch, and which value and slope has it there?"
    )
### BEGIN HIDDEN TESTS
for at_x, at_r in [(0.9, 0.5), (0.3, 0.1), (0.752, 0.6), (0.1, 0.95)]:
    kl = at_x * np.log(at_x / at_r) + (1 - at_x) * np.log((1 - at_x) / (1 - at_r))
    exponential = np.exp(at_x) - np.exp(at_r) * (1 + at_x - at_r)
    cube = at_x**3 - at_r**3 - 3 * at_r**2 * (at_x - at_r)
    for name, phi, wanted in [
        ("the square", lambda t: t**2, (at_x - at_r) ** 2),
        ("the cube", lambda t: t**3, cube),
        ("the exponential", sympy.exp, exponential),
        ("minus the entropy", minus_entropy, kl),
    ]:
        mine = value(phi, at_x, at_r)
        assert abs(mine - wanted) < 1e-3, (
            f"for {name}, at x = {at_x} and r = {at_r}, the divergence is {wanted:.4f}; yours is {mine:.4f}"
        )
### END HIDDEN TESTS
print("(b) the divergence passes")

# %% nbgrader={"grade": true, "grade_id": "ex02_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for excess, sigma, wanted in [(0.0231, 0.3, 2.85), (0.5, 1.0, 0.5)]:
    mine = number(score_error(excess, sigma))
    assert abs(mine - wanted) < 0.01 * wanted, (
        f"an excess of {excess} at sigma = {sigma} gives a squared error of the score of {wanted}, yours is "
        f"{mine:.4g}. For squared error there is equality, and R - R* is sigma^2 times a difference of scores"
    )
### BEGIN HIDDEN TESTS
for sigma in (0.05, 0.1, 0.4):
    generator = torch.Generator().manual_seed(0)
    x_noisy = du.corruption.gaussian(du.ring().sample(2000, generator), sigma, generator).double()
    best = du.ring().posterior_mean(x_noisy, sigma)
    other = best + 0.02 * torch.sin(7 * x_noisy)  # some network that is not the best one
    error = (other - x_noisy) / sigma**2 - du.ring().smooth(sigma).score(x_noisy)
    exact = error.square().sum(1).mean().item()
    excess = (other - best).square().sum(1).mean().item()
    ratio = number(score_error(excess, sigma)) / exact
    assert abs(ratio - 1) < 0.01, (
        f"sigma = {sigma}: the error of the score comes out {ratio:.3g} times too large. There is equality, "
        "and R - R* is sigma^2 times a difference of scores"
    )
### END HIDDEN TESTS
print("(b) the error passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex02_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and my answer to the warm-up (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** (i) $0.152^2=0.0231$. (ii) $0.752\log1.253+0.248\log0.62=0.170-0.119=0.0513$, which exceeds $2\cdot0.0231=0.0462$, as Pinsker says. (iii) The bound is $0.0513/(2\cdot0.3^4)=3.17$; the squared error is $1.69^2=2.86$. The bound holds and is about 11 per cent too large.
#
# **The proof** uses one fact twice: what is linear in the target sees only the mean of the target. For $\phi(t)=t^2$ the gap is $(m-r)^2$, and the certificate is an equality. For minus the entropy the gap is $\mathrm{kl}(m\|r)$, and Pinsker's inequality turns it into a bound with the factor $\frac12$. Whoever stops at the square, and does not reach the score, has half an answer.
#
# In $\mathrm{kl}(m\|r)$, as in $D_\phi(m,r)$, the mean comes first. The order matters.

# %% [markdown]
# ## (c) · Next to black
#
# *About 25 minutes.*
#
# The chapter bounds the squared error of the score, $E|\hat s-s_\sigma|^2$, by $\text{excess}/2\sigma^4$. Call this bound the **certificate**. How much larger than the error is it? Near the optimum $\mathrm{kl}(m\|r)\approx(r-m)^2/2m(1-m)$. So the ratio of certificate to error is the mean of $1/(4R^*(1-R^*))$, weighted by the squared errors.
#
# **Warm-up, with a pencil.** Compute $1/(4R^*(1-R^*))$ at $R^*=0.5$, 0.25, 0.1 and 0.05, and at the pixel's $R^*=0.752$. In exercise (b) the ratio for this pixel was 1.11. Why is it not the value that you have just found?
#
# **Predict.** Move the clean data to the left, next to black. Does the ratio of certificate to error grow or fall? By about how much?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# Write such a distribution: a mixture of at least two bumps in one dimension. Their centres lie between 0.05 and 0.3, and the mean of the mixture lies below 0.2. The bumps are so narrow that at most a millionth of the mixture lies below 0, and at most a millionth above 1. Then write the predicted ratio.


# %% nbgrader={"grade": false, "grade_id": "ex02_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def law_near_black():
    """A du.GaussianMixture(centres, variances, weights) as described above."""
    ### BEGIN SOLUTION
    return du.GaussianMixture([[0.08], [0.16], [0.2]], [0.014**2, 0.01**2, 0.014**2], [0.5, 0.2, 0.3])
    ### END SOLUTION


def predicted_ratio(best, error):
    """Certificate over squared error near the optimum: one number, to within 1 per cent.

    best: R*, a tensor (N, 1); error: s_hat - s_sigma at the same points, a tensor (N, 1).
    """
    ### BEGIN SOLUTION
    share = error**2
    return ((share / (4 * best * (1 - best))).sum() / share.sum()).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_c_density_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
density = law_near_black()
assert isinstance(density, du.GaussianMixture), (
    f"expected a du.GaussianMixture, got {type(density).__name__}"
)
assert density.dim == 1 and len(density.means) >= 2, "at least two bumps in one dimension are asked for"
centres = numbers(density.means).flatten()
deviations = numbers(density.covariances).flatten().sqrt()
share = numbers(density.weights)
assert centres.min() >= 0.05 - 1e-6 and centres.max() <= 0.3 + 1e-6, (
    f"a centre lies at {centres.min():.3f} and one at {centres.max():.3f}; asked for: all from 0.05 to 0.3"
)
mean = (share * centres).sum().item()
assert mean < 0.2, f"the mean of the distribution is {mean:.2f}; asked for: below 0.2"
for name, distance in {"below 0": -centres, "above 1": centres - 1}.items():
    outside = (share * torch.special.ndtr(distance / deviations)).sum().item()
    assert outside < 1e-6, (
        f"a share of {outside:.1e} of the distribution lies {name}, more than 1e-6: make the bumps narrower, "
        "with a standard deviation of about a fifth of the distance to 0. Why it matters: du.fit moves such points "
        "into [0, 1], and the network would learn another distribution than the one you compare it with"
    )
print("(c) the distribution passes")

# %% nbgrader={"grade": true, "grade_id": "ex02_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
hint = "Weigh each point by its squared error; kl is (r - m)^2 / (2 m (1 - m)) to second order"
best = torch.tensor([[0.5], [0.1]])
for errors, wanted in {(1.0, 1.0): 1.889, (1.0, -3.0): 2.6}.items():
    found = number(predicted_ratio(best, torch.tensor(errors)[:, None]))
    assert abs(found - wanted) < 0.01 * wanted, (
        f"R* = 0.5 and 0.1 with errors {errors}: the ratio is {wanted}, you predict {found:.3f}. {hint}"
    )
### BEGIN HIDDEN TESTS
best = torch.linspace(0.03, 0.9, 500, dtype=torch.float64)[:, None]
for seed, sigma in enumerate((0.1, 0.3)):
    noise = torch.randn(500, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    nearly = best + 1e-5 * noise * (1 + 5 * best)  # near the optimum by construction
    excess = du.objectives.excess_risk(nearly.logit(), best).mean().item()
    error = (nearly - best) / sigma**2
    ratio = du.certificate(excess, sigma) / error.square().mean().item()
    found = number(predicted_ratio(best, error))
    assert abs(found / ratio - 1) < 0.01, (
        f"near the optimum, certificate over error is {ratio:.3f}; you predict {found:.3f}. {hint}"
    )
### END HIDDEN TESTS
print("(c) the ratio passes")

# %% [markdown]
# The next cell trains a network on your distribution, for a short and for a longer time. It prints the measured ratio beside your prediction.

# %% tags=["nbval-ignore-output"]
sigma = 0.1
generator = torch.Generator().manual_seed(0)
x_noisy = du.corruption.gaussian(density.sample(20_000, generator), sigma, generator)
best = density.posterior_mean(x_noisy, sigma)
for steps in (20, 400):
    network = du.MLPDenoiser(1, hidden=48, depth=2)
    du.fit(network, density, sigma=sigma, steps=steps, batch_size=512, device="cpu")
    with torch.no_grad():
        logits = network.logits(x_noisy)
        error = du.score_from_denoiser(network, x_noisy, sigma) - density.smooth(sigma).score(x_noisy)
    excess = du.objectives.excess_risk(logits.double(), best.double()).mean().item()
    measured = du.certificate(excess, sigma) / error.square().mean().item()
    predicted = number(predicted_ratio(best, error))
    print(f"{steps} steps: certificate over error {measured:.2f}, predicted {predicted:.2f}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex02_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The values are 1, 1.33, 2.78 and 5.26, and 1.34 at 0.752. The pixel's network answered 0.6, far from the optimum 0.752. The second order of kl is then not enough: between 0.6 and 0.752 the factor $1/(4r(1-r))$ takes values from 1.04 to 1.34, and the ratio 1.11 is a weighted average of them, with most weight near 0.6.
#
# **The experiment.** The ratio grows, to about 2 for the distribution of this solution, because $1/(4R^*(1-R^*))$ grows towards black. The prediction follows *near the optimum*, where the second order of kl is enough. Early in the training it need not, and the printed lines show by how much.
#
# "The certificate gets worse" is half an answer. The certificate still holds. What becomes loose next to black and white is Pinsker's inequality, which is tight only at mid-grey.
#
# The narrow bumps matter. If part of the mixture lay below 0, training would move it to 0, and the network would learn another distribution than the one that the ratio compares it with.
