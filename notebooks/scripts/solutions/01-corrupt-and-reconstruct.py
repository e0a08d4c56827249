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
# # 01 · Exercises: corrupt and reconstruct
#
# For [chapter 01](../01-corrupt-and-reconstruct.ipynb). Needed: expectations, the derivative of a logarithm. About 40 minutes; the code takes seconds.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

du.plotting.use_style()
images, _ = du.digits("train")
test_images, _ = du.digits("test")

# %% [markdown]
# ## (a) · Three times the noise of everything
#
# At $\sigma=3$ the noise on each pixel is three times as large as the step from black to white. Predict what a network trained there will answer, before you train it: suppose that it gives nearly the *same* image for every
# input. Which one? Write the image that is best under BCE if one answer must do for all digits. It may use the training images.
#
# The next cell trains the network of the chapter at $\sigma=3$; the check compares your image with its answers.


# %%
def train_dae(images, sigma, steps=300, batch=128, lr=2e-3, seed=0):
    """The network and the loop of chapter 01, with a few steps less."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *[nn.Flatten(), nn.Linear(784, 256), nn.SiLU(), nn.Linear(256, 64), nn.SiLU()],
        *[nn.Linear(64, 256), nn.SiLU(), nn.Linear(256, 784), nn.Unflatten(1, (1, 28, 28))],
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    for _ in range(steps):
        x = images[torch.randint(len(images), (batch,))]
        x_noisy = x + sigma * torch.randn_like(x)
        loss = F.binary_cross_entropy_with_logits(network(x_noisy), x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network


dae = train_dae(images, 3.0)
noisy = du.corruption.gaussian(test_images, 3.0, torch.Generator().manual_seed(0))
with torch.no_grad():
    reconstructed = dae(noisy).sigmoid()


# %% nbgrader={"grade": false, "grade_id": "ex01_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predicted_reconstruction(images):
    """The one image, of shape (1, 28, 28), that you expect for every input at sigma = 3.

    images: the training images, (N, 1, 28, 28), values in [0, 1].
    """
    ### BEGIN SOLUTION
    return images.mean(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
prediction = predicted_reconstruction(images)
assert prediction.shape == (1, 28, 28), (
    f"one image has the shape (1, 28, 28); the prediction has {tuple(prediction.shape)}"
)
same_for_all = prediction.clamp(0.001, 0.999).expand_as(test_images)
bce_network = F.binary_cross_entropy(reconstructed, test_images).item()
bce_predicted = F.binary_cross_entropy(same_for_all, test_images).item()
assert bce_predicted < 1.15 * bce_network, (
    f"your image has a BCE of {bce_predicted:.3f} a pixel, the network only {bce_network:.3f}: "
    "which constant is the best answer under BCE for one pixel, if the pixel is 0.2 in half of the images and 0.8 in the others?"
)
distance = (reconstructed.mean(0) - prediction).square().mean().sqrt().item()
assert distance < 0.05, (
    f"the network's average answer is {distance:.2f} a pixel away from your image: BCE asks for the mean"
)
print("(a) passes")

# %% mystnb={"image": {"alt": "Rows of the same ten digits: clean, lost in noise of standard deviation 3, and reconstructed: grey blots that differ a little from digit to digit, all close to the mean digit, which the last row repeats."}} tags=["discussion"]
rows = [test_images[:10], noisy[:10], reconstructed[:10], prediction.expand(10, -1, -1, -1)]
du.plotting.show_images(rows, ["clean x", "σ = 3", "R(x̃)", "predicted"])
plt.show()

# %% [markdown] tags=["discussion"]
# The answers are nearly the mean digit. Given so noisy an image, the digits that may be behind it are nearly all digits: the posterior is close to the prior, and its mean close to the mean of the data. BCE asks for that mean.
# "Grey" is half an answer: a constant grey of one half costs $\log 2\approx0.69$ a pixel, the mean digit well under half of that. Nearly is not quite: 784 noisy pixels together still say a little about a digit, whether it is
# upright or round, and the network uses it. Its BCE is a few per cent lower.

# %% [markdown]
# ## (b) · The same figure with squared error
#
# The chapter draws the expected BCE against the answer $r$ for three targets of mean 0.6: always 0.6; 1 with probability 0.6 and else 0; uniform on $[0.2,1]$. There it is one curve. Predict first: with the squared error $E(x-r)^2$, is it one curve again?
# Where are the minima, and how high?
#
# Write the expected squared error for a target of which only mean and variance are known, then the three floors.


# %% nbgrader={"grade": false, "grade_id": "ex01_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_squared_error(r, mean, variance):
    """E(x - r)^2 for a target x of this mean and variance; r: a number or a tensor."""
    ### BEGIN SOLUTION
    return (r - mean) ** 2 + variance
    ### END SOLUTION


def floors():
    """The least expected squared errors: of (always 0.6, 1 or 0, uniform on [0.2, 1])."""
    ### BEGIN SOLUTION
    return 0.0, 0.6 * 0.4, 0.8**2 / 12
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
u = torch.rand(200_000, generator=generator, dtype=torch.float64)
targets = {
    "always 0.6": torch.full_like(u, 0.6),
    "1 with probability 0.6, else 0": (u < 0.6).double(),
    "uniform on [0.2, 1]": 0.2 + 0.8 * u,
}
r = torch.linspace(0, 1, 101, dtype=torch.float64)
for (name, x), floor in zip(targets.items(), floors()):
    drawn = torch.stack([(x - r_i).square().mean() for r_i in r])
    written = expected_squared_error(r, x.mean(), x.var(correction=0))
    gap = (drawn - written).abs().max().item()
    assert gap < 1e-6, (
        f"{name}: your curve is up to {gap:.3f} away from the mean over 200,000 draws. "
        "Write x - r = (x - mean) + (mean - r) and expand the square: which terms are left?"
    )
    least = drawn.min().item()
    assert abs(floor - least) < 0.002, (
        f"{name}: the least error over draws is {least:.3f}, your floor {floor:.3f}. "
        "At r = mean only the variance of the target is left"
    )
print("(b) passes")

# %% mystnb={"image": {"alt": "Expected squared error against the answer r for three targets with mean 0.6: three equal parabolas, all with their minimum at 0.6, at the heights 0, 0.053 and 0.24."}} tags=["discussion"]
fig, ax = plt.subplots()
for name, floor, style in zip(targets, floors(), ["-", "--", ":"]):
    ax.plot(r, expected_squared_error(r, 0.6, floor), style, lw=2.5, label=f"target {name}")
ax.set(xlabel="answer r", ylabel="expected squared error", title="One minimum, three floors")
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# Three curves, one place: $E(x-r)^2=(r-0.6)^2+\operatorname{Var}x$, so the minimum is at the mean whatever the target, and its height is the variance: 0, 0.24 and $0.64/12\approx0.053$. A half answer has the place only.
# BCE draws *one* curve because it is linear in the target: only the mean can enter. The squared error is quadratic, so the second moment enters too, but only as a height that no answer can change. So both losses ask for the posterior mean.

# %% [markdown]
# ## (c) · Targets outside [0, 1]
#
# Data are sometimes scaled to $[-1,1]$, or carry outliers. Let a pixel have targets $x$ with mean $m$, and let the network answer with the logit $a$, $r=\operatorname{sigmoid}(a)$. Work out by hand the slope of the expected BCE in $a$. Then say, from the slope alone, for which
# targets the expected loss is *bounded below*. Careful: some targets may lie outside $[0,1]$ without harm.


# %% nbgrader={"grade": false, "grade_id": "ex01_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def slope(a, m):
    """d/da of E[BCE(sigmoid(a), x)] for targets of mean m; a: a tensor of logits."""
    ### BEGIN SOLUTION
    return torch.sigmoid(a) - m
    ### END SOLUTION


def bounded_below(targets):
    """True if the expected BCE has a lower bound, over all answers, for these targets (N,)."""
    ### BEGIN SOLUTION
    m = targets.mean().item()
    return 0 <= m <= 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
a = torch.linspace(-6, 6, 49, dtype=torch.float64, requires_grad=True)
for m in (0.0, 0.3, 0.6, 1.0, 1.2, -0.4):
    loss = -m * F.logsigmoid(a) - (1 - m) * F.logsigmoid(-a)
    (exact,) = torch.autograd.grad(loss.sum(), a)
    gap = (slope(a, m) - exact).abs().max().item()
    assert gap < 1e-9, (
        f"m = {m}: your slope is up to {gap:.3f} away from PyTorch's. Use d r / d a = r (1 - r), and simplify"
    )
cases = {
    "all in [0, 1]": [0.1, 0.9],
    "always black": [0.0, 0.0],
    "one outlier, mean inside": [0.2, 0.3, 1.3],
    "mean above 1": [0.9, 1.3],
    "scaled to [-1, 1], mostly black": [-1.0, -1.0, 1.0],
}
far = torch.tensor([-200.0, 200.0], dtype=torch.float64)
for name, values in cases.items():
    x = torch.tensor(values, dtype=torch.float64)
    loss = F.binary_cross_entropy_with_logits(
        far[:, None].expand(2, len(x)), x.expand(2, -1), reduction="none"
    )
    is_bounded = bool(loss.mean(1).min() > -1)
    assert bool(bounded_below(x)) == is_bounded, (
        f"{name}, targets {values}: the expected BCE at a = -200 and 200 is {loss.mean(1).tolist()}, so it is "
        f"{'bounded' if is_bounded else 'not bounded'} below; look at the sign of the slope far out: it depends on the mean of the targets"
    )
print("(c) passes")

# %% mystnb={"image": {"alt": "Expected BCE against the logit for mean targets 0.6, 1 and 1.2: the first has a minimum, the second falls to 0 and stays there, the third goes down along a straight line without end."}} tags=["discussion"]
a = torch.linspace(-4, 12, 200)
fig, ax = plt.subplots()
for m, style in [(0.6, "-"), (1.0, "--"), (1.2, ":")]:
    ax.plot(a, -m * F.logsigmoid(a) - (1 - m) * F.logsigmoid(-a), style, lw=2.5, label=f"mean target {m}")
ax.axhline(0, color="gray", lw=0.8)
ax.set(xlabel="logit a", ylabel="expected BCE (nats)", title="A mean target above 1: no floor")
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# The slope is $\operatorname{sigmoid}(a)-m$. For $0<m<1$ it changes sign at the minimum. For $m>1$ it is negative everywhere and tends to $1-m<0$: the loss falls along a line for ever, below 0. For $m=0$ and $m=1$ the loss tends to 0 and never reaches it. "It becomes negative" is half an answer: what counts is that it goes on.
# It is the *mean* target, given the input, that must lie in $[0,1]$; single outliers do no harm while their mean is inside. PyTorch does not complain in any of these cases. Chapter 09 comes back to this.
