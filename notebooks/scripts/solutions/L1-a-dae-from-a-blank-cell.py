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
# # L1 · Lab: a DAE from a blank cell
#
# For chapters [01](../01-corrupt-and-reconstruct.ipynb) to [03](../03-does-a-network-know-it.ipynb). You need PyTorch tensors and one training loop that you have seen before. The five parts take about 175 minutes, and they are worth 20 points: checks give 14, and your lecturer gives 6 for what you conclude and prove.
#
# In the chapters `du.MLPDenoiser` and `du.fit` did the work. Here you write all of it: the noise, the loss, the network, the training loop, the score, and a rival to compare it with. Of `daeutils` you may use the distributions (`du.ring`, `du.moons` and the others), `du.relative_error` and the figures. `du.fit`, the denoisers and `du.objectives` are not allowed. Code that chapters 01 and 03 show may be used where it fits, if you can explain every line.
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
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

du.plotting.use_style()
ring = du.ring()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


points = ring.sample(20_000, seeded(1)).float()  # what you train on
fresh = ring.sample(4_000, seeded(2)).float()  # what you test on


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


class Refused:
    """Stands in for a part of daeutils that you are to write yourself."""

    def __call__(self, *_, **__):
        raise AssertionError(
            "write this yourself: du.fit, the denoisers and du.objectives are not allowed here"
        )

    def __getattr__(self, name):
        self()


class forbidden:
    """In this block those parts are switched off."""

    def __enter__(self):
        names = ("fit", "MLPDenoiser", "PlainDAE", "MixtureDenoiser", "objectives")
        self.kept = {name: getattr(du, name) for name in names}
        for name in names:
            setattr(du, name, Refused())

    def __exit__(self, *_):
        for name, value in self.kept.items():
            setattr(du, name, value)


# %% [markdown]
# ## (a) · Noise and loss
#
# *About 30 minutes.*
#
# A training pair is a clean point $x$ and its corrupted version $\tilde x=x+\sigma\varepsilon$, with $\varepsilon\sim N(0,I)$. The network gives a *logit* $a$ for each coordinate, and its answer is $r=\mathrm{sigmoid}(a)$. The loss of a point is the binary cross-entropy, summed over the coordinates:
# $$\mathrm{BCE}(r,x)=-\sum_i\big[x_i\log r_i+(1-x_i)\log(1-r_i)\big].$$
#
# **Warm-up, with a pencil.** Put $r=1/(1+e^{-a})$ into one term of the sum, and show that it equals $\log(1+e^{a})-x\,a$. What is its derivative in $a$?
#
# **Predict.** A network that has learned nothing answers $\frac12$. What is its loss for a point of the plane, in nats?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** `corrupt` and `bce`. The loss must be finite and have the right slope for *any* finite logit, also for $a=200$, where `torch.log(1 - torch.sigmoid(a))` is $-\infty$ and $e^{200}$ is too large for a float. PyTorch has $\log(1+e^a)$ without overflow as `F.softplus`. Targets may lie outside of $[0,1]$.


# %% nbgrader={"grade": false, "grade_id": "exL1_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def corrupt(x, sigma, generator):
    """x plus Gaussian noise of standard deviation sigma, drawn from `generator`; x itself stays as it is."""
    ### BEGIN SOLUTION
    return x + sigma * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    ### END SOLUTION


def bce(logits, x):
    """Binary cross-entropy of sigmoid(logits) against x, both (N, D), summed over D: a tensor (N,), in nats."""
    ### BEGIN SOLUTION
    return (F.softplus(logits) - x * logits).sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL1_a_corrupt_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
handed = points.clone()
noise = numbers(corrupt(handed, 0.5, seeded(3))) - points
assert torch.equal(handed, points), "your function changes x itself: do not add in place"
assert noise.shape == points.shape, f"expected the shape {tuple(points.shape)}, got {tuple(noise.shape)}"
assert abs(noise.mean()) < 0.01, (
    f"the noise has the mean {noise.mean():.3f}, expected 0; nothing is clamped here"
)
assert abs(noise.std() / 0.5 - 1) < 0.02, (
    f"at sigma = 0.5 the noise has standard deviation {noise.std():.3f}; sigma multiplies a standard normal number"
)
### BEGIN HIDDEN TESTS
same, other = numbers(corrupt(points, 0.5, seeded(3))), numbers(corrupt(points, 0.5, seeded(4)))
assert torch.equal(same, noise + points) and not torch.equal(same, other), (
    "draw the noise from `generator`"
)
pair = numbers(corrupt(points[:2], 2.0, seeded(5))) - points[:2]
assert (pair[0] - pair[1]).abs().min() > 1e-3, "every point gets noise of its own"
apart = numbers(corrupt(torch.full((20_000, 2), 0.5), 0.5, seeded(6))) - 0.5
assert abs((apart[:, 0] * apart[:, 1]).mean()) < 0.01, "every coordinate gets noise of its own"
assert abs((apart**4).mean() / (3 * 0.5**4) - 1) < 0.1, "the noise is Gaussian"
### END HIDDEN TESTS
print("(a) corrupt passes")

# %% nbgrader={"grade": true, "grade_id": "exL1_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
a = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
found = numbers(bce(a, torch.tensor([[0.3, 0.9], [1.0, 0.25]])))
assert found.shape == (2,), f"expected one loss for each point, shape (2,), got {tuple(found.shape)}"
for got, expected in zip(found.tolist(), [1.3863, 0.9402]):
    assert abs(got - expected) < 1e-3, (
        f"expected {expected}, you find {got:.4f}: sum over the coordinates, in nats"
    )
steep = torch.tensor([[200.0, -200.0]], requires_grad=True)
loss = bce(steep, torch.tensor([[0.4, 1.0]]))
assert abs(number(loss) - 320) < 0.1, (
    f"at the logits 200 and -200 with targets 0.4 and 1 the loss is 320, you find {number(loss):g}: "
    "use the form of the warm-up, with F.softplus"
)
### BEGIN HIDDEN TESTS
loss.sum().backward()
slopes = numbers(steep.grad)[0].tolist()
assert all(abs(s - w) < 1e-4 for s, w in zip(slopes, (0.6, -1.0))), (
    f"the slopes in the logits are {slopes}, expected 0.6 and -1: sigmoid(a) - x, also far out"
)
wide = 4 * torch.randn(50, 3, generator=seeded(7))
targets = torch.rand(50, 3, generator=seeded(8)) * 2 - 0.5  # a target may lie outside of [0, 1]
expected = F.binary_cross_entropy_with_logits(wide, targets, reduction="none").sum(1)
gap = (numbers(bce(wide, targets)) - expected).abs().max().item()
assert gap < 1e-3, f"on random logits and targets you are up to {gap:.3g} off"
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown] tags=["discussion"]
# *Warm-up.* $-x\log r-(1-x)\log(1-r)$ with $\log r=a-\log(1+e^a)$ and $\log(1-r)=-\log(1+e^a)$ is $\log(1+e^a)-xa$. Its derivative is $\mathrm{sigmoid}(a)-x$. PyTorch's `softplus` is $\log(1+e^a)$, computed so that it never overflows.
#
# The answer $\frac12$ costs $\log2$ for each coordinate, so 1.386 nats for a point of the plane, whatever the target is.

# %% [markdown]
# ## (b) · The network and the loop
#
# *About 60 minutes.*
#
# **Write** a network from two numbers to two logits, and its training: at every step draw a batch of points with replacement, corrupt it, compute the loss, and let an optimiser take a step. `train` returns the trained network as a function from noisy points $(N,2)$ to logits $(N,2)$.
#
# It is judged by the score that can be read off it, $(\mathrm{sigmoid}(a(y))-y)/\sigma^2$, on noisy points that it has not seen. On the ring at $\sigma=0.1$ its relative error must be at most 0.2 after 1,000 steps; a hidden check asks for at most 0.1 on the moons at $\sigma=0.2$, which is easier. Your first attempt may well end at 0.5. Then look at these, one at a time:
#
# * Are the steps too small, or too large? Try the learning rate at three values, a factor of three apart.
# * What do the first layers see? The data fill a small part of the plane, and a smooth activation is nearly a straight line there.
# * Does the last tenth of the training shake? Then let the learning rate fall towards the end.
#
# **Predict.** The loss begins at 1.386 nats. Does it fall below 1? Below 0.1?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL1_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(points, sigma, steps, seed):
    """A network trained on `points` (N, 2) at noise level sigma: a function from noisy points (M, 2) to logits (M, 2).

    The same seed gives the same network, and the global random state is left as it was: layers draw their
    first weights from it, so build them inside `with torch.random.fork_rng():`. steps may be as few as 3.
    """
    ### BEGIN SOLUTION
    generator = seeded(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = points[torch.randint(len(points), (512,), generator=generator)]
        loss = bce(network(corrupt(x, sigma, generator)), x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    return network.requires_grad_(False)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL1_b_seed_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
state, handed = torch.get_rng_state(), points.clone()
with forbidden():
    first, second, third = (train(handed, 0.1, 5, seed) for seed in (0, 0, 1))
probe = ring.sample(7, seeded(9)).float()
answer = numbers(first(probe))
assert answer.shape == (7, 2), f"expected logits of shape (7, 2) for 7 points, got {tuple(answer.shape)}"
assert torch.equal(numbers(second(probe)), answer), (
    "the same seed gives another network: seed everything that is random"
)
assert not torch.equal(numbers(third(probe)), answer), "another seed gives the same network"
assert torch.equal(torch.get_rng_state(), state), (
    "train changes the global random state: use generators, or torch.random.fork_rng() round the construction"
)
assert torch.equal(handed, points), "train changes the points themselves"
print("(b) seeds pass")


# %% nbgrader={"grade": true, "grade_id": "exL1_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def error_of(logits, distribution, sigma, seed=10):
    """Relative error of the score that is read off a network, on fresh noisy points."""
    y = distribution.sample(4_000, seeded(seed)).float()
    y = y + sigma * torch.randn(y.shape, generator=seeded(seed + 1))
    read_off = (torch.sigmoid(numbers(logits(y)).float()) - y) / sigma**2
    return du.relative_error(read_off, distribution.smooth(sigma).score(y).float())


with forbidden():
    network = train(points, 0.1, 1_000, 0)
error = error_of(network, ring, 0.1)
assert error <= 0.2, (
    f"the relative error of the score is {error:.2f}, expected at most 0.2. The posterior mean minus the input is small: "
    "look at the learning rate, at what the first layer sees, and at the last steps"
)
### BEGIN HIDDEN TESTS
moons = du.moons()
with forbidden():
    at_another = train(moons.sample(20_000, seeded(11)).float(), 0.2, 1_000, 3)
error = error_of(at_another, moons, 0.2)
assert error <= 0.1, (
    f"on the moons at sigma = 0.2, after 1,000 steps, the relative error is {error:.2f}, expected at most 0.1"
)
### END HIDDEN TESTS
print("(b) passes")

# %% [markdown] tags=["discussion"]
# The loss ends a little above 1.2 nats. Most of it is the floor, because a coordinate of about 0.5 costs nearly $\log 2$ even if it is known exactly. So it falls neither below 0.1 nor below 1: it loses about an eighth, and all that was learned is in that eighth. A curve of the loss says little; the error of the score says much.
#
# Three things usually go wrong. With Adam's default rate, 0.001, the training is too slow. With a smooth activation and points in $[0,1]$ the network sees an almost linear problem: ReLU, or inputs such as $10(y-\frac12)$, help by a factor of several. And a constant rate keeps shaking the answers, which are divided by $\sigma^2=0.01$.

# %% [markdown]
# ## (c) · Read the score off
#
# *About 15 minutes.*
#
# **Write** the score. The cell below the check trains at three noise levels and compares with two exact scores: that of the corrupted data, $\nabla\log p_\sigma$, and that of the clean data, $\nabla\log p$.
#
# **Predict.** At which of the three noise levels, 0.05, 0.1 or 0.2, is the relative error against $\nabla\log p_\sigma$ largest? And against $\nabla\log p$?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL1_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(logits, y, sigma):
    """The score that a network knows: (N, 2) for noisy points y (N, 2). `logits` is what train returns."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        return (torch.sigmoid(logits(y)) - y) / sigma**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL1_c_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
y = torch.tensor([[0.2, 0.9], [0.5, 0.4]])
found = numbers(score(lambda y: torch.zeros_like(y), y, 0.1))
gap = (found - 100 * (0.5 - y.double())).abs().max().item()
assert gap < 1e-2, (
    f"a network that always answers 1/2, at sigma = 0.1: you are up to {gap:.3g} off. Tweedie's formula divides by sigma^2"
)
### BEGIN HIDDEN TESTS
exact = ring.posterior_mean(probe.double(), 0.2).float()
found = numbers(score(lambda y: torch.logit(exact), probe, 0.2))
gap = (found - ring.smooth(0.2).score(probe.double())).abs().max().item()
assert gap < 1e-2, (
    f"with the logits of the exact denoiser at sigma = 0.2 you are up to {gap:.3g} off the exact score"
)
### END HIDDEN TESTS
print("(c) passes")

# %% tags=["nbval-ignore-output"]
rows, networks = [], {0.1: network}
for sigma in (0.05, 0.1, 0.2):
    if sigma not in networks:
        networks[sigma] = train(points, sigma, 1_000, 0)
    y = fresh + sigma * torch.randn(fresh.shape, generator=seeded(12))
    found = numbers(score(networks[sigma], y, sigma)).float()
    to_noisy, to_clean = (
        du.relative_error(found, p.score(y).float()) for p in (ring.smooth(sigma), ring)
    )
    rows.append([sigma, to_noisy, to_clean])
du.table(rows, {"σ": "g", "error against the score of p_σ": ".2f", "error against the score of p": ".2f"})

# %% tags=["nbval-ignore-output"] mystnb={"image": {"alt": "Arrows of the network's score on a grid, above the points of the ring, for the noise levels 0.05, 0.1 and 0.2. At 0.05 they lead into the eight clumps, at 0.1 to a circle, at 0.2 to the middle."}}
axis = torch.linspace(0.05, 0.95, 14)
grid = torch.cartesian_prod(axis, axis)
fig, axes = plt.subplots(1, 3, figsize=(8, 2.8), sharey=True)
for ax, (sigma, logits) in zip(axes, sorted(networks.items())):
    arrows = numbers(score(logits, grid, sigma)) * sigma**2
    ax.plot(*points[:2000].T, ".", ms=1, color=du.plotting.GREY)
    ax.quiver(*grid.T, *arrows.T, color=du.plotting.LEARNED, angles="xy", scale_units="xy", scale=1)
    ax.set(aspect="equal", xlim=(0, 1), ylim=(0, 1), title=f"$\\sigma$ = {sigma:g}")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL1_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What do the arrows belong to?** Two or three sentences, with numbers from your table: which density's score has the network learned, at which noise level does it do best, and why is that so?
#
# ### BEGIN SOLUTION
# The arrows belong to the corrupted data: against $\nabla\log p_\sigma$ the error is 8 per cent at $\sigma=0.1$ and 2 per cent at $0.2$, while against $\nabla\log p$ it is between two thirds and one at every level. The error against $p_\sigma$ is largest at $\sigma=0.05$ and smallest at $0.2$. The length of the true move shrinks about in proportion to $\sigma$, while the error of the network's answer does not, and the landscape has finer structure at a small noise level. So relative to the move the error grows. Against $p$ it grows with $\sigma$, because more noise blurs more of $p$ away.
# ### END SOLUTION

# %% [markdown]
# ## (d) · A rival without a network
#
# *About 40 minutes.*
#
# The optimum of the *training* loss needs no training. It is the posterior mean if the training points are all there is:
# $$R(y)=\sum_kw_k\,x_k,\qquad w_k\propto e^{-|y-x_k|^2/2\sigma^2},\qquad\sum_kw_k=1.$$
# Chapter 03 calls the density behind it a kernel density estimate (KDE).
#
# **Write** its score, without a function of `daeutils`. It must be finite everywhere, also far away from all points, where every $e^{-|y-x_k|^2/2\sigma^2}$ is zero in floating point. Then write the experiment: for each number of training points and each seed, the relative errors of a network trained on that many points for 300 steps, and of KDE with the same points.
#
# **Predict.** With 10 points, which of the two is nearer to the true score? With 20,000?

# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exL1_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kde_score(points, y, sigma):
    """The score (N, 2), at y (N, 2), of the points (K, 2) blurred by Gaussian noise of level sigma."""
    ### BEGIN SOLUTION
    weights = (-torch.cdist(y, points).square() / (2 * sigma**2)).softmax(1)
    return (weights @ points - y) / sigma**2
    ### END SOLUTION


def compare(sizes, seeds, sigma=0.1, steps=300):
    """Relative errors (len(sizes), len(seeds), 2): of the network, and of KDE with the same points.

    Seed s trains on the first n points of ring.sample(20_000, seeded(100 + s)) with train(..., seed=s). Both are
    tested on fresh + sigma * torch.randn(fresh.shape, generator=seeded(12)).
    """
    ### BEGIN SOLUTION
    y = fresh + sigma * torch.randn(fresh.shape, generator=seeded(12))
    exact = ring.smooth(sigma).score(y).float()
    errors = torch.zeros(len(sizes), len(seeds), 2)
    for j, seed in enumerate(seeds):
        drawn = ring.sample(20_000, seeded(100 + seed)).float()
        for i, n in enumerate(sizes):
            learned = score(train(drawn[:n], sigma, steps, seed), y, sigma)
            errors[i, j, 0] = du.relative_error(learned, exact)
            errors[i, j, 1] = du.relative_error(kde_score(drawn[:n], y, sigma), exact)
    return errors
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL1_d_kde_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
two = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
found = numbers(kde_score(two, torch.tensor([[0.9, 0.5]]), 0.5))[0].tolist()
assert abs(found[0] + 0.2720) < 1e-3 and abs(found[1] + 2) < 1e-3, (
    f"two points at (0, 0) and (1, 0), y = (0.9, 0.5), sigma = 0.5: expected (-0.2720, -2), you find ({found[0]:.4f}, {found[1]:.4f})"
)
far = numbers(kde_score(two, torch.tensor([[30.0, 0.0]]), 0.5))
assert torch.isfinite(far).all(), (
    "30 away from all points your score is not finite: subtract the largest exponent, or use softmax"
)
### BEGIN HIDDEN TESTS
assert abs(far[0, 0] - (1 - 30) / 0.25) < 0.1, "far away the nearest point gets all the weight"
few = du.moons().sample(40, seeded(13)).float()
at = torch.rand(60, 2, generator=seeded(14)) * 1.6 - 0.3
for sigma in (0.03, 0.3):
    expected = du.from_points(few.double()).smooth(sigma).score(at.double())
    gap = (numbers(kde_score(few, at, sigma)) - expected).norm() / expected.norm()
    assert gap < 1e-3, (
        f"40 points of the moons, sigma = {sigma}: your scores are off by a share of {gap:.2g}"
    )
### END HIDDEN TESTS
print("(d) KDE passes")

# %% nbgrader={"grade": true, "grade_id": "exL1_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
kept, trained_on = train, []


def train(points, sigma, steps, seed):  # in place of yours: quick, and it remembers how it was called
    trained_on.append((len(points), sigma, steps, seed, points.sum().item()))
    return lambda y: torch.full_like(y, 0.1 * seed)


try:
    found = numbers(compare([25, 400], [0, 3], sigma=0.2, steps=7))
finally:
    train = kept
assert found.shape == (2, 2, 2), (
    f"two sizes and two seeds ask for the shape (2, 2, 2), got {tuple(found.shape)}"
)
called = sorted(each[:4] for each in trained_on)
wanted = sorted((n, 0.2, 7, seed) for n in (25, 400) for seed in (0, 3))
assert called == wanted, (
    f"train was called with (points, sigma, steps, seed) = {called}, expected {wanted}"
)
y = fresh + 0.2 * torch.randn(fresh.shape, generator=seeded(12))
exact = ring.smooth(0.2).score(y).float()
### BEGIN HIDDEN TESTS
for i, n in enumerate((25, 400)):
    for j, seed in enumerate((0, 3)):
        drawn = ring.sample(20_000, seeded(100 + seed)).float()[:n]
        assert any(abs(each[4] - drawn.sum().item()) < 1e-3 * n for each in trained_on), (
            "train on the first n points of each seed"
        )
        constant = (torch.sigmoid(torch.full_like(y, 0.1 * seed)) - y) / 0.2**2
        blurred = du.from_points(drawn.double()).smooth(0.2).score(y.double()).float()
        for k, (name, estimate) in enumerate({"network": constant, "KDE": blurred}.items()):
            expected = du.relative_error(estimate, exact)
            assert abs(found[i, j, k] - expected) < 0.01 * expected + 1e-4, (
                f"{n} points, seed {seed}: your error of the {name} is {found[i, j, k]:.4f}, expected {expected:.4f}"
            )
### END HIDDEN TESTS
print("(d) passes")

# %% tags=["nbval-ignore-output"]
sizes, runs = [10, 300, 20_000], [0, 1, 2]
errors = numbers(compare(sizes, runs))
shown = [[f"{each.mean():.2f} ± {each.std():.2f}" for each in row.T] for row in errors]
du.table([[n, *row] for n, row in zip(sizes, shown)], {"points": ",", "network": ">", "KDE": ">"})

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL1_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Who wins, and why?** KDE is the exact optimum of the training loss. How can a network be nearer to the truth? And what would more steps, and more points, change for each of the two?
#
# ### BEGIN SOLUTION
# In the table above the network is nearer to the true score with 10 points (0.54 against 0.81, far outside of the scatter over seeds), and KDE with 300 and with 20,000 points. (A network that trains faster may be at KDE's level with 10 points already.) KDE is the optimum for the *sample*, and a sample of 10 is a poor picture of the ring. After 300 steps the network is far from that optimum, and because it changes slowly from place to place its arrows are smoother, which is nearer to the truth here. More steps take it towards KDE, so with 10 points they make it worse. With 20,000 points the sample is nearly the distribution: KDE is nearly exact, and the network is limited by its training, so more steps help it and more points do not.
# ### END SOLUTION

# %% [markdown]
# ## (e) · Targets that are noisy themselves
#
# *About 30 minutes.*
#
# Suppose that nobody has clean data. All that you have is pairs of corrupted points, $\tilde x=x+\sigma\varepsilon$ and $\tilde x'=x+\sigma\varepsilon'$, with independent noise. Train a network to predict the second from the first. (Draw both noises afresh at every step.) The targets are noisier, so the error may be larger than in (b): at most 0.3 is asked for.
#
# **Predict.** What does it learn? And what would it learn if $\tilde x$ itself were its target?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown] nbgrader={"grade": true, "grade_id": "exL1_e_proof", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Prove** what the best answer to $\tilde x$ is if the target is $\tilde x'$, under BCE. (Some targets lie outside of $[0,1]$. Does that matter?) What is it if the target is $\tilde x$?
#
# ### BEGIN SOLUTION
# BCE is linear in its target, so the expected cost of an answer $r$ depends on the target only through its mean given the input, and it is lowest at that mean (chapter 01), provided that the mean lies in $[0,1]$. Single targets may lie outside. Here the mean is that of clean points, which lie in $[0,1]$:
# $$E[\tilde x'\mid\tilde x]=E[x\mid\tilde x]+\sigma E[\varepsilon'\mid\tilde x]=E[x\mid\tilde x]=R^*(\tilde x),$$
# because $\varepsilon'$ is independent of $\tilde x$ and has mean 0. So the optimum is the same as with clean targets; only the gradient is noisier. With $\tilde x$ as its own target the mean is $\tilde x$: the network learns to copy, and the score that is read off it is 0 wherever $\tilde x$ lies in $[0,1]$. Where a coordinate lies outside, the cost has no lower bound and there is no best answer: the answer runs to 0 or to 1.
# ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "exL1_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_without_clean_targets(points, sigma, steps, seed):
    """As train, but at every step `corrupt` is called twice on the same batch: once for the input, once for the target."""
    ### BEGIN SOLUTION
    generator = seeded(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = points[torch.randint(len(points), (512,), generator=generator)]
        target = corrupt(x, sigma, generator)
        loss = bce(network(corrupt(x, sigma, generator)), target).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    return network.requires_grad_(False)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exL1_e_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
levels, kept = [], corrupt


def corrupt(x, sigma, generator):  # in place of yours: it remembers how it was called
    levels.append(float(sigma))
    return kept(x, sigma, generator)


try:
    train_without_clean_targets(points, 0.1, 3, 0)
finally:
    corrupt = kept
assert len(levels) >= 6 and set(levels) == {0.1}, (
    f"in three steps corrupt was called {len(levels)} times, with the levels {sorted(set(levels))}: "
    "corrupt the same points twice at each step, once for the input and once for the target"
)
with forbidden():
    blind = train_without_clean_targets(points, 0.1, 1_000, 0)
error = error_of(blind, ring, 0.1)
assert error <= 0.3, (
    f"the relative error of the score is {error:.2f}, expected at most 0.3. Near 1, the target is the input itself; "
    "larger, it belongs to another point; only a little too large, the noise of the targets is felt: try a larger batch"
)
print("(e) passes")

# %% tags=["nbval-ignore-output"]
targets = {"clean": network, "a second noisy version": blind}
du.table(
    [[name, error_of(each, ring, 0.1)] for name, each in targets.items()],
    {"targets": "", "relative error": ".2f"},
)

# %% [markdown] tags=["discussion"]
# The network never sees a clean point and finds nearly the same score. The idea is known as Noise2Noise ([Lehtinen et al. 2018](https://arxiv.org/abs/1803.04189)). The price is a noisier gradient, so after equal steps the error is a little larger. Training on $\tilde x$ itself fails completely, although input and target look just as noisy: what counts is that the noise of the target is independent of the noise of the input.
