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
# # 04 · Exercises: walking uphill
#
# To [chapter 04](../04-walking-uphill.ipynb). Needed: the chapter, eigenvalues, and in (c) automatic differentiation. About sixty minutes; the code takes seconds.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch
from torch import nn

du.plotting.use_style()
sigma = 0.05
law = du.ring()
p_sigma = law.smooth(sigma)  # exact log_prob and score of the corrupted data

generator = torch.Generator().manual_seed(0)
sample = law.sample(10_000, generator).clamp(0, 1)
noisy = du.corruption.gaussian(law.sample(400, generator), sigma, generator).double()
network = du.MLPDenoiser(2)
du.fit(network, sample, sigma=sigma, steps=300, batch_size=512)
network = network.cpu().double().requires_grad_(False)

# %% [markdown]
# ## (a) · Longer steps
#
# The box of the chapter holds for every $z$:
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|y-R^*(y)|^2-|z-R^*(y)|^2}{2\sigma^2}.$$
# So take a step $t$ times as long, $z=y+t\,(R^*(y)-y)$. The plain pass is $t=1$.
#
# **Predict.** Which $t$ are safe, whatever $p$ is? Is there a law for which every longer step goes downhill? And a trained network: which of its passes will be the first to
# go down as $t$ grows, the early or the late ones of a walk?
#
# **Prove** your bound in the first cell. **Write** three functions in the second.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_a_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Write $s=R^*(y)-y$. Then $y-R^*(y)=-s$, and $z-R^*(y)=y+ts-(y+s)=(t-1)\,s$. The box becomes
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|s|^2-(t-1)^2|s|^2}{2\sigma^2}=\frac{t\,(2-t)\,|R^*(y)-y|^2}{2\sigma^2}.$$
# The right side is not negative exactly for $0\le t\le2$: every such step is safe, for every $p$, every $\sigma$ and every $y$. It is largest at $t=1$.
#
# Nothing better holds for all laws. Let $p$ be a single atom $\mu$. Then $R^*(y)=\mu$ and $\log p_\sigma(y)=-|y-\mu|^2/2\sigma^2+\text{const}$, and the step leads to
# $|z-\mu|=|1-t|\,|y-\mu|$: farther from the only mode as soon as $t>2$.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex04_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def promised_gain(true_step, t, sigma):
    """The gain of log p_sigma, in nats, that the box promises for z = y + t (R*(y) - y).

    true_step: |R*(y) - y|, (N,). Returns (N,).
    """
    ### BEGIN SOLUTION
    return t * (2 - t) * true_step**2 / (2 * sigma**2)
    ### END SOLUTION


def tight_law():
    """A law in the plane for which every t > 2 goes downhill from every y, but one (a GaussianMixture)."""
    ### BEGIN SOLUTION
    return du.from_points(torch.tensor([[0.5, 0.5]]))
    ### END SOLUTION


def share_that_climbs(denoiser, p_sigma, y, t, sigma):
    """Share in [0, 1] of the points y (N, 2) whose pass, made t times as long, raises log p_sigma.

    denoiser(y, sigma) -> (N, 2); p_sigma.log_prob(y) -> (N,).
    """
    ### BEGIN SOLUTION
    z = y + t * (denoiser(y, sigma) - y)
    return (p_sigma.log_prob(z) > p_sigma.log_prob(y)).double().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_a_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
optimum = law.posterior_mean(noisy, sigma)
true_step = (optimum - noisy).norm(dim=1)
for t in (0.5, 1.0, 1.5, 2.0, 2.5):
    z = noisy + t * (optimum - noisy)
    box = (true_step**2 - (z - optimum).square().sum(1)) / (2 * sigma**2)
    promised = promised_gain(true_step, t, sigma)
    assert torch.allclose(promised, box), (
        f"t = {t}: at the first point you promise {promised[0]:.3g} nats, the box gives {box[0]:.3g}. "
        "Put z into |z - R*(y)|^2: how long is it, in true steps?"
    )

lonely = tight_law()
for t in (2.01, 3.0):
    z = noisy + t * (lonely.posterior_mean(noisy, sigma) - noisy)
    rise = lonely.smooth(sigma).log_prob(z) - lonely.smooth(sigma).log_prob(noisy)
    assert (rise < 0).all(), (
        f"t = {t}: with your law {(rise >= 0).sum()} of 400 points still climb, expected none. "
        "Take the law for which R* knows the answer whatever it is shown."
    )


def half_reversed(y, sigma):  # the first half of the points step the wrong way
    sign = torch.where(torch.arange(len(y)) < len(y) // 2, -1.0, 1.0)[:, None]
    return y + sign * (law.posterior_mean(y, sigma) - y)


for t in (0.5, 1.9):
    share = share_that_climbs(law.posterior_mean, p_sigma, noisy, t, sigma)
    assert share == 1, f"t = {t}: {share:.0%} of the passes of R* climb by your count, expected all."
    share = share_that_climbs(half_reversed, p_sigma, noisy, t, sigma)
    assert abs(share - 0.5) < 0.02, (
        f"a denoiser that steps downhill at half of the points has the share {share:.2f}, expected 0.50: "
        "move from y along denoiser(y, sigma) - y, and compare log p_sigma after with before."
    )
for t, expected in [(1.9, 1), (2.1, 0)]:  # about a single atom the bound is sharp
    share = share_that_climbs(lonely.posterior_mean, lonely.smooth(sigma), noisy, t, sigma)
    assert share == expected, (
        f"about a single atom, t = {t}: your share is {share:.2f}, expected {expected}. "
        "The pass goes t times as far as the plain one, from y on."
    )
print("(a) passes")

# %% mystnb={"image": {"alt": "Share of passes that climb against the length factor t. Early passes of the network nearly all climb up to t = 2 and beyond; of the late passes about half climb at any t; for the exact posterior mean all climb up to t = 2, marked by a vertical line."}}
late = du.iterate(network, noisy, 12)  # where the walks are after twelve passes
lengths = [0.1, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
fig, ax = plt.subplots(figsize=(6.5, 3))
for denoiser, y, label, color in [
    (law.posterior_mean, noisy, "$R^*$, first pass", du.plotting.PAPER),
    (network, noisy, "network, first pass", du.plotting.ACCENT),
    (network, late, "network, thirteenth pass", du.plotting.INK),
]:
    shares = [share_that_climbs(denoiser, p_sigma, y, t, sigma) for t in lengths]
    du.plotting.curve(ax, lengths, shares, label=label, color=color)
ax.axvline(2, color="gray", lw=0.8)
ax.set(xlabel="$t$, times the step of a plain pass", ylabel="share that climbs", ylim=(0, 1.05))
ax.legend(loc="lower left")
plt.show()

# %% [markdown] tags=["discussion"]
# Every $0\le t\le2$ is safe for $R^*$, and a single atom shows that the 2 cannot be improved. It is a bound for the worst law: on the ring most points climb even at $t=3$, because the bumps are wide.
# For the network what counts is not $t$ but the true step. Early passes, with long true steps, bear any $t$ that $R^*$ bears; late ones stand beside the mode, heads or tails, at every $t$.
# A half answer plots one curve for all passes, which is then a mixture of the two, or gives the range without the law that shows it to be sharp.

# %% [markdown]
# ## (b) · When the centre becomes a mode
#
# The ring has bumps of standard deviation `std`, evenly spaced on a circle of radius `radius` about $(\frac12,\frac12)$. For small $\sigma$ its centre is a valley of $p_\sigma$, for large $\sigma$
# the one mode. Somewhere between, the largest eigenvalue of the Jacobian $\mathrm{Cov}[x\mid\tilde x]/\sigma^2$ at the centre crosses 1.
#
# **Predict.** Which of these matter for the place of the crossing: the number of bumps, their width, the radius?
#
# **Write** a function that returns the $\sigma$ of the crossing. A formula is best: at the centre all bumps are equally likely, so the covariance can be written down. A bisection is
# welcome, too.


# %% nbgrader={"grade": false, "grade_id": "ex04_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def crossing(modes, std, radius):
    """The noise level above which the centre of du.ring(modes, std, radius) is a mode (a float).

    modes: 3 or more. std < radius / 2.
    """
    ### BEGIN SOLUTION
    # v = std^2; given bump k, x has mean c + s^2/(v+s^2) (mu_k - c) and variance v s^2/(v+s^2). By symmetry
    # the covariance is a multiple of I; over s^2 it is s^2 radius^2 / 2 (v+s^2)^2 + v/(v+s^2). Set it to 1.
    return (radius**2 / 2 - std**2) ** 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def largest_eigenvalue(ring, sigma):
    """Of the Jacobian of R* at the centre, by automatic differentiation."""
    centre = torch.full((1, 2), 0.5, dtype=torch.float64)
    J = du.jacobian(ring.posterior_mean, centre, sigma)
    return torch.linalg.eigvalsh((J + J.T) / 2).max().item()


for modes, std, radius in [(8, 0.04, 0.3), (5, 0.04, 0.3), (8, 0.08, 0.3), (12, 0.03, 0.15)]:
    ring, at = du.ring(modes, std, radius), crossing(modes, std, radius)
    below, above = largest_eigenvalue(ring, 0.99 * at), largest_eigenvalue(ring, 1.01 * at)
    where = f"ring({modes}, {std}, {radius}): you say sigma = {at:.4f}"
    assert below > 1, (
        f"{where}, but just below it the eigenvalue is {below:.4f} already, under 1: too large. "
        "In the plane the spread of the circle is shared by two directions, and the bumps have a width."
    )
    assert above < 1, (
        f"{where}, but just above it the eigenvalue is still {above:.4f}, over 1: too small. "
        "How is sigma^2 + std^2 related to the spread of the circle?"
    )
print("(b) passes")

# %% mystnb={"image": {"alt": "Largest eigenvalue of the Jacobian at the centre against the noise level for three rings: each curve falls through 1 at the place that the formula gives, marked by a vertical line."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
levels = torch.linspace(0.1, 0.35, 26)
for modes, std, radius in [(8, 0.04, 0.3), (8, 0.1, 0.3), (8, 0.04, 0.2)]:
    values = [largest_eigenvalue(du.ring(modes, std, radius), s.item()) for s in levels]
    (line,) = ax.plot(levels, values, label=f"width {std:g}, radius {radius:g}")
    ax.axvline(crossing(modes, std, radius), color=line.get_color(), lw=0.8, ls="--")
ax.axhline(1, color="gray", lw=0.8)
ax.set(xlabel=r"noise level $\sigma$", ylabel="largest eigenvalue", title="Below 1 the centre is a mode")
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# The answer is $\sigma^2=\rho^2/2-v$, with $\rho$ the radius and $v$ the variance of a bump: about 0.208 for `du.ring()`. The number of bumps does not matter, from three on: their covariance about the
# centre is $\frac{\rho^2}{2}I$ for each. Read it as $\sigma^2+v=\rho^2/2$: what counts is the width of the *smoothed* bump. Twice too large a $\sigma^2$ comes from the trace in the place of the eigenvalue.
# Counting where walks end brings one near, but there the largest eigenvalue is near 1 and the walks crawl, so the count is late.

# %% [markdown]
# ## (c) · A denoiser that is a gradient
#
# Nothing forces the Jacobian of a network to be symmetric. Unless we build it so: let a network $\phi$ give one number for each point, and set
# $$R(y)=y+\sigma^2\,\nabla\phi(y).$$
# By Tweedie the best $\phi$ is $\log p_\sigma$, up to a constant. **Predict** what happens to the integrals of $\hat s=(R(y)-y)/\sigma^2$ round a triangle. Can such an $R$ be trained with BCE?
#
# **Write** $R$. It will be differentiated twice: the loss needs the derivative of $\nabla\phi$ in the parameters of $\phi$. And the functions of `daeutils` call a denoiser with gradients switched off, so
# either switch them on inside, or use `torch.func.grad`, which does not ask. The check then trains a $\phi$ with it, by the squared error.


# %%
def train_potential(reconstruct, sigma, steps=300):
    """A network phi: (N, 2) -> (N,), trained so that reconstruct(phi, x_noisy, sigma) is near x."""
    torch.manual_seed(0)
    layers = nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1), nn.Flatten(0)
    net = nn.Sequential(*layers)

    def phi(y):
        return net((y - 0.5) * 4)

    adam = torch.optim.Adam(net.parameters(), lr=1e-2)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        x = sample[torch.randint(len(sample), (512,))]
        noisy = x + sigma * torch.randn_like(x)
        loss = ((reconstruct(phi, noisy, sigma) - x) / sigma).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        cosine.step()
    net.double().requires_grad_(False)
    return phi


# %% nbgrader={"grade": false, "grade_id": "ex04_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reconstruct(phi, y, sigma):
    """R(y) = y + sigma^2 grad phi(y), (N, 2), and differentiable in y and in the parameters of phi.

    phi: (N, 2) -> (N,), each number from its own point. y: (N, 2).
    """
    ### BEGIN SOLUTION
    # The sum over points has as its gradient the gradients of all points, each in its own row.
    return y + sigma**2 * torch.func.grad(lambda y: phi(y).sum())(y)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_c_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
found, exact = reconstruct(p_sigma.log_prob, noisy, sigma), law.posterior_mean(noisy, sigma)
error = du.relative_error(found - noisy, exact - noisy)
assert error < 1e-6, (
    f"with phi = log p_sigma, R must be the posterior mean; its arrows are off by {error:.2g}, relatively. "
    "Look at the factor sigma^2, and whether each row has the whole gradient of its own point."
)
scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
answer = reconstruct(lambda y: scale * p_sigma.log_prob(y), noisy, sigma)
assert answer.requires_grad, (
    "a loss of R gives no gradient to the parameters of phi: nothing could be trained. "
    "With torch.autograd.grad, ask for create_graph=True, and detach nothing."
)

level = 0.1
phi = train_potential(reconstruct, level)


def gradient_field(y, sigma):
    return reconstruct(phi, y, level)


wide = du.corruption.gaussian(law.sample(300, generator), level, generator).double()
error = du.relative_error(
    du.score_from_denoiser(gradient_field, wide, level), law.smooth(level).score(wide)
)
assert error < 0.5, f"after training the relative error of the score is {error:.2f}, expected below 0.5."
J = du.jacobian(gradient_field, wide[:1], level)
assert du.asymmetry(J) < 1e-6, f"the Jacobian has asymmetry {du.asymmetry(J):.2g}; a Hessian has none."
a, b, c = wide.split(100)
loop = sum(
    du.log_density_difference(gradient_field, *leg, level, points=401) for leg in [(a, c), (c, b), (b, a)]
)
energy = phi(b) - phi(a)
straight = du.log_density_difference(gradient_field, a, b, level, points=401)
assert loop.abs().max() < 0.01, f"a loop integral is {loop.abs().max():.2g} nats, expected nearly 0."
assert torch.allclose(straight, energy, atol=0.01), "the straight integral must be phi(b) - phi(a)."
print("(c) passes")

# %% [markdown] tags=["discussion"]
# The Jacobian is $I+\sigma^2\nabla^2\phi$, symmetric whatever the weights are, trained or not; so every loop integral is 0, up to quadrature and rounding. And $\phi$ itself gives the energy: no integral is needed
# to rank points. Symmetry did not make the arrows *right*: that took training. The price is a second differentiation, about twice the time of a step. And nothing keeps this $R$ in
# $(0,1)$, where BCE is defined: one either gives the squared error, as here, or puts a link in between, $R=\operatorname{sigmoid}(a)$, and then $R-y$ is no gradient any more. A half answer says "they become zero".

# %% [markdown]
# ## (d) · Which training points are fixed?
#
# The exact optimum on a finite set recalls its points when $\sigma$ is small. Does a network? Train on 60 points at $\sigma=0.01$. A training point counts as *fixed* when a walk that starts there also stays there: it ends
# within `within` times $\sigma$ of its start, after many passes.
#
# **Predict.** The number of fixed points among the 60, for the exact optimum and for networks trained with 100, 300 and 800 steps. What would you have counted had you looked at one pass only?


# %% nbgrader={"grade": false, "grade_id": "ex04_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_fixed(denoiser, points, sigma, within=1.0, passes=300):
    """How many of the points (N, 2) are fixed: the walk from there ends within `within` sigma (an int)."""
    ### BEGIN SOLUTION
    ends = du.iterate(denoiser, points, passes, sigma)
    return ((ends - points).norm(dim=1) <= within * sigma).sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_d_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
data = law.sample(60, torch.Generator().manual_seed(3)).double()
atoms = du.from_points(data)
assert count_fixed(lambda y, sigma: y, data, 0.01) == 60, "where nothing moves, all points are fixed."
assert count_fixed(atoms.posterior_mean, data, 0.0003) == 60, (
    f"the exact optimum at sigma = 0.0003 recalls all 60 points, you count "
    f"{count_fixed(atoms.posterior_mean, data, 0.0003)}."
)
found = count_fixed(lambda y, sigma: y + 0.02 * sigma, data, 0.01)
assert found == 0, (
    f"a denoiser that drifts by a little in each pass has no fixed point, you count {found}: "
    "one short step says nothing about where the walk ends."
)
apart = count_fixed(lambda y, sigma: y + 0.02 * sigma * (y < 0.503), torch.tensor([[0.5, 0.6]]), 0.01)
assert apart == 1, (
    "a walk that ends 0.3 sigma from its start is within one sigma: measure in units of sigma."
)
pair = torch.tensor([[0.5, 0.5], [0.519, 0.5]], dtype=torch.float64)
found = count_fixed(du.from_points(pair).posterior_mean, pair, 0.01, within=0.5)
assert found == 0, (
    f"two atoms 1.9 sigma apart share one mode, halfway; you count {found} fixed within 0.5 sigma."
)
print("(d) passes")


# %% mystnb={"image": {"alt": "Number of the 60 training points that are fixed, against training steps, by the end of the walk and by one pass only. By one pass nearly all seem fixed from the start; by the end of the walk hardly any are at first, and many after 800 steps. A dashed line marks the exact optimum, near 60."}} tags=["nbval-ignore-output"]
def remembers(steps):
    memory = du.MLPDenoiser(2)
    du.fit(memory, data.float(), sigma=0.01, steps=steps, batch_size=256)
    return memory.cpu().double().requires_grad_(False)


lengths = [100, 300, 800]
trained = [remembers(steps) for steps in lengths]
fig, ax = plt.subplots(figsize=(6.5, 3))
ends, once = ([count_fixed(net, data, 0.01, passes=k) for net in trained] for k in (300, 1))
du.plotting.curve(ax, lengths, once, label="by one pass", color="gray", ls=":")
du.plotting.curve(ax, lengths, ends, label="by the end of the walk", color=du.plotting.ACCENT)
ax.axhline(count_fixed(atoms.posterior_mean, data, 0.01), color=du.plotting.PAPER, ls="--")
ax.text(100, 54, "exact optimum", color=du.plotting.PAPER, va="top")
ax.set(xscale="log", xlabel="training steps", ylabel="fixed points of 60", ylim=(0, 62))
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend(loc="center left")
plt.show()

# %% [markdown] tags=["discussion"]
# The exact optimum at $\sigma=0.01$ keeps nearly all points; those closer together than about two $\sigma$ share a mode. A network after a short training keeps next to none: its arrows are short everywhere, so *one* pass looks
# like standing still, and the walk drifts away along the ring all the same. With more steps it recalls more of them. That is memorisation under way, and what limits it is training and size, not the loss.
# A half answer gives one count, without a tolerance in units of $\sigma$, or judges by a single pass.
