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
# # 05 · Exercises: a denoiser for images
#
# For [chapter 05](../05-a-denoiser-for-images.ipynb). You need the chapter, and for (b) the last two sections of [chapter 04](../04-walking-uphill.ipynb). The five exercises take about three hours. Exercise (e) is the core one; (b) is the longest and may be left out. The code takes about a minute: the networks that are trained here are small ones, on digits of $8\times8$ pixels.
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
import math

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import avg_pool2d

du.plotting.use_style()
EXACT, LEARNED = du.plotting.EXACT, du.plotting.LEARNED
INK, GREY = du.plotting.INK, du.plotting.GREY
images, _ = du.digits("train")
test, _ = du.digits("test")
unet = du.load("digits-unet-bce", device="cpu")  # trained with BCE
edm = du.load("digits-unet-edm", device="cpu")  # similar layers, trained with squared error


def shrink(x):
    """Digits of 8 x 8 pixels, as points: (N, 64)."""
    return avg_pool2d(x[:, :, 2:26, 2:26], 3).flatten(1)


small, small_test = shrink(images), shrink(test)
epsilon = torch.randn(small_test.shape, generator=torch.Generator().manual_seed(0))


def train(steps, *, many=False, seed=0, **options):
    """A small network for sigma = 0.4, or for many noise levels; the rest goes to du.fit."""
    network = du.MLPDenoiser(64, noise_levels=many, seed=seed)
    levels = du.corruption.log_normal() if many else 0.4
    options = dict(steps=steps, batch_size=128, seed=seed, device="cpu") | options
    du.fit(network, small, sigma=levels, **options)
    return network.requires_grad_(False)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · One level or many
#
# *About 25 minutes.*
#
# The chapter's shipped network serves every noise level. A network that has to know only $\sigma=0.4$ could spend all its training there. On the other hand, the other levels may teach something that is useful at $0.4$ as well.
#
# **Warm-up, with a pencil.** The levels of the shipped network are drawn from a log-normal distribution: $\log\sigma$ is Gaussian with mean $-1$ and standard deviation 1.2. Which share of its training steps falls between $\sigma=0.2$ and $\sigma=0.8$? ($\Phi(0.65)=0.74$ and $\Phi(-0.51)=0.31$.)
#
# **Predict.** After the same number of steps, which of the two networks has the lower test loss at $\sigma=0.4$, and by what percentage?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the measurement. To compare two networks fairly it must show both the *same* noise, so $\varepsilon$ is an argument. The check then trains two networks of each kind and prints the differences.


# %% nbgrader={"grade": false, "grade_id": "ex05_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def test_loss(network, x, sigma, epsilon):
    """BCE per pixel, in nats, of the reconstructions of x + sigma epsilon: one number.

    x, epsilon: (N, D) or (N, C, H, W). Start from network.logits(x_noisy, sigma).
    """
    ### BEGIN SOLUTION
    logits = network.logits(x + sigma * epsilon, sigma)
    return du.objectives.bce(logits, x).mean().item() / x[0].numel()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
class Echo:
    """Answers with what it was shown, as logits, and remembers the level."""

    def logits(self, x_noisy, sigma=None):
        self.sigma = sigma
        return x_noisy


def compare_losses(x, s, eps, expected):
    echo = Echo()
    found = number(test_loss(echo, x, s, eps))
    assert abs(found - expected) < 1e-3 * expected, (
        f"sigma = {s}: for a network that answers with logits x_noisy you find {found:.4f}, expected "
        f"{expected:.4f} nats a pixel. Is x_noisy = x + sigma epsilon, with the epsilon that was given "
        "and never clamped? Is the loss BCE, and a mean over pixels?"
    )
    assert (numbers(echo.sigma) - s).abs().max() < 1e-3, (
        f"the network was told {echo.sigma}, expected {s}."
    )


x, eps = torch.tensor([[0.0, 1.0, 0.5]]), torch.tensor([[1.0, -2.0, 0.5]])
compare_losses(x, 1.0, eps, 1.1466)
### BEGIN HIDDEN TESTS
x, eps = small_test[:20], epsilon[:20]
for s in (0.4, 3.0):
    r = (x + s * eps).sigmoid()
    compare_losses(x, s, eps, -(x * r.log() + (1 - x) * (1 - r).log()).mean().item())
### END HIDDEN TESTS

gaps = []
for seed in (0, 1):
    one, many = (train(200, many=many, seed=seed) for many in (False, True))
    values = [number(test_loss(network, small_test, 0.4, epsilon)) for network in (one, many)]
    gaps.append(values[1] / values[0] - 1)
print("many levels against one, difference in test loss:", *(f"{gap:+.1%}" for gap in gaps))
assert all(abs(gap) < 0.1 for gap in gaps), (
    "with the same noise for both, the two losses should differ by less than a tenth."
)
print("(a) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex05_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** $\log0.2=-1.61$ and $\log0.8=-0.22$, so in standard deviations the two ends are $-0.51$ and $0.65$. The share is $0.74-0.31=0.43$, somewhat less than half.
#
# **The experiment.** The network for one level is ahead with each seed, by about two per cent of the loss. That is a small price for serving all levels. Most of the loss is floor, so as a share of the *excess* over the floor the difference is larger. A good prediction gives a reason for either side. A half answer gives one number for each network, on different noise, where chance is as large as the difference. With more steps, and with the U-Net of the chapter, the result may change; try it.

# %% [markdown]
# ## (b) · Two ways to another digit
#
# *About 60 minutes; an extra.*
#
# The chapter walks in a straight line from an image $a$ to an image $b$ and adds up the slopes. Go by way of a third image $c$ instead. For a gradient field the sum would be the same. The learned Jacobian is not symmetric, so here it is not. By Green's theorem in the plane of the three images, with $e=c-a$ and $f=b-a$,
# $$\int_{a\to c\to b}\hat s\cdot dr-\int_{a\to b}\hat s\cdot dr=\int_{u,v\ge0,\;u+v\le1}\frac{f^{\mathsf T}Je-e^{\mathsf T}Jf}{\sigma^2}\;du\,dv ,\qquad J\text{ at }a+ue+vf .$$
# **Warm-up, with a pencil.** In the plane take $\hat s(y)=(-y_2,\,y_1)$, $a=(0,0)$, $b=(1,0)$ and $c=(0,1)$. Compute the integral of $\hat s$ along the straight way and along the detour. Then compute the right side; here $J=I+\sigma^2\,\partial\hat s/\partial y$.
#
# **Predict.** Is the difference larger between three digits, or between three noisy copies of one digit?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** both sides: the two integrals, and the integrand on the right. $J$ has $784^2$ entries, but $g^{\mathsf T}J$ takes one backward pass: it is the derivative of $g\cdot R(y)$ with respect to $y$.


# %% nbgrader={"grade": false, "grade_id": "ex05_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def two_ways(denoiser, a, b, c, sigma, points=26):
    """log p_sigma(b) - log p_sigma(a) by the straight path, and by way of c: (N,), (N,)."""
    ### BEGIN SOLUTION
    straight = du.log_density_difference(denoiser, a, b, sigma, points)
    first = du.log_density_difference(denoiser, a, c, sigma, points)
    return straight, first + du.log_density_difference(denoiser, c, b, sigma, points)
    ### END SOLUTION


def curl(denoiser, y, e, f, sigma):
    """(f . J e - e . J f) / sigma^2 at each y, (N,).

    y: (N, C, H, W). e, f: (1, C, H, W). J: of the denoiser at y, entries dR_i / dy_j.
    """
    ### BEGIN SOLUTION
    y = y.detach().requires_grad_()
    R = denoiser(y, sigma)
    (fJ,) = torch.autograd.grad((R * f).sum(), y, retain_graph=True)
    (eJ,) = torch.autograd.grad((R * e).sum(), y)
    return (fJ * e - eJ * f).flatten(1).sum(1) / sigma**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_b_ways_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
A = torch.randn(16, 16, generator=generator)
a, b, c = torch.randn(3, 5, 1, 4, 4, generator=generator)


def turned(x):
    return (x.flatten(1) @ A.T).reshape(x.shape)


def linear(y, sigma):  # its slopes are A y
    return y + sigma**2 * turned(y)


def compare_ways(found, expected):
    for name, values, right in zip(("straight", "detour"), found, expected):
        assert torch.allclose(numbers(values), numbers(right), rtol=1e-3, atol=2e-2), (
            f"for the slopes A y the {name} path gives {number(right[0]):.3f}, "
            f"you find {number(values[0]):.3f}: "
            "the sum is over s = (R(y) - y) / sigma^2, times the way, from a to b."
        )


compare_ways(
    [numbers(values)[:1] for values in two_ways(linear, a, b, c, 0.5)],
    (torch.tensor([-4.1456]), torch.tensor([-7.1857])),
)


### BEGIN HIDDEN TESTS
def line(p, q):  # the exact integral of A y from p to q
    return ((q - p) * turned(p + q)).flatten(1).sum(1) / 2


compare_ways(two_ways(linear, a, b, c, 0.5), (line(a, b), line(a, c) + line(c, b)))
### END HIDDEN TESTS
print("(b) the two ways pass")

# %% nbgrader={"grade": true, "grade_id": "ex05_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
straight, detour = map(numbers, two_ways(linear, a, b, c, 0.5))
parts = [curl(linear, a[i : i + 1], (c - a)[i : i + 1], (b - a)[i : i + 1], 0.5) for i in range(5)]
found = torch.cat([numbers(part).reshape(1) for part in parts])
assert torch.allclose(found / 2, detour - straight, rtol=1e-3, atol=2e-2), (
    f"for the slopes A y the curl is constant, and half of it is detour minus straight, "
    f"{(detour - straight)[0]:.3f}; yours gives {found[0] / 2:.3f}. Mind sigma^2, and which of e and f comes first."
)


def inside(k):
    """u, v, each (k^2,): the centres of k^2 equal triangles that make up the large one."""
    i, j = torch.meshgrid(torch.arange(k), torch.arange(k), indexing="ij")
    upward = torch.stack([i, j], -1)[i + j < k] + 1 / 3
    downward = torch.stack([i, j], -1)[i + j < k - 1] + 2 / 3
    return torch.cat([upward, downward]).T.reshape(2, -1, 1, 1, 1) / k


def right_side(denoiser, a, b, c, sigma, k):
    """Half of the mean curl over each of the triangles a, c, b: (N,)."""
    u, v = inside(k)
    means = []
    for A, B, C in zip(a, b, c):
        e, f = C - A, B - A
        means.append(numbers(curl(denoiser, A + u * e + v * f, e[None], f[None], sigma)).mean() / 2)
    return torch.stack(means)


a, b, c = (du.corruption.gaussian(test[:4], 0.2, generator) for _ in range(3))
straight, detour = map(numbers, two_ways(unet, a, b, c, 0.4))
miss = (right_side(unet, a, b, c, 0.4, 6) - (detour - straight)).norm() / (detour - straight).norm()
assert miss < 0.25, f"for the U-Net, and noisy copies of digits, the two sides differ by {miss:.0%}."
print("(b) passes")

# %% mystnb={"image": {"alt": "Detour minus straight against the integral of the curl, for triangles of noisy copies of one digit and of three digits: all points lie near the diagonal; those of noisy copies near zero, those of three digits spread to more than a nat."}} tags=["nbval-ignore-output"]
trios = {
    "noisy copies of one": (a, b, c),
    "three digits": test[10:25].split(5),
}
fig, ax = plt.subplots(figsize=(4.5, 3.6))
for (name, trio), mark in zip(trios.items(), ["s", "o"]):
    straight, detour = map(numbers, two_ways(unet, *trio, 1.0))
    integral = right_side(unet, *trio, 1.0, 10)
    ax.plot(integral, detour - straight, mark, ms=5, color=LEARNED, label=name,
            mfc="white" if mark == "s" else LEARNED)  # fmt: skip
ax.axline((0, 0), slope=1, color=GREY, lw=1, zorder=0)
ax.set(xlabel="integral of the curl (nats)", ylabel="detour minus straight (nats)")
ax.set_title(r"Digits: the way matters ($\sigma=1$)")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex05_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** On the straight way $y_2=0$ and only $y_1$ changes, so the integral of $-y_2\,dy_1$ is 0. From $a$ to $c$ it is 0 as well. From $c$ to $b$, $y=(s,1-s)$ and $dr=(1,-1)\,ds$, so the integrand is $-(1-s)-s=-1$ and the detour gives $-1$. On the right $e=(0,1)$, $f=(1,0)$; $f^{\mathsf T}Je-e^{\mathsf T}Jf=J_{12}-J_{21}=-2\sigma^2$. Divided by $\sigma^2$ and times the area $\frac12$ that is $-1$.
#
# **The experiment.** The two sides agree. The two ways differ by the antisymmetric part of the Jacobian, added up over the triangle between them. Among noisy copies of one digit this is a tenth of a nat, and between three digits it is about a nat. The triangle of three digits is larger, so there is more curl to collect. Use more points until the integrals settle before you blame the curl. A half answer gives the difference and no reason.

# %% [markdown]
# ## (c) · Another loss, another floor?
#
# *About 35 minutes.*
#
# **Warm-up, with a pencil.** A pixel of the stored digits is 0 or 1, each with probability one half, and the noisy image says nothing about it. What is the lowest BCE that a network can reach on it, and what is the lowest squared error? What do the two lowest values become if the pixel is always 0.6?
#
# **Predict.** Train with the squared error in place of BCE. Where does the floor of the *BCE* on the training digits move to? And where do you expect the BCE of a network that was trained with the squared error: above, below or on that of the other?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** both measurements, in nats per pixel: the BCE of any reconstruction, also of one that leaves $(0,1)$, as a network without a sigmoid may; and the least BCE that *any* network can have, if the data are finitely many images, the atoms, all equally probable.


# %% nbgrader={"grade": false, "grade_id": "ex05_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nats(r, x):
    """BCE per pixel of reconstructions r of x, both (N, ...): one number. Bring r into [1e-4, 1 - 1e-4] first."""
    ### BEGIN SOLUTION
    return du.objectives.bce(r.clamp(1e-4, 1 - 1e-4).logit(), x).mean().item() / x[0].numel()
    ### END SOLUTION


def least(x_noisy, sigma, atoms):
    """The least expected BCE per pixel, given these x_noisy (N, D), if the data are the atoms (M, D): one number.

    All in float64. Use du.from_points(atoms). To within a relative error of 0.001.
    """
    ### BEGIN SOLUTION
    best = du.from_points(atoms).posterior_mean(x_noisy, sigma).clamp(0, 1)  # rounding may leave [0, 1]
    # BCE is linear in the target, so its expectation at the posterior mean is the entropy there.
    return du.objectives.entropy(best).mean().item() / best.shape[1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_c_nats_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(1)
x = torch.rand(50, 1, 4, 4, generator=generator, dtype=torch.float64)
found = number(nats(torch.full_like(x, 0.5), x))
assert abs(found - math.log(2)) < 1e-3, (
    f"a grey reconstruction, 1/2 everywhere, costs log 2 = 0.693 nats a pixel whatever x is; you find {found:.3f}."
)
found = number(nats(x + torch.where(x > 0.5, 2.0, -2.0), x.round()))
assert 0 < found < 0.01, (
    f"r = -2 and 3 count as black and white; for such x you find {found}, expected nearly 0."
)
print("(c) the loss passes")


# %% nbgrader={"grade": true, "grade_id": "ex05_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def compare_least(noisy, s, atoms, expected):
    found = number(least(noisy, s, atoms))
    assert abs(found - expected) < 1e-3 * expected, (
        f"sigma = {s}: you say {found:.4f} nats a pixel; the posterior mean has an expected BCE of {expected:.4f}, "
        "and nothing is better. What is unknown is x given x_noisy: a mean, then its entropy, in this order."
    )


# two images of one pixel, black and white; the noisy pixel lies in the middle
one_pixel = torch.tensor([[0.0], [1.0]]).double()
compare_least(torch.tensor([[0.5]]).double(), 0.3, one_pixel, 0.6931)
### BEGIN HIDDEN TESTS
atoms = torch.rand(12, 9, generator=generator, dtype=torch.float64)
for s in (0.1, 0.5, 3.0):
    noisy = du.corruption.gaussian(atoms[:6], s, generator)
    weights = du.from_points(atoms).smooth(s).responsibilities(noisy)  # P(atom given x_noisy), (6, 12)
    r = weights @ atoms
    costs = -(r.log() @ atoms.T + (1 - r).log() @ (1 - atoms).T)  # of r where the truth is each atom
    compare_least(noisy, s, atoms, ((weights * costs).sum(1).mean() / 9).item())
### END HIDDEN TESTS

few, flat = images[:50], images.flatten(1).double()
noisy = du.corruption.gaussian(few, 0.4, generator)
floor = number(least(noisy.flatten(1).double(), 0.4, flat))
for network in (unet, edm):
    found = number(nats(network(noisy, 0.4), few))
    assert found > floor, f"a network lies at {found:.3f}, under the floor of {floor:.3f}: one is wrong."
print("(c) passes")

# %% mystnb={"image": {"alt": "BCE per pixel against noise level on training digits, for the network trained with BCE, the network trained with the squared error, and the floor: the two networks lie close together, both above the floor, which they near at large noise."}} tags=["nbval-ignore-output"]
levels = [0.4, 0.8, 1.6, 3.2]
curves = {"trained with BCE": [], "trained with squared error": [], "floor of the training set": []}
for s in levels:
    noisy = du.corruption.gaussian(few, s, generator)
    values = (
        number(nats(unet(noisy, s), few)),
        number(nats(edm(noisy, s), few)),
        number(least(noisy.flatten(1).double(), s, flat)),
    )
    for values_so_far, value in zip(curves.values(), values):
        values_so_far.append(value)
fig, ax = plt.subplots(figsize=(6.5, 3))
for (name, values), style, color in zip(curves.items(), ["-", ":", "-"], [LEARNED, LEARNED, EXACT]):
    du.plotting.curve(ax, levels, values, label=name, ls=style, color=color)
ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylabel="BCE per pixel (nats)", ylim=(0, None))
ax.set_xticks(levels, levels)
ax.minorticks_off()
ax.set_title("Two losses, one floor")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex05_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The best answer to the coin is $\frac12$. Its BCE is $\log2=0.693$ nats and its squared error $\frac14$. To the pixel that is always 0.6 the best answer is 0.6. Its BCE is $h(0.6)=0.673$ although nothing is in doubt, and its squared error is 0.
#
# **The experiment.** The line does not move. It belongs to the data and the noise, and does not depend on how a network was trained. The two losses have the same optimum, so the network trained with squared error comes to nearly the same BCE. It lies slightly higher. Squared error cares less about pixels near black, where a small error costs much in nats and little in squares ([chapter 08](../08-bce-or-mse.ipynb)). The trap is to plot a squared error on an axis of nats: it would lie far *below* the floor and mean nothing. Beware of the order, first the mean, then its entropy: the entropy of the clean digits leaves out the doubt about which digit it was.

# %% [markdown]
# ## (d) · How many steps is an optimiser worth?
#
# *About 30 minutes.*
#
# Train the small network with `optimiser="adam"` in place of Muon. How many times as many steps does it need for the same test loss? Each number of steps needs its own training, since the learning rate falls to 0 along a cosine. To be fair to Adam, tune its learning rate first.
#
# **Warm-up, with a pencil.** A test loss falls from 0.5 at 100 steps to 0.4 at 200 and 0.3 at 400. It is a straight line in the logarithm of the steps. At how many steps does it pass 0.35?
#
# **Predict** the ratio.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the reading of the curves: where does the first of them reach the target? Then change the rates in the cell after the check, and see how much the ratio depends on them.


# %% nbgrader={"grade": false, "grade_id": "ex05_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steps_needed(curves, target):
    """The least number of steps with which any of the curves has a loss of at most target; math.inf if none has.

    curves: {learning rate: [(steps, loss), ...]}, steps rising. Between two points the loss is a straight line
    in the logarithm of the steps. A curve whose first loss is at most target needs its first number of steps.
    To within a relative error of 0.001.
    """
    ### BEGIN SOLUTION
    found = [math.inf]
    for curve in curves.values():
        if curve[0][1] <= target:
            found.append(curve[0][0])
        for (n, high), (m, low) in zip(curve, curve[1:]):
            if low <= target < high:
                share = (high - target) / (high - low)
                found.append(n * (m / n) ** share)
    return min(found)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
slow = [(100, 0.5), (200, 0.4), (400, 0.3)]  # falls by 0.1 with each doubling


def near(found, expected):
    return found == expected or abs(found - expected) < 1e-3 * expected


found = number(steps_needed({0.01: slow}, 0.35))
assert near(found, 282.84), (
    f"halfway from 200 to 400 steps in the logarithm is 282.8, you say {found:.1f}: "
    "the loss is a straight line in log(steps)."
)
found = number(steps_needed({0.001: [(100, 0.6), (400, 0.5)], 0.01: slow}, 0.5))
assert near(found, 100), (
    f"the second rate starts at the target, with 100 steps; you say {found:.1f}: try all rates."
)
found = number(steps_needed({0.01: slow}, 0.2))
assert found == math.inf, f"a target that no curve reaches needs math.inf steps; you say {found}."
### BEGIN HIDDEN TESTS
found = number(steps_needed({0.01: [(100, 0.5), (200, 0.3), (400, 0.4), (800, 0.2)]}, 0.3))
assert near(found, 200), f"the first time counts: 200 steps, you say {found:.1f}."
found = number(steps_needed({0.01: slow, 0.001: [(50, 0.6), (150, 0.3)]}, 0.45))
assert near(found, 50 * 3**0.5), f"the quicker of two rates counts; you say {found:.1f}."
### END HIDDEN TESTS
print("(d) passes")

# %% mystnb={"image": {"alt": "Test loss against training steps for Adam at two learning rates, each number of steps a training of its own, and one point for Muon at 200 steps. Adam with the larger rate reaches Muon's loss between 200 and 400 steps, with the smaller rate not at all."}} tags=["nbval-ignore-output"]
lengths, rates = [50, 100, 200, 400], (2e-3, 1e-2)  # try others


def adam_loss(steps, lr):
    network = train(steps, optimiser="adam", lr=lr)
    return number(test_loss(network, small_test, 0.4, epsilon))


adam = {lr: [(steps, adam_loss(steps, lr)) for steps in lengths] for lr in rates}
muon = number(test_loss(train(200), small_test, 0.4, epsilon))
fig, ax = plt.subplots(figsize=(6.5, 3))
for (lr, curve), style in zip(adam.items(), ["-", ":"]):
    du.plotting.curve(ax, *zip(*curve), label=f"Adam, rate {lr:g}", color=LEARNED, ls=style)
ax.plot(200, muon, "*", ms=12, color=INK, label="Muon")
ax.axhline(muon, color=GREY, lw=0.8, ls="--")
ax.set(xscale="log", xlabel="steps", ylabel="test BCE per pixel (nats)")
ratio = number(steps_needed(adam, muon)) / 200
ax.set_title(f"Adam needs {ratio:.1f} times as many steps")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex05_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** 0.35 lies halfway between 0.4 and 0.3, so halfway in the logarithm: $\sqrt{200\cdot400}=283$ steps.
#
# **The experiment.** Adam needs about one and a half times the steps here, with the better of two rates. With the worse rate it does not get there at all within the lengths tried, so a comparison at one rate says more about the rate than about the optimiser. A step of Muon costs more time than one of Adam, above all on so small a network; count steps and seconds apart. A half answer is one curve each at one rate, or a single long run read along the way, whose learning rate had not fallen yet.

# %% [markdown]
# ## (e) · Along an eigenvector
#
# *Core exercise, about 35 minutes.*
#
# The leading eigenvector of the Jacobian is a direction in which the digit may vary. Move the *noisy* image along it, by $t$ in pixel units, and ask the network again.
#
# **Warm-up, with a pencil.** One pixel is 0 or 1 with equal odds and $\sigma=0.3$, so that $R^*(y)=\mathrm{sigmoid}\big((2y-1)/2\sigma^2\big)$. By which factor is a tiny move of $y$ multiplied at $y=\frac12$? And a move by $t=1$, from $\frac12$ to $\frac32$?
#
# **Predict.** On a digit, by which factor is a small move multiplied? Is the factor at $t=\pm8$ the same, larger or smaller? What comes back of a move in a random direction?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the direction, from the symmetric part of $J$, and the network's replies.


# %% nbgrader={"grade": false, "grade_id": "ex05_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leading(J, shape):
    """The largest eigenvalue of the symmetric part of J (D, D), and its unit eigenvector in this shape.

    shape: (1, C, H, W), of D entries. Returns a number and a tensor; relative error at most 0.001.
    """
    ### BEGIN SOLUTION
    values, vectors = torch.linalg.eigh((J + J.mT) / 2)  # rising eigenvalues
    return values[-1].item(), vectors[:, -1].reshape(shape)
    ### END SOLUTION


def replies(denoiser, y, direction, moves, sigma):
    """R(y + t direction) for each t of the list moves, (len(moves), C, H, W). y, direction: (1, C, H, W)."""
    ### BEGIN SOLUTION
    return denoiser(torch.cat([y + t * direction for t in moves]), sigma)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_e_leading_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def compare_leading(J, shape, top):
    value, direction = leading(J, shape)
    value, v = number(value), numbers(direction)
    assert v.shape == shape, f"the direction has shape {tuple(v.shape)}, expected {shape}."
    v, even = v.flatten(), numbers(J + J.mT) / 2
    assert abs(v.norm() - 1) < 1e-3, f"the direction has length {v.norm():.3f}, expected 1."
    assert (even @ v - value * v).norm() < 5e-3 * abs(value), (
        "this is not an eigenvector of the symmetric part, (J + J^T) / 2: "
        "torch.linalg.eigh reads only one half of a matrix."
    )
    assert abs(value - top) < 1e-2 * top, f"your eigenvalue is {value:.3f}, the largest is {top:.3f}."


compare_leading(torch.tensor([[1.0, 4.0], [0.0, 1.0]]), (1, 1, 1, 2), 3.0)
### BEGIN HIDDEN TESTS
generator = torch.Generator().manual_seed(3)
twist, spread = torch.randn(2, 9, 9, generator=generator)
top = torch.linalg.matrix_norm(spread, 2).item() ** 2
compare_leading(spread @ spread.T + 5 * (twist - twist.T), (1, 1, 3, 3), top)
### END HIDDEN TESTS
print("(e) the direction passes")

# %% nbgrader={"grade": true, "grade_id": "ex05_e_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(3)
y = du.corruption.gaussian(test[1:2], 0.4, generator)
value, direction = leading(du.jacobian(unet, y, 0.4), y.shape)
value, direction = number(value), numbers(direction).float()
chance = torch.randn(y.shape, generator=generator)
chance /= chance.norm()


def factor(direction, t):
    """Gain of the network along the direction for a move of size t."""
    there, here = numbers(replies(unet, y, direction, [t, 0.0], 0.4))
    return ((there - here) * direction[0]).sum().item() / t


found = factor(direction, 0.02)
assert abs(found / value - 1) < 0.2, (
    f"a move by t = 0.02 comes back multiplied by {found:.2f}, the eigenvalue is {value:.2f}: "
    "the replies are R(y + t direction), at this sigma."
)
assert factor(chance, 0.02) < value / 2, (
    "a random direction must be damped far more than the leading one."
)
assert factor(direction, 8.0) < 0.6 * value, "a long move must come back multiplied by less."
print(f"gain at t = 0.02: {found:.2f}, at 1: {factor(direction, 1.0):.2f}, ", end="")
print(f"at 8: {factor(direction, 8.0):.2f}; random direction at 8: {factor(chance, 8.0):.2f}")
print("(e) passes")

# %% mystnb={"image": {"alt": "Two strips of seven reconstructions of one digit, the noisy image moved by minus 8 to 8: along the leading eigenvector the digit changes its strokes, along a random direction of the same length it stays the same."}}
moves = [-8.0, -4.0, -1.0, 0.0, 1.0, 4.0, 8.0]
rows = [numbers(replies(unet, y, way, moves, 0.4)) for way in (direction, chance)]
du.plotting.show_images(rows, ["eigenvector", "random"], [f"t = {t:+g}" for t in moves])
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex05_e_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The derivative of $R^*$ is $R^*(1-R^*)/\sigma^2$, which is $0.25/0.09=2.8$ at $y=\frac12$. A move by 1 leads to $\mathrm{sigmoid}(2/0.18)=0.99999$, so the answer moves by 0.5: the factor has fallen from 2.8 to 0.5, because the answer cannot get whiter than white.
#
# **The experiment.** A small move comes back multiplied by about the eigenvalue, here above 1. The network *adds* to what it sees: in this direction the clean image is more uncertain than the noise alone could explain, and a small hint tips the balance between alternatives. A random direction nearly vanishes, because the network takes it for noise. The linear picture ends early. At $t=1$ the factor has fallen a little, and at 8 it is a fraction of what it was: once the stroke is open or closed there is nothing to add. A half answer shows the strip without the random direction, or multiplies by the eigenvalue all the way.
