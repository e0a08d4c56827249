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
# For [chapter 04](../04-walking-uphill.ipynb). You need the chapter, eigenvalues, and in (c) automatic differentiation. The four exercises take about 95 minutes; exercise (a) is the core one. The code takes under a minute.
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
from torch import nn

du.plotting.use_style()
EXACT, LEARNED, GREY = du.plotting.EXACT, du.plotting.LEARNED, du.plotting.GREY
sigma = 0.05
ring = du.ring()
p_sigma = ring.smooth(sigma)  # exact log_prob and score of the corrupted data

generator = torch.Generator().manual_seed(0)
sample = ring.sample(10_000, generator).clamp(0, 1)  # targets of BCE lie in [0, 1]
noisy = du.corruption.gaussian(ring.sample(400, generator), sigma, generator).double()
network = du.MLPDenoiser(2)
du.fit(network, sample, sigma=sigma, steps=300, batch_size=512)
network = network.cpu().double().requires_grad_(False)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · Longer steps
#
# *Core exercise, about 30 minutes.*
#
# The box of the chapter holds for every $z$:
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|y-R^*(y)|^2-|z-R^*(y)|^2}{2\sigma^2}.$$
# So take a step that is $t$ times as long, $z=y+t\,(R^*(y)-y)$. The plain step is $t=1$.
#
# **Warm-up, with a pencil.** Take the pixel of the chapter with $\sigma=0.3$ and $y=0.6$, so that $R^*(y)=0.752$. Where does a step of twice the length lead? What does the box promise for it? Then compute the true gain: the density of the corrupted pixels is proportional to $e^{-y^2/0.18}+e^{-(y-1)^2/0.18}$.
#
# **Predict.** Which $t$ are safe, whatever the distribution $p$ is? Is there a distribution for which every step longer than that goes downhill? And which steps of a trained network will be the first to go down as $t$ grows, the early or the late ones of a chain?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Prove** your bound in the first cell. **Write** three functions in the second.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_a_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Write $s=R^*(y)-y$. Then $y-R^*(y)=-s$, and $z-R^*(y)=y+ts-(y+s)=(t-1)\,s$. The box becomes
# $$\log p_\sigma(z)-\log p_\sigma(y)\;\ge\;\frac{|s|^2-(t-1)^2|s|^2}{2\sigma^2}=\frac{t\,(2-t)\,|R^*(y)-y|^2}{2\sigma^2}.$$
# The right side is not negative exactly for $0\le t\le2$. Every such step is safe, for every $p$, every $\sigma$ and every $y$. The right side is largest at $t=1$.
#
# Nothing better holds for all distributions. Let $p$ be a single atom $\mu$. Then $R^*(y)=\mu$ and $\log p_\sigma(y)=-|y-\mu|^2/2\sigma^2+\text{const}$. The step leads to a distance of $|z-\mu|=|1-t|\,|y-\mu|$ from the only mode, and this is larger than before as soon as $t>2$.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex04_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def promised_gain(true_step, t, sigma):
    """The gain of log p_sigma, in nats, that the box promises for z = y + t (R*(y) - y).

    true_step: |R*(y) - y|, (N,). Returns (N,), to within a relative error of 0.001.
    """
    ### BEGIN SOLUTION
    return t * (2 - t) * true_step**2 / (2 * sigma**2)
    ### END SOLUTION


def tight_law():
    """A distribution in the plane, as a du.GaussianMixture, for which every t > 2 goes downhill.

    From every y, except where the true step is zero.
    """
    ### BEGIN SOLUTION
    return du.from_points(torch.tensor([[0.5, 0.5]]))
    ### END SOLUTION


def share_that_climbs(denoiser, p_sigma, y, t, sigma):
    """Share in [0, 1] of the points y (N, 2) whose step, made t times as long, raises log p_sigma.

    denoiser(y, sigma) -> (N, 2); p_sigma.log_prob(y) -> (N,).
    """
    ### BEGIN SOLUTION
    z = y + t * (denoiser(y, sigma) - y)
    return (p_sigma.log_prob(z) > p_sigma.log_prob(y)).double().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_a_gain_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
def compare_gains(steps, t, level, box):
    promised = numbers(promised_gain(steps, t, level))
    assert promised.shape == box.shape, (
        f"{len(box)} steps ask for {len(box)} gains; you return the shape {tuple(promised.shape)}"
    )
    assert torch.allclose(promised, box, rtol=1e-3, atol=1e-5), (
        f"t = {t}: at the first point you promise {promised[0]:.3g} nats, the box gives {box[0]:.3g}. "
        "Put z into |z - R*(y)|^2: how long is it, in true steps?"
    )


pixel_step = torch.tensor([0.15234]).double()  # from 0.6 to 0.752
for t, gain in [(1.0, 0.12892), (0.5, 0.09669), (2.0, 0.0)]:
    compare_gains(pixel_step, t, 0.3, torch.tensor([gain]).double())
### BEGIN HIDDEN TESTS
optimum = ring.posterior_mean(noisy, sigma)
for t in (0.5, 1.0, 1.5, 2.0, 2.5):
    z = noisy + t * (optimum - noisy)
    from_y, from_z = (noisy - optimum).square().sum(1), (z - optimum).square().sum(1)
    compare_gains((optimum - noisy).norm(dim=1), t, sigma, (from_y - from_z) / (2 * sigma**2))
### END HIDDEN TESTS
print("(a) the promised gain passes")

# %% nbgrader={"grade": true, "grade_id": "ex04_a_law_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
lonely = tight_law()
for t in (2.01, 3.0):
    true_step = lonely.posterior_mean(noisy, sigma) - noisy
    z = noisy + t * true_step
    rise = lonely.smooth(sigma).log_prob(z) - lonely.smooth(sigma).log_prob(noisy)
    rise = rise[true_step.norm(dim=1) > 0]
    assert (rise < 0).all(), (
        f"t = {t}: with your distribution {(rise >= 0).sum()} of 400 points still climb, expected none. "
        "Take the distribution for which R* knows the answer whatever it is shown."
    )
print("(a) the distribution passes")


# %% nbgrader={"grade": true, "grade_id": "ex04_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def half_reversed(y, sigma):  # the left half of the points step the wrong way
    sign = torch.where(y[:, :1] < noisy[:, 0].median(), -1.0, 1.0)
    return y + sign * (ring.posterior_mean(y, sigma) - y)


for t in (0.5, 1.9):
    share = number(share_that_climbs(ring.posterior_mean, p_sigma, noisy, t, sigma))
    assert abs(share - 1) < 1e-3, (
        f"t = {t}: {share:.0%} of the steps of R* climb by your count, expected all."
    )
    share = number(share_that_climbs(half_reversed, p_sigma, noisy, t, sigma))
    assert abs(share - 0.5) < 0.02, (
        f"a denoiser that steps downhill at half of the points has the share {share:.2f}, expected 0.50: "
        "move from y along denoiser(y, sigma) - y, and compare log p_sigma after with before."
    )
for t, expected in [(1.9, 1), (2.1, 0)]:  # about a single atom the bound is sharp
    atom = du.from_points(torch.tensor([[0.5, 0.5]]))
    share = number(share_that_climbs(atom.posterior_mean, atom.smooth(sigma), noisy, t, sigma))
    assert abs(share - expected) < 1e-3, (
        f"about a single atom, t = {t}: your share is {share:.2f}, expected {expected}. "
        "The step goes t times as far as the plain one, from y on."
    )
print("(a) passes")

# %% mystnb={"image": {"alt": "Share of steps that climb against the length factor t. For the exact posterior mean all climb up to t = 2, marked by a vertical line, and most beyond. The network's first steps nearly all climb up to t = 2 as well; of its thirteenth steps about half climb at any t."}}
late = du.iterate(network, noisy, 12)  # where the chains are after twelve steps
lengths = [0.1, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
fig, ax = plt.subplots(figsize=(6.5, 3))
for denoiser, y, label, color, mark in [
    (ring.posterior_mean, noisy, "$R^*$, first step", EXACT, "-"),
    (network, noisy, "network, first step", LEARNED, "-"),
    (network, late, "network, thirteenth step", LEARNED, ":"),
]:
    shares = [number(share_that_climbs(denoiser, p_sigma, y, t, sigma)) for t in lengths]
    du.plotting.curve(ax, lengths, shares, label=label, color=color, ls=mark)
ax.axvline(2, color=GREY, lw=0.8)
ax.set(xlabel="$t$, in plain steps", ylabel="share that climbs", ylim=(0, 1.05))
ax.set_title("Up to twice the plain step is safe for $R^*$")
ax.legend(loc="lower left")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The long step leads to $0.6+2\cdot0.152=0.905$, which lies as far from 0.752 as 0.6 does. The box promises 0. The sum of the two exponentials is 0.546 at 0.6 and 0.961 at 0.905, so the true gain is $\log(0.961/0.546)=0.565$ nats. A promise of nothing does not mean that nothing is gained.
#
# **The experiment.** Every $0\le t\le2$ is safe for $R^*$, and a single atom shows that the 2 cannot be improved. It is a bound for the worst distribution. On the ring the bumps have a variance of $v=0.04^2$, so near a bump the plain step covers only the share $\sigma^2/(v+\sigma^2)=0.61$ of the way to its centre. Overshooting begins at $t=2/0.61=3.3$, and the curve falls just there.
#
# For the network it is the true step that counts, and not $t$. Its early steps start where the true step is long, and they tolerate nearly every $t$ that $R^*$ tolerates. Near a mode, late steps climb only about half of the time, whatever $t$ is. A half answer plots one curve for all steps, which mixes the two, or gives the range without the distribution that shows it to be sharp.

# %% [markdown]
# ## (b) · When the centre becomes a mode
#
# *About 20 minutes.*
#
# The ring has bumps of standard deviation `std`, evenly spaced on a circle of radius `radius` about $(\frac12,\frac12)$. For small $\sigma$ its centre is a valley of $p_\sigma$, for large $\sigma$ it is the one mode. Somewhere between, the largest eigenvalue of the Jacobian $\mathrm{Cov}[x\mid\tilde x]/\sigma^2$ at the centre crosses 1.
#
# **Warm-up, with a pencil.** Put two atoms into the plane, at a distance $\rho$ to the left and to the right of the centre. Write down the covariance of $x$ given that $\tilde x$ is the centre, and the $\sigma$ at which its largest eigenvalue over $\sigma^2$ is 1. Then put two more atoms at the distance $\rho$ above and below. What changes?
#
# **Predict.** Which of these matter for the place of the crossing: the number of bumps, their width, the radius?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** a function that returns the $\sigma$ of the crossing. A formula is best: at the centre all bumps are equally probable, so the covariance can be written down. A bisection is welcome, too.


# %%
def largest_eigenvalue(ring, sigma):
    """Of the Jacobian of R* at the centre, by automatic differentiation."""
    centre = torch.full((1, 2), 0.5, dtype=torch.float64)
    J = du.jacobian(ring.posterior_mean, centre, sigma)
    return torch.linalg.eigvalsh((J + J.T) / 2).max().item()


# %% nbgrader={"grade": false, "grade_id": "ex04_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def crossing(modes, std, radius):
    """The noise level above which the centre of du.ring(modes, std, radius) is a mode.

    modes: 3 or more. std < radius / 2. A number, to within 1 per cent.
    """
    ### BEGIN SOLUTION
    # v = std^2. Given bump k, x has mean c + s^2/(v+s^2) (mu_k - c) and variance v s^2/(v+s^2). By symmetry
    # the covariance is a multiple of I; over s^2 it is s^2 radius^2 / 2 (v+s^2)^2 + v/(v+s^2). Set it to 1.
    return (radius**2 / 2 - std**2) ** 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def judge(modes, std, radius):
    circle, at = du.ring(modes, std, radius), number(crossing(modes, std, radius))
    below, above = (largest_eigenvalue(circle, factor * at) for factor in (0.99, 1.01))
    where = f"ring({modes}, {std}, {radius}): you say sigma = {at:.4f}"
    assert below > 1, (
        f"{where}, but just below it the eigenvalue is {below:.4f} already, under 1: too large. "
        "In the plane the spread of the circle is shared by two directions, and the bumps have a width."
    )
    assert above < 1, (
        f"{where}, but just above it the eigenvalue is still {above:.4f}, over 1: too small. "
        "How is sigma^2 + std^2 related to the spread of the circle?"
    )


judge(8, 0.04, 0.3)
judge(5, 0.04, 0.3)
### BEGIN HIDDEN TESTS
judge(8, 0.08, 0.3)
judge(12, 0.03, 0.15)
judge(3, 0.06, 0.2)
### END HIDDEN TESTS
print("(b) passes")

# %% mystnb={"image": {"alt": "Largest eigenvalue of the Jacobian at the centre against the noise level for three rings: each curve falls through 1 at the place that the formula gives, marked by a vertical line."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
levels = torch.linspace(0.1, 0.35, 26)
for (modes, std, radius), style in [
    ((8, 0.04, 0.3), "-"),
    ((8, 0.1, 0.3), "--"),
    ((8, 0.04, 0.2), ":"),
]:
    values = [largest_eigenvalue(du.ring(modes, std, radius), s.item()) for s in levels]
    ax.plot(levels, values, style, color=EXACT, label=f"width {std:g}, radius {radius:g}")
    ax.axvline(number(crossing(modes, std, radius)), color=GREY, lw=0.8, ls=style)
ax.axhline(1, color=GREY, lw=0.8)
ax.set(xlabel=r"noise level $\sigma$", ylabel="largest eigenvalue", title="Below 1 the centre is a mode")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** With two atoms the covariance is $\rho^2$ along the line of the atoms and 0 across it, so the crossing is at $\sigma=\rho$. (The pixel of the chapter has $\rho=\frac12$.) With four atoms each direction gets half of the spread, $\frac{\rho^2}2I$, and the crossing moves down to $\sigma=\rho/\sqrt2$.
#
# **The ring.** The answer is $\sigma^2=\rho^2/2-v$, with $\rho$ the radius and $v$ the variance of a bump. For `du.ring()` that is about 0.208. From three bumps on their number does not matter, because their covariance about the centre is $\frac{\rho^2}{2}I$ for each. Read the formula as $\sigma^2+v=\rho^2/2$: what counts is the width of the *smoothed* bump.
#
# An answer with twice this $\sigma^2$ took the trace in place of the eigenvalue. If you count where chains end, you come near. But close to the crossing the largest eigenvalue is near 1 and the chains crawl, so the count is late. And with three narrow bumps the centre and the three modes can coexist a little above the crossing: then some chains end beside the centre although it is a mode.

# %% [markdown]
# ## (c) · A denoiser that is a gradient
#
# *About 25 minutes.*
#
# Nothing forces the Jacobian of a network to be symmetric, unless we build it so. Let a network $\phi$ give one number for each point, and set
# $$R(y)=y+\sigma^2\,\nabla\phi(y).$$
# By Tweedie's formula the best $\phi$ is $\log p_\sigma$, up to a constant.
#
# **Warm-up, with a pencil.** Let $\phi(y)=-|y-\mu|^2/2(v+\sigma^2)$, which is $\log p_\sigma$ for a single Gaussian bump of mean $\mu$ and variance $v$. Compute $R(y)$. What is it for $v=0$, and what for very large $v$?
#
# **Predict.** What happens to the integral of $\hat s=(R(y)-y)/\sigma^2$ round a triangle? Is it the same before and after training? Can such an $R$ be trained with BCE?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** $R$. It will be differentiated twice, because the loss needs the derivative of $\nabla\phi$ in the parameters of $\phi$. The functions of `daeutils` call a denoiser with gradients switched off. So either switch them on inside `reconstruct`, or use `torch.func.grad`, which works all the same. The check trains a $\phi$ with your function, by the squared error.


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
        x_noisy = x + sigma * torch.randn_like(x)
        loss = ((reconstruct(phi, x_noisy, sigma) - x) / sigma).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        cosine.step()
    net.double().requires_grad_(False)
    return phi


def log_p_sigma(y):
    """log p_sigma of the ring at sigma = 0.05, up to a constant, in plain PyTorch."""
    apart = (y[:, None] - ring.means.to(y)).square().sum(-1)
    return torch.logsumexp(-apart / (2 * (0.04**2 + sigma**2)), 1)


# %% nbgrader={"grade": false, "grade_id": "ex04_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reconstruct(phi, y, sigma):
    """R(y) = y + sigma^2 grad phi(y), (N, 2), and differentiable in y and in the parameters of phi.

    phi: (N, 2) -> (N,), each number from its own point. y: (N, 2). Torch tensors in and out.
    """
    ### BEGIN SOLUTION
    # The sum over points has as its gradient the gradients of all points, each in its own row.
    return y + sigma**2 * torch.func.grad(lambda y: phi(y).sum())(y)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_c_formula_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
found = numbers(reconstruct(lambda y: -(y**2).sum(1), torch.tensor([[1.0, 2.0]]).double(), 0.5))
example = torch.tensor([[0.5, 1.0]]).double()
assert (found - example).abs().max() < 1e-6, (
    f"phi(y) = -|y|^2 at y = (1, 2), sigma = 0.5: R is (0.5, 1), you find {found.flatten().tolist()}, "
    f"off by {(found - example).norm() / 0.5 / 5**0.5:.2g}, relatively. Look at the factor sigma^2, and at the sign."
)
### BEGIN HIDDEN TESTS
exact = ring.posterior_mean(noisy, sigma)
error = du.relative_error(numbers(reconstruct(log_p_sigma, noisy, sigma)) - noisy, exact - noisy)
assert error < 1e-4, (
    f"with phi = log p_sigma, R must be the posterior mean; its arrows are off by {error:.2g}, relatively. "
    "Look at the factor sigma^2, and whether each row has the whole gradient of its own point."
)
### END HIDDEN TESTS
scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
answer = reconstruct(lambda y: scale * log_p_sigma(y), noisy, sigma)
assert answer.requires_grad, (
    "a loss of R gives no gradient to the parameters of phi: nothing could be trained. "
    "With torch.autograd.grad, ask for create_graph=True, and detach nothing."
)
print("(c) the formula passes")

# %% nbgrader={"grade": true, "grade_id": "ex04_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
level = 0.1
phi = train_potential(reconstruct, level)


def gradient_field(y, sigma):
    return reconstruct(phi, y, level)


wide = du.corruption.gaussian(ring.sample(300, generator), level, generator).double()
learned = du.score_from_denoiser(gradient_field, wide, level)
error = du.relative_error(learned, ring.smooth(level).score(wide))
assert error < 0.5, f"after training the relative error of the score is {error:.2f}, expected below 0.5."
J = du.jacobian(gradient_field, wide[:1], level)
assert du.asymmetry(J) < 1e-6, f"the Jacobian has asymmetry {du.asymmetry(J):.2g}; a Hessian has none."
a, b, c = wide.split(100)
loop = sum(
    du.log_density_difference(gradient_field, *leg, level, points=401) for leg in [(a, c), (c, b), (b, a)]
)
assert loop.abs().max() < 0.01, f"a loop integral is {loop.abs().max():.2g} nats, expected nearly 0."
straight = du.log_density_difference(gradient_field, a, b, level, points=401)
assert torch.allclose(straight, phi(b) - phi(a), atol=0.01), (
    "the straight integral must be phi(b) - phi(a)."
)
print("(c) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The gradient is $-(y-\mu)/(v+\sigma^2)$, so $R(y)=\mu+\frac{v}{v+\sigma^2}(y-\mu)$. It is $\mu$ for $v=0$, because then only one clean point is possible. For very large $v$ it is $y$: any clean point is as good as any other, and the noise cannot be told from the data.
#
# **The experiment.** The Jacobian is $I+\sigma^2\nabla^2\phi$. It is symmetric whatever the weights are, trained or not, so every loop integral is 0 up to quadrature and rounding. And $\phi$ itself gives the energy: no integral is needed to rank points. Symmetry did not make the arrows *right*; that took training.
#
# The price is a second differentiation, about twice the time of a training step. And nothing keeps this $R$ in $(0,1)$, where BCE is defined. One either trains with the squared error, as here, or puts a link in between, $R=\operatorname{sigmoid}(a)$; then $R-y$ is not a gradient any more. A half answer says only that the integrals become zero.

# %% [markdown]
# ## (d) · Which training points are fixed?
#
# *About 20 minutes.*
#
# The exact optimum on a finite set recalls its points when $\sigma$ is small. Does a network? We train on 60 points at $\sigma=0.01$. A training point counts as *fixed* when a chain that starts there also stays there: after many steps it ends within `within` times $\sigma$ of its start.
#
# **Warm-up, with a pencil.** Two training points lie at a distance $D$ from each other and far from all others. Below which $\sigma$ does the exact optimum keep two modes? Use the pixel of the chapter, whose two atoms are 1 apart. How far apart must two points be at $\sigma=0.01$?
#
# **Predict.** The number of fixed points among the 60, for the exact optimum and for networks trained with 100, 300 and 800 training steps. What would you have counted had you looked at one step of the chain only?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex04_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_fixed(denoiser, points, sigma, within=1.0, passes=300):
    """How many of the points (N, 2) are fixed: after `passes` steps the chain is still near its start.

    Near means: within a distance of `within` times sigma.
    """
    ### BEGIN SOLUTION
    ends = du.iterate(denoiser, points, passes, sigma)
    return ((ends - points).norm(dim=1) <= within * sigma).sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex04_d_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def counted(expected, message, denoiser, points, sigma, **settings):
    found = number(count_fixed(denoiser, points, sigma, **settings))
    assert abs(found - expected) < 0.5, message + f" Expected {expected}, you count {found:g}."


data = ring.sample(60, torch.Generator().manual_seed(3)).double()
atoms = du.from_points(data)
counted(60, "where nothing moves, all points are fixed.", lambda y, sigma: y, data, 0.01)
recall = "the exact optimum at sigma = 0.0003 recalls all 60 points."
counted(60, recall, atoms.posterior_mean, data, 0.0003)
drift = (
    "a denoiser that drifts by a little in each step has no fixed point: "
    "one short step says nothing about where the chain ends."
)
counted(0, drift, lambda y, sigma: y + 0.02 * sigma, data, 0.01)
near = "a chain that ends 0.3 sigma from its start is within one sigma: measure in units of sigma."
one = torch.tensor([[0.5, 0.6]])
counted(1, near, lambda y, sigma: y + 0.02 * sigma * (y < 0.503), one, 0.01)
### BEGIN HIDDEN TESTS
pair = torch.tensor([[0.5, 0.5], [0.519, 0.5]], dtype=torch.float64)
halfway = "two atoms 1.9 sigma apart share one mode, halfway, which is more than half a sigma away."
counted(0, halfway, du.from_points(pair).posterior_mean, pair, 0.01, within=0.5)
slow = "after five steps of a tenth of sigma each, a chain is half a sigma away."
counted(60, slow, lambda y, sigma: y + torch.tensor([0.1, 0.0]) * sigma, data, 0.01, passes=5)
### END HIDDEN TESTS
print("(d) passes")


# %% mystnb={"image": {"alt": "Number of the 60 training points that are fixed, against training steps, by the end of the chain and by one step only. By one step nearly all seem fixed from the start; by the end of the chain hardly any are at first, and many after 800 training steps. A dashed line marks the exact optimum, near 60."}} tags=["nbval-ignore-output"]
def remembers(steps):
    memory = du.MLPDenoiser(2)
    du.fit(memory, data.float(), sigma=0.01, steps=steps, batch_size=256)
    return memory.cpu().double().requires_grad_(False)


lengths = [100, 300, 800]
trained = [remembers(steps) for steps in lengths]
fig, ax = plt.subplots(figsize=(6.5, 3))
ends, once = ([number(count_fixed(net, data, 0.01, passes=k)) for net in trained] for k in (300, 1))
du.plotting.curve(ax, lengths, once, label="by one step", color=GREY, ls=":")
du.plotting.curve(ax, lengths, ends, label="by the end of the chain", color=LEARNED)
ax.axhline(number(count_fixed(atoms.posterior_mean, data, 0.01)), color=EXACT, ls="--")
ax.text(100, 54, "exact optimum", color=EXACT, va="top")
ax.set(xscale="log", xlabel="training steps", ylabel="fixed points of 60", ylim=(0, 62))
ax.set_title("One step of the chain hides that a network forgets")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend(loc="center left")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex04_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The pixel's two modes merge at $\sigma=\frac12$, half the distance of its atoms. Scaled to the distance $D$ the optimum keeps two modes for $\sigma<D/2$. At $\sigma=0.01$ two points must be more than 0.02 apart.
#
# **The experiment.** The exact optimum at $\sigma=0.01$ keeps nearly all points within one $\sigma$. That is a generous count: of the pairs closer together than about $2\sigma$ the points share a mode between them, and both end within one $\sigma$ of their start. There are 47 different modes, and with `within=0.3` the count is 36. A network keeps next to none after a short training. Its arrows are short everywhere, so *one* step looks like standing still, and the chain drifts away along the ring all the same.
#
# With more training it recalls more of the points. That is memorisation under way, and what limits it is training and size, not the loss. A half answer gives one count, without a tolerance in units of $\sigma$, or judges by a single step.
