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
# # 09 · Exercises: where the theory bends
#
# For [chapter 09](../09-where-the-theory-bends.ipynb). You need the chapter, and Tweedie's formula from chapter 02. The four exercises take about 100 minutes; exercise (a) is the core one. The code takes under a minute.
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
from scipy.integrate import quad
from torch.special import ndtr

du.plotting.use_style()
INK, GREY = du.plotting.INK, du.plotting.GREY


def seeded(seed):
    return torch.Generator().manual_seed(seed)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · What a stored 0 averages over
#
# *Core exercise, about 35 minutes.*
#
# In one dimension, $y=\operatorname{clamp}(\tilde x,0,1)$. All $\tilde x\le0$ become $y=0$. The chapter states
# $$E[x\mid y=0]=E[\tilde x\mid\tilde x\le0]+\sigma^2\,\frac{p_\sigma(0)}{P(\tilde x\le0)}.$$
#
# **Warm-up, with a pencil.** Put all of $p$ into one point $x_0=0$ and take $\sigma=1$. Then $\tilde x$ is standard normal. Work out the three parts of the right side. Is their sum what it must be?
#
# **Predict** the form of the same statement for $y=1$. One sign is different. Which one, and why?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Prove** both statements in the first cell, from Tweedie's formula $E[x\mid\tilde x]=\tilde x+\sigma^2\,(\log p_\sigma)'(\tilde x)$. **Write** both in the second cell, as code that knows $p_\sigma$ but neither $p$ nor a posterior mean.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex09_a_proof", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# $y=0$ says $\tilde x\le0$ and nothing else. By the tower rule, with Tweedie's formula inside,
# $$E[x\mid y=0]=E\big[E[x\mid\tilde x]\,\big|\,\tilde x\le0\big]=E[\tilde x\mid\tilde x\le0]+\sigma^2\,E\big[(\log p_\sigma)'(\tilde x)\,\big|\,\tilde x\le0\big].$$
# The last mean is an integral of a derivative, since $p_\sigma\,(\log p_\sigma)'=p_\sigma'$:
# $$E\big[(\log p_\sigma)'(\tilde x)\,\big|\,\tilde x\le0\big]=\frac{1}{P(\tilde x\le0)}\int_{-\infty}^0p_\sigma'(z)\,dz=\frac{p_\sigma(0)}{P(\tilde x\le0)},$$
# because $p_\sigma$, a density smoothed by a Gaussian, tends to 0 far out.
#
# At the other face the integral runs from 1 to $\infty$, and $\int_1^\infty p_\sigma'=-p_\sigma(1)$. So
# $$E[x\mid y=1]=E[\tilde x\mid\tilde x\ge1]-\sigma^2\,\frac{p_\sigma(1)}{P(\tilde x\ge1)}.$$
# What was clipped lies below 0 or above 1 and the data lie between, so the mean arrow points up at one end and down at the other.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex09_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def means_at_faces(p_sigma, sigma):
    """(E[x given y = 0], E[x given y = 1]), two floats, for y = clamp(x~, 0, 1) in one dimension.

    p_sigma: the density of x~; p_sigma.log_prob(z) takes z of shape (N, 1), float64. A grid from -2 to 0 and one
    from 1 to 3, with torch.trapezoid, will do for the integrals. The check asks for an error below 0.001.
    """
    ### BEGIN SOLUTION
    means = []
    for face, sign, low, high in [(0.0, 1, -2.0, 0.0), (1.0, -1, 1.0, 3.0)]:
        z = torch.linspace(low, high, 20_001, dtype=torch.float64)
        density = p_sigma.log_prob(z[:, None]).exp()
        mass = torch.trapezoid(density, z)
        at_face = p_sigma.log_prob(torch.tensor([[face]], dtype=torch.float64)).exp()
        means.append((torch.trapezoid(density * z, z) / mass + sign * sigma**2 * at_face / mass).item())
    return tuple(means)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def compare_faces(p, sigma, expected):
    """Raise unless means_at_faces gives the two expected numbers."""
    p_sigma, ends = p.smooth(sigma), torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    found = numbers(means_at_faces(p_sigma, sigma)).flatten().tolist()
    assert len(found) == 2, f"expected two numbers, got {len(found)}"
    at_ends = p.posterior_mean(ends, sigma)[:, 0].tolist()
    for face in (0, 1):
        hint = (
            "Look at the sign and the factor of p_sigma at the face, and divide by the probability of the face. "
            "If you are nearly right, refine the grid."
        )
        if abs(found[face] - at_ends[face]) < 1e-3:
            hint = "You give R* at the face itself; all that was clipped onto it has to be averaged."
        assert abs(found[face] - expected[face]) < 1e-3, (
            f"sigma {sigma}: your E[x | y = {face}] is {found[face]:.4f}, expected {expected[face]:.4f}. {hint}"
        )


two_bumps = du.GaussianMixture([[0.06], [0.4]], [0.011**2, 0.05**2], [0.15, 0.85])
compare_faces(two_bumps, 0.15, [0.0845, 0.4637])


### BEGIN HIDDEN TESTS
def by_definition(p, sigma, face):
    """E[x given y = face] from Bayes' rule, by quadrature over x."""
    sign = 1 if face == 0 else -1

    def integrand(x, power):
        at = torch.tensor([[x]], dtype=torch.float64)
        return (x**power * p.log_prob(at).exp() * ndtr(sign * (face - at[0]) / sigma)).item()

    places = sorted([0.0, 1.0, *p.means[:, 0].tolist()])
    total = [sum(quad(integrand, a, b, args=(k,))[0] for a, b in zip(places, places[1:])) for k in (0, 1)]
    return total[1] / total[0]


near_white = du.GaussianMixture([[0.35], [0.9]], [0.06**2, 0.02**2], [0.6, 0.4])
for p in (two_bumps, near_white):
    for sigma in (0.15, 0.3):
        compare_faces(p, sigma, [by_definition(p, sigma, face) for face in (0, 1)])
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex09_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* Half of the values are clipped, so $P(\tilde x\le0)=\frac12$. The mean of a standard normal variable below 0 is $-\sqrt{2/\pi}=-0.798$. And $p_\sigma(0)/P=0.399/0.5=0.798$. The sum is 0, which is $x_0$, as it must be.
#
# *The exercise.* Nothing new is needed: the tower rule, Tweedie's formula inside it, and the fundamental theorem of calculus. The last term is $\sigma^2$ times the *mean* score of what was clipped. It is not the score at the face, so the best answer jumps there. A half answer proves one face, or copies the plus sign to the other.

# %% [markdown]
# ## (b) · Mask, then add noise
#
# *About 25 minutes.*
#
# Masking alone gives no score. Now mask a share of the coordinates of $x$ to 0, and *then* add Gaussian noise: $y=m\odot x+\sigma\varepsilon$. A network sees $y$. Which **target** must it be trained to reconstruct, so that $(R-y)/\sigma^2$ is a score again? And the score of which distribution?
#
# **Warm-up, with a pencil.** Let $x=0.6$ always, in one dimension, and mask it with probability 0.3. Which values can $m\,x$ take, and how probable is each? Which of the two would $R^*(y)$ name for $y=0.02$ and $\sigma=0.1$?
#
# **Predict** the target and the distribution.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** both: the target for a batch, and the distribution without its noise, as a `du.GaussianMixture`. For a mixture of $K$ bumps in the plane each bump meets four masks. A masked coordinate has mean 0 and variance 0.


# %% nbgrader={"grade": false, "grade_id": "ex09_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def target(x, hit):
    """What to reconstruct, (N, d): x is the clean batch, hit (N, d) is True where a coordinate is masked."""
    ### BEGIN SOLUTION
    return x.masked_fill(hit, 0.0)
    ### END SOLUTION


def whose_score(p, fraction):
    """The distribution q for which R* - y = sigma^2 grad log q_sigma(y), in the plane.

    p: a GaussianMixture with means (K, 2) and round covariances; fraction: the probability that a coordinate is
    masked, in (0, 1). Returns a GaussianMixture(means, variances, weights), all variances of shape (4 K, 2).
    """
    ### BEGIN SOLUTION
    variance = torch.diagonal(p.covariances, dim1=1, dim2=2)  # (K, 2)
    keeps = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).double()  # (4, 2)
    chance = torch.where(keeps == 1, 1 - fraction, fraction).prod(1)  # (4,)
    return du.GaussianMixture(
        (keeps[:, None] * p.means).flatten(0, 1),
        (keeps[:, None] * variance).flatten(0, 1),
        (chance[:, None] * p.weights).flatten(),
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09_b_target_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ring, sigma, fraction = du.ring(), 0.1, 0.3
x = ring.sample(30_000, seeded(0)).double()
hit = torch.rand(x.shape, generator=seeded(1)) < fraction
masked = x.masked_fill(hit, 0.0)
y = du.corruption.gaussian(masked[:500], sigma, seeded(2))


def posterior_mean_by_sample(values):
    """E[value given y] over the 30,000 draws, each weighted by how well it explains y."""
    return (-(torch.cdist(y, masked) ** 2) / (2 * sigma**2)).softmax(1) @ values


# The score of the distribution of y, over the same draws, by automatic differentiation.
at = y.clone().requires_grad_()
log_q = (-(torch.cdist(at, masked) ** 2) / (2 * sigma**2)).logsumexp(1)
(score_of_y,) = torch.autograd.grad(log_q.sum(), at)

chosen = numbers(target(x, hit))
assert chosen.shape == x.shape, (
    f"the target has the shape {tuple(chosen.shape)}, expected {tuple(x.shape)}"
)
arrows = posterior_mean_by_sample(chosen) - y
apart = du.relative_error(arrows, sigma**2 * score_of_y)
assert apart < 1e-3, (
    f"the best answer for your target, less y, is {apart:.0%} away from sigma^2 times the score of y. "
    "Tweedie's formula gives the mean of what the *Gaussian* noise was added to."
)
print("(b) the target passes")

# %% nbgrader={"grade": true, "grade_id": "ex09_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
one = whose_score(du.GaussianMixture([[0.6, 0.5]], 0.05**2), 0.3).mean()
assert torch.allclose(one, torch.tensor([0.42, 0.35]).double(), atol=1e-3), (
    f"one bump at (0.6, 0.5), masked with probability 0.3, has the mean (0.42, 0.35); yours is {one.tolist()}: "
    "each bump and mask has the weight of the bump times the probability of the mask."
)
### BEGIN HIDDEN TESTS
density_q = whose_score(ring, fraction)
total = density_q.mean().sub(masked.mean(0)).abs().max().item()
assert total < 0.02, (
    f"the mean of your distribution is {density_q.mean().tolist()}, that of the masked points {masked.mean(0).tolist()}: "
    "each bump and mask has the weight of the bump times the probability of the mask."
)
apart = du.relative_error(density_q.smooth(sigma).score(y), score_of_y)
assert apart < 0.05, (
    f"the score of your distribution, smoothed, is {apart:.0%} away from that of 30,000 masked points. Both "
    "coordinates may be masked, and a masked one is exactly 0: no variance before the noise."
)
### END HIDDEN TESTS
print("(b) passes")

# %% mystnb={"image": {"alt": "Two panels over the ring with points on the axes. Left, target masked: arrows from noisy points lead to the bumps, to the axes, and to the origin. Right, target clean: arrows of points near the axes lead far into the square, those near the bumps to the bumps."}}
fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.6), sharey=True)
for ax, values, title in [(axes[0], masked, "target: masked"), (axes[1], x, "target: clean")]:
    du.plotting.density_background(ax, ring)
    du.plotting.arrows(ax, y[:60], posterior_mean_by_sample(values)[:60] - y[:60], scale=1)
    ax.set(title=title, xlim=(-0.25, 1), ylim=(-0.25, 1))
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex09_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The product is 0 with probability 0.3 and 0.6 with probability 0.7. At $y=0.02$ the value 0 is by far the better explanation, so $R^*(y)$ is practically 0, and not 0.6.
#
# *The exercise.* The target is the *masked* image before the noise. Then the noise is Gaussian, Tweedie's formula applies, and the score is that of the masked images, smoothed. With the clean image as target the network learns a posterior mean that is useful for repair, but it is not a score (figure, right). A half answer names the target and forgets whose score it is. The masked images have their mass on the bumps, on two axes and at the origin, so a chain that climbs this density may end on an axis.

# %% [markdown]
# ## (c) · Do chains get lost without a sigmoid?
#
# *About 20 minutes.*
#
# Section d of the chapter trained on 2,000 points of the moons at $\sigma=0.03$ and started chains anywhere in $[-1,2]^2$, far from all that training had seen. Now there is no sigmoid, neither in training nor after: `output="linear"` and `objective="mse"`.
#
# **Warm-up, with a pencil.** Suppose that every step misses the exact answer by a third of the true step, and that the true step leads straight to the data. By which factor does one step shorten the distance, at worst? How many steps take you from 50 to below 1?
#
# **Predict** the share of chains that end off the data after 100 steps: none, a few, most? Is it the same for every seed? And which share ends on the data, but elsewhere than the chain of the exact optimum?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the training, and the two shares. "Off" and "elsewhere" mean farther than $4\sigma$.

# %%
points, sigma = du.moons().sample(2000, seeded(0)).clamp(0, 1), 0.03
cloud = du.from_points(points)
start = -1 + 3 * torch.rand(200, 2, generator=seeded(8))


# %% nbgrader={"grade": false, "grade_id": "ex09_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_linear(seed):
    """An MLPDenoiser(2, hidden=64) without a sigmoid, trained by du.fit on `points` at `sigma`: 500 steps of batch 256."""
    ### BEGIN SOLUTION
    network = du.MLPDenoiser(2, hidden=64, output="linear", seed=seed)
    how = dict(steps=500, batch_size=256, seed=seed, device="cpu")
    du.fit(network, points, sigma=sigma, objective="mse", **how)
    return network.requires_grad_(False)
    ### END SOLUTION


def fate(denoiser, exact):
    """(share that ends off the data, share that ends elsewhere than the exact chain), 100 steps from `start`.

    denoiser, exact: each called as denoiser(x, sigma) -> reconstruction.
    """
    ### BEGIN SOLUTION
    end = du.iterate(denoiser, start, 100, sigma=sigma)
    exact_end = du.iterate(exact, start, 100, sigma=sigma)
    off = torch.cdist(end, points).amin(1) > 4 * sigma
    elsewhere = (end - exact_end).norm(dim=1) > 4 * sigma
    return off.float().mean().item(), elsewhere.float().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09_c_training_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
near = du.corruption.gaussian(points[:1000], sigma, seeded(9))
exact_step = cloud.posterior_mean(near, sigma) - near
networks = []
for seed in range(4):
    networks.append(train_linear(seed))
    assert networks[-1].output == "linear", (
        "the network still has a sigmoid: MLPDenoiser(2, ..., output='linear'), and objective='mse' in du.fit"
    )
    first, last = next(networks[0].parameters()), next(networks[-1].parameters())
    assert seed == 0 or not torch.equal(first, last), (
        f"seeds 0 and {seed} gave the same weights: hand the seed to the network and to du.fit"
    )
    miss = du.relative_error(networks[-1](near) - near, exact_step)
    assert miss < 0.5, (
        f"seed {seed}: near the data the arrows are {miss:.0%} away from the exact ones, expected less than 50 %: 500 steps at sigma = 0.03"
    )
print("(c) the training passes")


# %% nbgrader={"grade": true, "grade_id": "ex09_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def to(place, rate=1.0):
    """A denoiser that goes that part of the way to one place."""
    return lambda x, sigma: x + rate * (torch.as_tensor(place, dtype=x.dtype) - x)


home = points[points[:, 0].argmin()]


def split(x, sigma):  # the left half goes to a point of the data, the right half to nowhere
    return torch.where(x[:, :1] < 0.5, home, torch.full_like(x, 3.0))


left = (start[:, 0] < 0.5).float().mean().item()
beside = points[0] + torch.tensor([0.05, 0.0])  # 0.05 is less than 4 sigma = 0.12
cases = {
    "the same exact chain": (to(points[0]), to(points[0]), (0, 0)),
    "all to one point of the data, the exact chains to another": (
        to(points[0]),
        to([-0.5, -0.5]),
        (0, 1),
    ),
    "all to a place 0.05 beside it": (to(beside), to(points[0]), (0, 0)),
    "all to nowhere": (to([3.0, 3.0]), to(points[0]), (1, 1)),
    "slowly, a tenth of the way each step": (to(points[0], 0.1), to(points[0]), (0, 0)),
    "the exact chains slowly": (to(points[0]), to(points[0], 0.1), (0, 0)),
    "half to nowhere": (split, to(home), (1 - left, 1 - left)),
}
for name, (denoiser, exact, expected) in cases.items():
    found = numbers(fate(denoiser, exact)).flatten().tolist()
    assert len(found) == 2 and all(abs(a - b) < 0.01 for a, b in zip(found, expected)), (
        f"{name}: your shares (off, elsewhere) are ({found[0]:.2f}, {found[1]:.2f}), expected ({expected[0]:.2f}, {expected[1]:.2f}). "
        "Off: from the nearest of all points. Elsewhere: from the end of the exact chain with the same start. 100 steps, 4 sigma."
    )
print("(c) passes")

# %% tags=["nbval-ignore-output"]
du.table(
    [[seed, *fate(network, cloud.posterior_mean)] for seed, network in enumerate(networks)],
    {"seed": "d", "off the data": ".1%", "elsewhere than the exact chain": ".1%"},
)

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex09_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* A step of the exact length leaves nothing, and an error of a third of it leaves at most a third of the distance. From 50 the distances are 16.7, 5.6, 1.9 and 0.6, so four steps suffice.
#
# *The exercise.* The table shows the share of lost chains for four seeds, and beside it the share that ends elsewhere than it should. Where no chain is lost without a sigmoid, the sigmoid cannot have been what brought the chains of the chapter back. An arrow may be wrong by a third and still lead nearer. The second share depends on the seed, so a half answer is one seed. And all of this is about the plane and about a network that starts from the best linear denoiser.

# %% [markdown]
# ## (d) · When does the turn come with 500 points?
#
# *About 20 minutes.*
#
# With fifty points of the ring the held-out loss falls, turns and rises.
#
# **Warm-up, with a pencil.** The best denoiser for one training point $x_1$ is $R^*(y)=x_1$, whatever $y$ is. What is its held-out squared error for a ring of radius 0.3, if $x_1$ lies on the ring and fresh points lie opposite or at the same place with equal odds? Compare with the answer "the centre of the ring".
#
# **Predict** for 500 points and the same number of steps: does the turn come earlier, later, at the same place, or not at all?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** three functions: the held-out BCE above its floor; the same at each look of a training on $n$ points; and where the turn is. `train` below is a loop like that of the chapter.


# %%
ring, sigma, steps = du.ring(), 0.03, 1000
looks = sorted({round(20 * (steps / 20) ** (i / 14)) for i in range(15)})
x_fresh = ring.sample(4000, seeded(14)).clamp(0, 1)
y_fresh = du.corruption.gaussian(x_fresh, sigma, seeded(15))


def train(network, data):
    """Train in place on BCE; yield the number of steps taken after each, up to `steps`."""
    generator = seeded(1)
    network.level.fill_(sigma)
    matrices = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim != 2]
    optimisers = [du.Muon(matrices, lr=2e-2), torch.optim.Adam(others, lr=4e-3)]
    cosines = [torch.optim.lr_scheduler.CosineAnnealingLR(o, steps) for o in optimisers]
    for step in range(steps):
        x = data[torch.randint(len(data), (128,), generator=generator)]
        x_noisy = du.corruption.gaussian(x, sigma, generator)
        loss = du.objectives.bce(network.logits(x_noisy), x).mean()
        network.zero_grad()
        loss.backward()
        for part in (*optimisers, *cosines):
            part.step()
        yield step + 1


# %% nbgrader={"grade": false, "grade_id": "ex09_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def held_out(network):
    """Mean BCE on the pairs (x_fresh, y_fresh), in nats a point, above that of the exact optimum (a float)."""
    ### BEGIN SOLUTION
    best = ring.posterior_mean(y_fresh, sigma).logit()
    with torch.no_grad():
        mine = du.objectives.bce(network.logits(y_fresh), x_fresh).mean()
    return (mine - du.objectives.bce(best, x_fresh).mean()).item()
    ### END SOLUTION


def watch(n):
    """Train a new MLPDenoiser(2, hidden=64) on n points of the ring; the held-out loss at each of the `looks`."""
    ### BEGIN SOLUTION
    network, seen = du.MLPDenoiser(2, hidden=64), []
    for step in train(network, ring.sample(n, seeded(0)).clamp(0, 1)):
        if step in looks:
            seen.append(held_out(network))
    return seen
    ### END SOLUTION


def turn(looks, losses):
    """The look with the least loss; None if that is the last one, so that no turn has been seen."""
    ### BEGIN SOLUTION
    best = min(range(len(losses)), key=losses.__getitem__)
    return None if best == len(losses) - 1 else looks[best]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex09_d_held_out_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
class Shifted(du.Denoiser):
    """A network whose logits are those of the optimum plus a shift, so that its excess is known."""

    def __init__(self, shift):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(shift))
        self.level.fill_(sigma)

    def logits(self, x_noisy, sigma=None):
        return ring.posterior_mean(x_noisy, self.level.item()).logit() + self.shift


def compare_held_out(shift, expected, name):
    found = number(held_out(Shifted(shift)))
    assert abs(found / expected - 1) < 0.2, (
        f"{name}: your held-out loss is {found:.5f} nats above its floor, expected {expected:.5f}, which is the mean "
        "kl(R* || R). The floor is the BCE of the exact R*; sum over the two coordinates, as du.objectives.bce does."
    )


optimum = ring.posterior_mean(y_fresh, sigma)
compare_held_out(0.3, 0.0183, "logits 0.3 above the optimum")
### BEGIN HIDDEN TESTS
for shift in (0.1, 0.3, -0.3):
    exact = du.objectives.excess_risk(optimum.logit() + shift, optimum).mean().item()
    compare_held_out(shift, exact, f"logits {shift:+} from the optimum")
### END HIDDEN TESTS
print("(d) the held-out loss passes")

# %% nbgrader={"grade": true, "grade_id": "ex09_d_turn_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for losses, expected in [([3, 2, 1], None), ([3, 1, 2], 20), ([3, 2, 2.5, 1, 4], 40), ([1, 2, 3], 10)]:
    found = turn([10, 20, 30, 40, 50][: len(losses)], losses)
    right = (
        found is None if expected is None else found is not None and abs(number(found) - expected) < 0.5
    )
    assert right, (
        f"losses {losses} at the looks 10, 20, ...: your turn is {found}, expected {expected}. The least loss counts, "
        "not the first rise; and no turn has been seen while the least is the last."
    )
print("(d) the turn passes")

# %% nbgrader={"grade": true, "grade_id": "ex09_d_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
few = numbers(watch(50)).flatten().tolist()
assert len(few) == len(looks), (
    f"watch gave {len(few)} losses, expected one for each of {len(looks)} looks"
)
assert turn(looks, few) is not None and few[-1] > 1.2 * min(few), (
    "with fifty points no turn is seen: train on these n points alone, and look at the held-out loss"
)
many = numbers(watch(500)).flatten().tolist()
later = turn(looks, many)
assert later is None or later > turn(looks, few), (
    f"500 points turn at step {later}, 50 at {turn(looks, few)}: expected later or not at all; did n reach the sample?"
)
print("(d) passes")

# %% mystnb={"image": {"alt": "Held-out loss above its floor against training steps, both axes logarithmic. With 50 points it falls for about a hundred steps and more, then rises; with 500 points it falls to the end, to a tenth of that."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6, 3.2))
for losses, label, color in [
    (few, "50 points", INK),
    (many, "500 points", GREY),
]:
    du.plotting.curve(ax, looks, [1000 * v for v in losses], label=label, color=color)
ax.set(
    xscale="log", yscale="log", xlabel="training step", ylabel="held-out BCE above its floor,\n0.001 nats"
)
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex09_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The same place costs 0 and the opposite place $0.6^2=0.36$, so the mean is 0.18. The centre costs $0.3^2=0.09$ always. The memory of one point is twice as bad on fresh points as the answer that knows nothing but the mean.
#
# *The exercise.* In the figure, follow the curve of 500 points to its end: within these steps its least loss is at or near the last look. "The turn comes later" is right only with the words *if it comes within the steps*, since the optimum of the training loss is still the score of 500 smoothed points. With ten times as many points each one stands for less, and the network's own smoothness suffices for longer. A half answer is one curve, or a turn read off the first wiggle.
