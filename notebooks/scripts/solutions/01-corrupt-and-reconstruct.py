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
# For [chapter 01](../01-corrupt-and-reconstruct.ipynb). You need expectations and the derivative of a logarithm. The three exercises take about 60 minutes; exercise (b) is the core one. The code takes under a minute.
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
from torch.nn import functional as F

du.plotting.use_style()
images, _ = du.digits("train")
test_images, _ = du.digits("test")


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · More noise than image
#
# *About 20 minutes.*
#
# At $\sigma=3$ the noise in each pixel is three times as large as the step from black to white. What will a network answer that is trained at this level?
#
# **Warm-up, with a pencil.** For one black-or-white pixel the chapter finds the best answer $R^*(y)=\mathrm{sigmoid}\big((2y-1)/2\sigma^2\big)$. Let $\sigma=3$. Compute $R^*(0.6)$, then $R^*(3.6)$. What is the best answer of somebody who has not seen $y$ at all? How much does seeing $y$ change it?
#
# **Predict.** Suppose that the trained network gives nearly the *same* image for every input. Which image?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# Write the image that is best under BCE if one answer must do for all digits. You may use the training images. The next cell trains the chapter's network at $\sigma=3$, so that the check can compare your image with the network's answers.


# %%
def train_dae(images, sigma, steps=300, batch=128, lr=2e-3, seed=0):
    """The network and the loop of chapter 01, with fewer steps."""
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
    """The one image, (1, 28, 28), that you expect for every input; to within 0.02 per pixel.

    images: the training images, (N, 1, 28, 28), values in [0, 1].
    """
    ### BEGIN SOLUTION
    return images.mean(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
prediction = numbers(predicted_reconstruction(images)).float()
assert prediction.shape == (1, 28, 28), (
    f"one image has the shape (1, 28, 28); the prediction has {tuple(prediction.shape)}"
)
three = torch.tensor([0.2, 0.2, 0.8]).view(3, 1, 1, 1).expand(3, 1, 28, 28)  # three grey images
answer = numbers(predicted_reconstruction(three)).mean().item()
assert abs(answer - 0.4) < 0.02, (
    f"given three grey images of brightness 0.2, 0.2 and 0.8, the best answer is 0.4; yours is {answer:.3f}. "
    "What does the chapter say about a pixel with several possible values?"
)
same_for_all = prediction.clamp(0.001, 0.999).expand_as(test_images)
bce_network = F.binary_cross_entropy(reconstructed, test_images).item()
bce_predicted = F.binary_cross_entropy(same_for_all, test_images).item()
assert bce_predicted < 1.15 * bce_network, (
    f"your image costs {bce_predicted:.3f} nats per pixel, the network's answers {bce_network:.3f}: "
    "a single image can come within 15 per cent of that"
)
### BEGIN HIDDEN TESTS
distance = (prediction - images.mean(0)).square().mean().sqrt().item()
assert distance < 0.02, (
    f"your image is {distance:.3f} per pixel away from the best one: BCE asks for the mean of the images"
)
few = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0)) ** 3
distance = (numbers(predicted_reconstruction(few)) - few.mean(0)).square().mean().sqrt().item()
assert distance < 0.02, (
    f"given seven random images, your answer is {distance:.3f} per pixel away from the best answer"
)
### END HIDDEN TESTS
print("(a) passes")

# %% mystnb={"image": {"alt": "Rows of the same ten digits: clean, lost in noise of standard deviation 3, and reconstructed: grey blots that differ from digit to digit. The last row repeats the predicted image, which looks much like them."}}
rows = [test_images[:10], noisy[:10], reconstructed[:10], prediction.expand(10, -1, -1, -1)]
du.plotting.show_images(rows, ["clean x", "σ = 3", "R(x̃)", "your image"])
plt.show()

# %% tags=["nbval-ignore-output"]
apart = (reconstructed - prediction).square().mean().sqrt().item()
between = (test_images - prediction).square().mean().sqrt().item()
print(f"BCE per pixel: your image {bce_predicted:.3f}, the network {bce_network:.3f}")
print(
    f"root mean square distance from your image: the network's answers {apart:.3f}, real digits {between:.3f}"
)

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex01_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** $R^*(0.6)=\mathrm{sigmoid}(0.2/18)=0.503$ and $R^*(3.6)=\mathrm{sigmoid}(6.2/18)=0.585$. Without $y$ the best answer is 0.5, the mean of the two colours. A noisy value that lies a full 3 above the other one moves the answer by only 0.08.
#
# **The experiment.** The network's answers resemble the mean digit: the cell above finds them about a third as far from it as real digits are. Given such a noisy image, many different digits remain possible. Their posterior mean is therefore much closer to the plain mean of the data than a digit is, and BCE asks for that mean. "Grey" is half an answer: the constant grey of one half costs $\log 2\approx0.69$ nats per pixel, and the mean digit costs well under half of that.
#
# Close is not equal. The 784 noisy pixels together still say a little about the digit, for example whether it is round or upright, and the network uses a part of this. Its BCE is about 7 per cent lower than that of the mean digit.

# %% [markdown]
# ## (b) · The same figure with squared error
#
# *Core exercise, about 20 minutes.*
#
# Figure 1.5 draws the expected BCE against the answer $r$ for three targets of mean 0.6. The first is always 0.6, the second is 1 with probability 0.6 and otherwise 0, and the third is uniform on $[0.2,1]$. All three give one and the same curve.
#
# **Warm-up, with a pencil.** Take the chapter's pixel at $\sigma=0.3$ that arrives as 0.6. Given that value, it was white with probability 0.752 and black otherwise. Compute the expected squared error of three answers: 0.752, 1 (the likelier colour) and 0.5. Then compute the expected BCE of the answers 0.752 and 0.99. Which answer wins under each loss?
#
# **Predict.** Draw Figure 1.5 again with the squared error $E(x-r)^2$. Is it one curve again? Where are the minima, and how high are they?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# Write the expected squared error for a target of which you know only the mean and the variance. Then give the smallest expected squared error for each of the three targets.


# %% nbgrader={"grade": false, "grade_id": "ex01_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_squared_error(r, mean, variance):
    """E(x - r)^2, to within 1e-4, for a target x with this mean and variance.

    r: a number, or a tensor of numbers, which gives a tensor of the same shape.
    """
    ### BEGIN SOLUTION
    return (r - mean) ** 2 + variance
    ### END SOLUTION


def floors():
    """The three smallest expected squared errors, to within 0.002.

    In this order: the target that is always 0.6, the one that is 1 or 0, the uniform one.
    """
    ### BEGIN SOLUTION
    return 0.0, 0.6 * 0.4, 0.8**2 / 12
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_b_curve_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
u = torch.rand(200_000, generator=generator, dtype=torch.float64)
targets = {
    "always 0.6": torch.full_like(u, 0.6),
    "1 with probability 0.6, else 0": (u < 0.6).double(),
    "uniform on [0.2, 1]": 0.2 + 0.8 * u,
}
answers = torch.linspace(0, 1, 21, dtype=torch.float64)
for name, x in targets.items():
    drawn = torch.stack([(x - r).square().mean() for r in answers])
    moments = x.mean().item(), x.var(correction=0).item()
    written = numbers(expected_squared_error(answers, *moments))
    assert written.shape == answers.shape, (
        f"21 answers r ask for 21 errors; you return the shape {tuple(written.shape)}"
    )
    gap = (drawn - written).abs().max().item()
    assert gap < 1e-4, (
        f"{name}: your curve is up to {gap:.3f} away from the mean over 200,000 draws. "
        "Write x - r = (x - mean) + (mean - r) and expand the square: which terms are left?"
    )
### BEGIN HIDDEN TESTS
for r, mean, variance, wanted in [
    (0.25, 0.5, 0.0, 0.0625),
    (1.0, 0.4, 0.2, 0.56),
    (-1.0, 0.5, 2.0, 4.25),
]:
    found = number(expected_squared_error(r, mean, variance))
    assert abs(found - wanted) < 1e-4, (
        f"r = {r}, mean {mean}, variance {variance}: the expected error is {wanted}, you find {found:.4f}. "
        "Expand the square"
    )
### END HIDDEN TESTS
print("(b) the curve passes")

# %% nbgrader={"grade": true, "grade_id": "ex01_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = numbers(floors()).flatten().tolist()
assert len(found) == 3, f"three targets ask for three floors; you give {len(found)}"
for (name, x), floor in zip(targets.items(), found):
    least = min((x - r).square().mean().item() for r in torch.linspace(0, 1, 101).tolist())
    assert abs(floor - least) < 0.002, (
        f"{name}: over 200,000 draws the least error is {least:.3f}, your floor is {floor:.3f}. "
        "What is left of the curve at r = mean?"
    )
print("(b) the floors pass")

# %% mystnb={"image": {"alt": "Expected squared error against the answer r for three targets with mean 0.6: three parabolas of the same shape, each with its minimum at 0.6, at the heights 0, 0.053 and 0.24."}}
r = torch.linspace(0, 1, 101, dtype=torch.float64)
fig, ax = plt.subplots(figsize=(6.2, 3.2))
styles = [("-", "#AAAAAA"), ("--", "#444444"), (":", "#000000")]
for name, floor, (style, colour) in zip(targets, found, styles):
    curve = numbers(expected_squared_error(r, 0.6, floor))
    ax.plot(r, curve, style, color=colour, lw=3, label=name)
ax.set(
    xlabel="answer $r$", ylabel="expected squared error", title="Squared error: three targets of mean 0.6"
)
ax.legend(title="target")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex01_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The squared error of the answer $m=0.752$ is the variance, $0.752\cdot0.248=0.186$. The answer 1 pays 1 whenever the pixel was black, so 0.248 on average, and 0.5 pays 0.25 either way. Under BCE the answer 0.752 costs $h(0.752)=0.560$ nats, and the answer 0.99 costs $-0.752\log0.99-0.248\log0.01=1.15$. Under both losses the mean wins.
#
# **The figure** has three curves with one minimum, because $E(x-r)^2=(r-0.6)^2+\operatorname{Var}x$. The best answer is the mean, whatever the target. The height of the minimum is the variance: 0, 0.24 and $0.64/12\approx0.053$. Whoever gives only the place has half an answer.
#
# BCE draws *one* curve because it is linear in the target, so that nothing but the mean can enter. The squared error is quadratic. The second moment of the target enters, too, but only as a height that no answer can change. Both losses ask for the posterior mean.

# %% [markdown]
# ## (c) · Targets outside [0, 1]
#
# *About 20 minutes.*
#
# Images are sometimes scaled to $[-1,1]$, and some data contain outliers. Let a pixel have targets $x$ with mean $m$. The network answers with the logit $a$, so its reconstruction is $r=\mathrm{sigmoid}(a)$.
#
# **Warm-up, with a pencil.** Let the target be 1.2. Compute the BCE, $-1.2\log r+0.2\log(1-r)$, at $r=0.5$, 0.9, 0.99 and 0.999. From 0.9 on, by how much does it fall each time, when $1-r$ shrinks to a tenth?
#
# **Predict.** For which targets is the expected BCE *bounded below*? Careful: some targets may lie outside $[0,1]$ without harm.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# Work out by hand the slope of the expected BCE in the logit $a$. Then decide, from the slope alone, for which targets the expected loss has a lower bound.


# %% nbgrader={"grade": false, "grade_id": "ex01_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def slope(a, m):
    """d/da of E[BCE(sigmoid(a), x)] for targets of mean m, to within 1e-4.

    a: a tensor of logits; the slopes have its shape. m: a number.
    """
    ### BEGIN SOLUTION
    return torch.sigmoid(a) - m
    ### END SOLUTION


def bounded_below(targets):
    """True if the expected BCE has a lower bound over all answers; targets: a tensor (N,)."""
    ### BEGIN SOLUTION
    return 0 <= targets.mean().item() <= 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01_c_slope_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for a, m, wanted in [(0.0, 0.3, 0.2), (2.0, 1.2, -0.3192)]:
    found = number(slope(torch.tensor(a, dtype=torch.float64), m))
    assert abs(found - wanted) < 1e-4, (
        f"at a = {a} and m = {m} the slope is {wanted}; you find {found:.4f}. "
        "Use the chain rule with dr/da = r (1 - r), and simplify"
    )
### BEGIN HIDDEN TESTS
a = torch.linspace(-6, 6, 49, dtype=torch.float64, requires_grad=True)
for m in (0.0, 0.3, 0.6, 1.0, 1.2, -0.4):
    loss = -m * F.logsigmoid(a) - (1 - m) * F.logsigmoid(-a)
    (exact,) = torch.autograd.grad(loss.sum(), a)
    found = numbers(slope(a.detach(), m))
    assert found.shape == exact.shape, f"49 logits ask for 49 slopes; you return {tuple(found.shape)}"
    gap = (found - exact).abs().max().item()
    assert gap < 1e-4, (
        f"m = {m}: your slope is up to {gap:.3f} away from PyTorch's. Use dr/da = r (1 - r), and simplify"
    )
### END HIDDEN TESTS
print("(c) the slope passes")


# %% nbgrader={"grade": true, "grade_id": "ex01_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def judge(name, values):
    x = torch.tensor(values, dtype=torch.float64)
    far = torch.tensor([-200.0, 200.0], dtype=torch.float64)[:, None].expand(2, len(x))
    loss = F.binary_cross_entropy_with_logits(far, x.expand(2, -1), reduction="none").mean(1)
    is_bounded = bool(loss.min() > -1)
    assert bool(bounded_below(x)) == is_bounded, (
        f"{name}, targets {values}: at a = -200 and a = 200 the expected BCE is {loss.tolist()}, so it is "
        f"{'bounded' if is_bounded else 'not bounded'} below. Which sign has the slope far out on either side?"
    )


judge("all in [0, 1]", [0.1, 0.9])
judge("always black", [0.0, 0.0])
judge("one outlier", [0.2, 0.3, 1.3])
judge("two bright pixels", [0.9, 1.3])
### BEGIN HIDDEN TESTS
judge("always white", [1.0, 1.0, 1.0])
judge("two outliers", [-0.5, 1.5, 0.25, 0.75])
judge("outliers around white", [0.5, 1.5])
judge("scaled to [-1, 1], mostly black", [-1.0, -1.0, 1.0])
judge("scaled to [-1, 1], mostly white", [-1.0, 1.0, 1.0])
judge("median inside, mean outside", [0.5, 0.5, 0.5, 0.5, 4.0])
### END HIDDEN TESTS
print("(c) the bound passes")

# %% mystnb={"image": {"alt": "Expected BCE against the logit for mean targets 0.6, 1 and 1.2: the first has a minimum, the second falls to 0 and stays there, the third goes down along a straight line without end."}}
a = torch.linspace(-4, 12, 200)
fig, ax = plt.subplots(figsize=(6.2, 3.2))
for m, style, colour in [(0.6, "-", "#AAAAAA"), (1.0, "--", "#444444"), (1.2, ":", "#000000")]:
    cost = -m * F.logsigmoid(a) - (1 - m) * F.logsigmoid(-a)
    ax.plot(a, cost, style, color=colour, lw=2.5, label=f"{m}")
ax.axhline(0, color=du.plotting.GREY, lw=0.8)
ax.set(xlabel="logit $a$", ylabel="expected BCE (nats)", title="Which of these curves has a lower bound?")
ax.legend(title="mean target")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex01_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The values are 0.693, $-0.334$, $-0.909$ and $-1.380$. From 0.9 on it falls by 0.576 and by 0.470. The second term alone falls by $0.2\log10=0.461$ each time, and the first tends to 0, so the falls tend to 0.461. Nothing stops them.
#
# **The slope** is $\mathrm{sigmoid}(a)-m$. For $0<m<1$ it changes sign at the minimum. For $m>1$ it is negative everywhere and tends to $1-m<0$, so the loss falls along a straight line for ever. For $m=0$ and $m=1$ the loss tends to 0 and never reaches it. "The loss becomes negative" is half an answer: what counts is that it goes on falling.
#
# So it is the *mean* target, given the input, that must lie in $[0,1]$. Single outliers do no harm while their mean is inside. PyTorch does not complain in any of these cases. Chapter 09 comes back to this.
