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
# For [chapter 02](../02-the-score-inside-bce.ipynb). Needed: its four steps, pen and paper. About 90 minutes; the code takes seconds.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch
from scipy.integrate import quad

du.plotting.use_style()

# %% [markdown]
# ## (a) · A law with an atom
#
# Step 2 again, for a law that has no density: with probability $w=0.3$ the clean point is *exactly* 0.5, else it is drawn from the density $2x$ on $[0,1]$. Predict: which line of the derivation changes?
#
# Write $\int x^k\,N(y;x,\sigma^2)\,dp(x)$ for this law, for $k=0$, which is $p_\sigma(y)$, and $k=1$. The part with a density is there already, by quadrature. Quadrature never meets the atom: its part is yours, by hand.


# %%
def normal(z, sigma):
    return np.exp(-(z**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)


def density_part(y, sigma, power=0):
    """Integral of x^power 2x N(y; x, sigma^2) over [0, 1]: the law 2x alone, without the atom."""
    where = [float(np.clip(y, 0.01, 0.99))]  # tell quad where the peak is
    return quad(lambda x: x**power * 2 * x * normal(y - x, sigma), 0, 1, points=where)[0]


w = 0.3


# %% nbgrader={"grade": false, "grade_id": "ex02_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed(y, sigma, power=0):
    """E[x^power N(y; x, sigma^2)] for x = 0.5 with probability w, else from the density 2x."""
    ### BEGIN SOLUTION
    atom = 0.5**power * normal(y - 0.5, sigma)
    return (1 - w) * density_part(y, sigma, power) + w * atom
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The same law as 20,000 points of equal weight, at the quantiles of 2x, and the atom.
quantiles = (((torch.arange(20_000) + 0.5) / 20_000) ** 0.5)[:, None]
weights = torch.cat([torch.full((20_000,), (1 - w) / 20_000), torch.tensor([w])])
points = du.GaussianMixture(torch.cat([quantiles, torch.tensor([[0.5]])]), 0.0, weights)
places = np.linspace(-0.1, 1.1, 13)
for sigma in (0.05, 0.2, 0.5):
    y = torch.from_numpy(places)[:, None]
    exact = points.smooth(sigma).log_prob(y).exp().numpy()
    exact_mean = points.posterior_mean(y, sigma)[:, 0].numpy()
    zeroth = np.array([smoothed(y, sigma) for y in places])
    first = np.array([smoothed(y, sigma, 1) for y in places])
    gap = np.abs(zeroth - exact).max()
    assert gap < 1e-4, (
        f"sigma = {sigma}: p_sigma is up to {gap:.3f} away from the same law made of 20,001 points. "
        "Two parts, with weights that add up to 1; the atom gives w N(y; 0.5, sigma^2)"
    )
    gap = np.abs(first - exact * exact_mean).max()
    assert gap < 1e-4, (
        f"sigma = {sigma}: p_sigma is right, the integral with x is up to {gap:.3f} away. "
        "What is x at the atom?"
    )
    h = 1e-4
    left = first / zeroth - places
    above, below = (np.array([smoothed(y + step, sigma) for y in places]) for step in (h, -h))
    right = sigma**2 * (np.log(above) - np.log(below)) / (2 * h)
    assert np.abs(left - right).max() < 1e-5, "the two sides of Tweedie's formula differ"
print("(a) passes")

# %% mystnb={"image": {"alt": "Reconstruction minus input against the corrupted point at two noise levels, for the law with an atom at 0.5. Lines from the posterior mean pass through dots from the derivative of the log density; at the small level the line falls steeply through the atom."}} tags=["discussion"]
at = np.linspace(-0.1, 1.1, 61)
fig, ax = plt.subplots()
for sigma in (0.05, 0.2):
    left = [smoothed(y, sigma, 1) / smoothed(y, sigma) - y for y in at]
    right = [
        sigma**2 * (np.log(smoothed(y + h, sigma)) - np.log(smoothed(y - h, sigma))) / (2 * h) for y in at
    ]
    (line,) = ax.plot(at, left, label=f"$\\sigma$ = {sigma}")
    ax.plot(at, right, "o", ms=4, color=line.get_color())
ax.axhline(0, color="gray", lw=0.8)
ax.set(
    xlabel=r"corrupted point $\tilde x$",
    ylabel=r"$R^*(\tilde x) - \tilde x$",
    title=r"An atom at 0.5.  Dots: $\sigma^2\,d\log p_\sigma/d\tilde x$",
)
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# No line changes. What is differentiated is the Gaussian, and $p$ enters only as something to integrate against: a density, atoms, or both. The atom adds $w\,N(y;0.5,\sigma^2)$ to $p_\sigma$ and $0.5\,w\,N(y;0.5,\sigma^2)$ to the integral with $x$.
# Near 0.5 and at small $\sigma$ the arrow points at the atom, from both sides. An answer that leaves the atom out of *both* integrals also satisfies Tweedie's formula, for another law: to check an identity is not to check that its law is the one you meant.

# %% [markdown]
# ## (b) · The Bregman divergence of the square
#
# For a convex $\phi$ the **Bregman divergence** is $D_\phi(x,r)=\phi(x)-\phi(r)-\phi'(r)(x-r)$: how far $\phi$ lies above its tangent at $r$.
#
# Prove: (i) for $\phi(t)=t^2$ it is the squared error; (ii) for every $\phi$, $E[D_\phi(x,r)]-E[D_\phi(x,m)]=D_\phi(m,r)$ with $m=E[x]$, so the mean is the best answer; (iii) hence $E|R-x|^2-E|R^*-x|^2=\sigma^4E|\hat s-s_\sigma|^2$.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex02_b_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Your proof:
#
# ### BEGIN SOLUTION
# (i) $x^2-r^2-2r(x-r)=x^2-2rx+r^2=(x-r)^2$.
#
# (ii) In the difference $\phi(x)$ cancels. What is left is linear in $x$, so its mean has $m$ in the place of $x$, and the term $\phi'(m)(m-m)$ is 0:
# $$E[D_\phi(x,r)]-E[D_\phi(x,m)]=\phi(m)-\phi(r)-\phi'(r)(m-r)=D_\phi(m,r).$$
# A tangent lies nowhere above a convex function, so this is $\ge0$, and it is 0 at $r=m$.
#
# (iii) Take (ii) for each coordinate with $\phi(t)=t^2$, given $\tilde x$; there $m=R^*$ and $r=R$. Average over $\tilde x$ and add the coordinates: $E|R-x|^2-E|R^*-x|^2=E|R-R^*|^2$. By step 2, $R^*=\tilde x+\sigma^2s_\sigma$, and by definition $R=\tilde x+\sigma^2\hat s$; so $R-R^*=\sigma^2(\hat s-s_\sigma)$. $\square$
# ### END SOLUTION

# %% [markdown]
# Now as code: the divergence of any $\phi$, in sympy, and the error of the score that (iii) gives for an excess of squared error.


# %% nbgrader={"grade": false, "grade_id": "ex02_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bregman(phi, x, r):
    """D_phi(x, r) in sympy; phi: a function of an expression; x, r: symbols."""
    ### BEGIN SOLUTION
    return phi(x) - phi(r) - sympy.diff(phi(r), r) * (x - r)
    ### END SOLUTION


def score_error(excess, sigma):
    """E|s_hat - s_sigma|^2 from the excess E|R - x|^2 - E|R* - x|^2."""
    ### BEGIN SOLUTION
    return excess / sigma**4
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
x, r, m = sympy.symbols("x r m", positive=True)


def minus_entropy(t):
    return t * sympy.log(t) + (1 - t) * sympy.log(1 - t)


square = bregman(lambda t: t**2, x, r)
assert sympy.simplify(square - (x - r) ** 2) == 0, (
    f"for phi(t) = t^2 your divergence is {sympy.expand(square)}; it should be (x - r)^2. "
    "The tangent touches at r: which value and which slope does it have there?"
)
of_entropy = bregman(minus_entropy, x, r)
kl = x * sympy.log(x / r) + (1 - x) * sympy.log((1 - x) / (1 - r))
for values in [(0.2, 0.7), (0.9, 0.5), (0.3, 0.1)]:
    mine, wanted = (float(e.subs({x: values[0], r: values[1]})) for e in (of_entropy, kl))
    assert abs(mine - wanted) < 1e-9, (
        f"for minus the entropy, at x = {values[0]}, r = {values[1]}, the divergence is kl(x||r) = {wanted:.4f}; "
        f"yours is {mine:.4f}. Which of the two arguments does the tangent touch?"
    )
law, sigma = du.ring(), 0.1
x_noisy = du.corruption.gaussian(
    law.sample(2000, torch.Generator().manual_seed(0)), sigma, torch.Generator().manual_seed(1)
).double()
best = law.posterior_mean(x_noisy, sigma)
other = best + 0.02 * torch.sin(7 * x_noisy)  # some network that is not the best one
exact = ((other - x_noisy) / sigma**2 - law.smooth(sigma).score(x_noisy)).square().sum(1).mean().item()
# E|R - x|^2 - E|R* - x|^2 without the chance of x, by (ii)
excess = (other - best).square().sum(1).mean().item()
ratio = score_error(excess, sigma) / exact
assert abs(ratio - 1) < 1e-6, (
    f"the error of the score comes out {ratio:.3g} times too large. For squared error there is equality; "
    "R - R* is sigma^2 times a difference of scores"
)
print("(b) passes")

# %% [markdown] tags=["discussion"]
# Twice the same line: what is linear in the target sees only its mean. For $\phi(t)=t^2$ the gap is $(m-r)^2$ and the certificate is an equality; for minus the entropy it is $\mathrm{kl}(m\|r)$, and Pinsker turns it into a bound with the factor $\frac12$. A half answer stops at the square and does not reach the score.
# In $\mathrm{kl}(m\|r)$ as in $D_\phi(m,r)$ the mean comes first, and the order matters.

# %% [markdown]
# ## (c) · Next to black
#
# In step 4 the certificate was a little above the true error, by the ratio that theory predicts. Move the law to the left, next to black, with bumps so narrow that all of it stays inside $[0,1]$. Predict: does the ratio of certificate to error grow or fall?
#
# Write such a law, a mixture of at least two bumps in one dimension with its mean below 0.2 and less than $10^{-6}$ of its mass below 0; and the predicted ratio, the mean of $1/(4R^*(1-R^*))$ weighted by the squared errors.


# %% nbgrader={"grade": false, "grade_id": "ex02_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def law_near_black():
    """A `du.GaussianMixture` in one dimension: mean below 0.2, nothing below 0."""
    ### BEGIN SOLUTION
    return du.GaussianMixture([[0.08], [0.16], [0.2]], [0.014**2, 0.01**2, 0.014**2], [0.5, 0.2, 0.3])
    ### END SOLUTION


def predicted_ratio(best, error):
    """Certificate over true error, near the optimum; best: R* (N, 1); error: s_hat - s_sigma (N, 1)."""
    ### BEGIN SOLUTION
    share = error**2
    return ((share / (4 * best * (1 - best))).sum() / share.sum()).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex02_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
law, sigma = law_near_black(), 0.1
assert law.dim == 1 and len(law.means) >= 2, "at least two bumps in one dimension are asked for"
assert law.mean().item() < 0.2, f"the mean of the law is {law.mean().item():.2f}; asked for: below 0.2"
deviation = law.covariances[:, 0, 0].sqrt()
below = (law.weights * torch.special.ndtr(-law.means[:, 0] / deviation)).sum().item()
assert below < 1e-6, (
    f"a share of {below:.1e} of the law lies below 0, more than 1e-6: make the bumps narrower, about a fifth of their mean. "
    "`du.fit` would move those points to 0, and the network would learn another law than the one you compare with"
)
generator = torch.Generator().manual_seed(0)
x_noisy = du.corruption.gaussian(law.sample(20_000, generator), sigma, generator).double()
best = law.posterior_mean(x_noisy, sigma)
nearly = best + 1e-4 * torch.cos(9 * x_noisy)  # near the optimum by construction
excess = du.objectives.excess_risk(nearly.logit(), best).mean().item()
exact = ((nearly - best) / sigma**2).square().mean().item()
ratio = du.certificate(excess, sigma) / exact
prediction = float(predicted_ratio(best, (nearly - best) / sigma**2))
assert abs(prediction / ratio - 1) < 0.01, (
    f"near the optimum, certificate over error is {ratio:.3f}; you predict {prediction:.3f}. "
    "Weigh each point by its squared error; kl is (r - m)^2 / (2 m (1 - m)) to second order"
)
trained = {}
for steps in (20, 400):
    network = du.MLPDenoiser(1, hidden=48, depth=2)
    du.fit(network, law, sigma=sigma, steps=steps, batch_size=512, device="cpu")
    with torch.no_grad():
        logits, learned = (
            network.logits(x_noisy.float()),
            du.score_from_denoiser(network, x_noisy.float(), sigma),
        )
    error = learned - law.smooth(sigma).score(x_noisy)
    bound = du.certificate(du.objectives.excess_risk(logits.double(), best).mean().item(), sigma)
    trained[steps] = bound / error.square().mean().item(), float(predicted_ratio(best, error))
measured, prediction = trained[400]
assert abs(prediction / measured - 1) < 0.1, (
    f"after 400 steps the ratio is {measured:.2f} and you predict {prediction:.2f}; expected within a tenth"
)
assert measured > 1.25, (
    f"the ratio is {measured:.2f}, no more than for the law of the chapter: go nearer to black"
)
print("(c) passes")

# %% tags=["discussion", "nbval-ignore-output"]
for steps, (measured, prediction) in trained.items():
    print(f"{steps:4d} steps: certificate over error {measured:.2f}, predicted {prediction:.2f}")

# %% [markdown] tags=["discussion"]
# The ratio grows, to about 2 for this law, since $1/(4R^*(1-R^*))$ grows towards black: 1 at mid-grey, about 2 at $R^*=0.15$, 5 at 0.05. The prediction follows *near the optimum*, where the second order of kl is enough; early in the training it need not, and the printed lines show by how much.
# "The certificate gets worse" is half an answer. It still holds; it is the bound of Pinsker, best at mid-grey, that is loose next to black and white.
# That the bumps were narrowed matters: with mass below 0 the network learns the clipped law, and the ratio compares it with another one.
