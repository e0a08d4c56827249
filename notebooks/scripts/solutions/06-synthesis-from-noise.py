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
# # 06 · Exercises: synthesis from noise
#
# For [chapter 06](../06-synthesis-from-noise.ipynb). You need the chapter, and the counts of modes in [chapter 04](../04-walking-uphill.ipynb). About three hours for all five: (a) 40 minutes, (b) 40, (c) 50 (the core exercise), (d) 25 and (e) 25. The code takes less than a minute.
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
from scipy.sparse.csgraph import connected_components

du.plotting.use_style()
images, _ = du.digits("train")
images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
test, _ = du.digits("test")
mean = images.mean(0, keepdim=True)  # (1, 1, 28, 28)
unet = du.load("digits-unet-bce", device="cpu")
uniform = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def distinct(x, within=1.5):
    """The number of distinct images, as the chapter counts them."""
    apart = torch.cdist(x.flatten(1), x.flatten(1))
    return connected_components(apart.numpy() < within)[0]


# %% [markdown]
# ## (a) · Large noise levels
#
# The shipped U-Net, told $\sigma=1$, makes digits, in ever fewer kinds. Go on to $\sigma=2$ and $5$.
#
# **Warm-up, with a pencil.** Two images lie at the distance $\delta$ from each other, and there are no others. By chapter 04 their two modes merge when $\sigma$ exceeds $\delta/2$. The nearest neighbour of a training digit is typically at the distance 4.7. At about which $\sigma$ would you expect neighbours to merge?
#
# **Predict**, from the count of modes in chapter 04: how many distinct images are left after ten steps, and what do they show?
#
# Uniform noise is weaker than a network that is told $\sigma=2$ expects. So start where its training put the corrupted digits, nearly: at the mean image, plus Gaussian noise of that level. **Write** the start and
# the count.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex06_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def start(mean, sigma, n, generator):
    """n images of Gaussian noise of level sigma about the mean image (1, 1, 28, 28): (n, 1, 28, 28)."""
    ### BEGIN SOLUTION
    return mean + sigma * torch.randn(n, *mean.shape[1:], generator=generator)
    ### END SOLUTION


def counts(denoiser, x, sigma, steps):
    """The number of distinct images after 0, 1, ..., steps plain steps: a list of steps + 1 numbers."""
    ### BEGIN SOLUTION
    path = du.iterate(denoiser, x, steps, sigma, return_path=True)
    return [distinct(x) for x in path]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06_a_start_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
for s in (0.5, 5.0):
    x = start(mean, s, 100, generator)
    assert x.shape == (100, 1, 28, 28), (
        f"the start has shape {tuple(x.shape)}, expected (100, 1, 28, 28)."
    )
    rest = x - mean
    assert abs(rest.std() / s - 1) < 0.02 and rest.mean().abs() < 0.02 * s, (
        f"sigma = {s}: about the mean image your noise has mean {rest.mean():.3f} and standard deviation "
        f"{rest.std():.3f}, expected 0 and {s}: unclamped, and drawn for each pixel of each image."
    )

one = distinct(du.iterate(du.Memoriser(images[:40]), start(mean, 5.0, 80, generator), 5, 5.0))
assert one == 1, f"at sigma = 5 the memoriser has one mode, your starts end in {one} after five steps."
noise = {s: start(mean, s, 60, generator) for s in (1.0, 2.0, 5.0)}
ends = {s: du.iterate(unet, noise[s], 10, s) for s in (1.0, 5.0)}
left = {s: distinct(x) for s, x in ends.items()}
assert left[5.0] <= 3 <= left[1.0], (
    "from your 60 starts the U-Net should leave next to one image at sigma = 5, and more at 1; "
    f"it leaves {left[5.0]} and {left[1.0]}."
)
off = (ends[5.0] - mean).flatten(1).norm(dim=1).max()
assert off < 2.5, f"at sigma = 5 all should end near the mean digit; one is {off:.1f} away."
print("(a) the start passes")

# %% nbgrader={"grade": true, "grade_id": "ex06_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
atoms = images[:40]
noisy = du.corruption.gaussian(atoms, 0.3, generator)
found = counts(du.Memoriser(atoms), noisy, 0.3, 5)
assert len(found) == 6, f"five steps give 6 counts, the start included; you return {len(found)}."
assert list(found) == [40] * 6, (
    f"the memoriser of 40 digits keeps them apart at sigma = 0.3, you count {found}: "
    "pass the images on from step to step, at the same sigma, and count with `distinct`."
)
noisy = du.corruption.gaussian(atoms, 5.0, generator)
ends = counts(du.Memoriser(atoms), noisy, 5.0, 5)[-1]
assert ends == 1, f"at sigma = 5 the memoriser has one mode, you count {ends} after five steps."

noisy = {s: du.corruption.gaussian(images[:60], s, generator) for s in (1.0, 5.0)}
left = {s: counts(unet, x, s, 10) for s, x in noisy.items()}
assert left[5.0][-1] <= 3 <= left[1.0][-1], (
    "from 60 noisy digits the U-Net should leave next to one image at sigma = 5, and more at 1; "
    f"you count {left[5.0][-1]} and {left[1.0][-1]}."
)
print("(a) passes")

# %% mystnb={"image": {"alt": "Three rows of ten images after ten steps: at noise level 1 various digits, at 2 soft strokes, nearly all of them the same, at 5 ten times the blurred mean digit."}}
rows = [du.iterate(unet, x[:10], 10, s) for s, x in noise.items()]
du.plotting.show_images(rows, [f"σ = {s:g}" for s in noise], size=0.5)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex06_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** At $\sigma\approx4.7/2$, about 2.4, or somewhat earlier, because a digit has more than one neighbour. The measurement of the chapter agrees: at $\sigma=1.5$ most training digits are still modes of their own, at 2 hardly any.
#
# At $\sigma=5$ one image is left, and it is nearly the mean digit: $p_\sigma$ is so smooth that it has one hill. At $\sigma=2$ there are one or two, a soft stroke like a one, and not the mean; from 60 starts most have met there after two or three
# steps. From uniform noise it happens in a single step, since all such starts are nearly alike to a network that expects noise of level 2: that is the other reason, and exercise (b) tells the two apart. A half
# answer looks at one level, or at the pictures alone.

# %% [markdown]
# ## (b) · Coming down from too high
#
# A network that is told its noise level offers another way: begin at a large $\sigma$, where it knows noise, and lower $\sigma$ with each step to sharpen the result. From uniform noise, going from $\sigma=1$ to 0.1 in ten steps works. To begin at $\sigma=2$ seems safer still, and it fails.
#
# **Warm-up, with a pencil.** Pixels drawn uniformly from $[0,1]$: what is their standard deviation about $\frac12$? And the root of their mean square about a pixel that is 0 in nearly every digit? There may be two reasons: the landscape at $\sigma=2$ has few
# hills, so all starts are drawn together before the descent begins; and uniform noise is weaker than the network is told.
#
# **Predict** which weighs more. An experiment tells them apart: give the same descent a start that *is* as noisy as it is told.
#
# **Write** the descent, and the strength of a start: the level of Gaussian noise about the mean image that is, per pixel, as far from it in the root of the mean square.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex06_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def anneal(denoiser, x, high, low, steps):
    """One plain step at each of `steps` levels from high down to low, both included, in equal ratios."""
    ### BEGIN SOLUTION
    for i in range(steps):
        x = du.iterate(denoiser, x, 1, high * (low / high) ** (i / (steps - 1)))
    return x
    ### END SOLUTION


def strength(x, mean):
    """The noise level of a start x (N, 1, 28, 28) about the mean image, a float."""
    ### BEGIN SOLUTION
    return (x - mean).square().mean().sqrt().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06_b_descent_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
gaussian = mean + 2 * torch.randn(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))
told = []


def halve(y, sigma):
    told.append(float(sigma))
    return y / 2


end = anneal(halve, torch.ones(1, 1, 4, 4), 2.0, 0.1, 5)
assert len(told) == 5, f"five steps were asked for, the denoiser was called {len(told)} times."
assert abs(told[0] - 2) < 1e-6 and abs(told[-1] - 0.1) < 1e-6, (
    f"the levels run from {told[0]:.3g} to {told[-1]:.3g}, expected from 2 to 0.1, both included."
)
ratios = [b / a for a, b in zip(told, told[1:])]
assert max(ratios) - min(ratios) < 1e-6, (
    f"each level over the one before: {', '.join(f'{r:.3f}' for r in ratios)}; expected equal ratios."
)
assert torch.allclose(end, torch.full_like(end, 1 / 32)), "each step goes on from the one before."

ends = {
    ("uniform", 1.0): anneal(unet, uniform, 1.0, 0.1, 10),
    ("uniform", 2.0): anneal(unet, uniform, 2.0, 0.1, 10),
    ("Gaussian", 2.0): anneal(unet, gaussian, 2.0, 0.1, 10),
}
left = {key: distinct(x) for key, x in ends.items()}
assert left["uniform", 2.0] < 0.6 * min(left["uniform", 1.0], left["Gaussian", 2.0]), (
    f"from uniform noise the descent from 2 should leave far fewer images than the two others; found {left}."
)
print("(b) the descent passes")

# %% nbgrader={"grade": true, "grade_id": "ex06_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for x, low, high in [(gaussian, 1.95, 2.05), (mean + 0.3, 0.29, 0.31), (uniform, 0.45, 0.6)]:
    found = strength(x, mean)
    assert low < found < high, (
        f"a start with a strength between {low} and {high} has {found:.3f} by your measure: "
        "the root of the mean square, over images and pixels, of the difference from the mean image."
    )
print("(b) passes")

# %% mystnb={"image": {"alt": "Three rows of images after ten steps of falling noise level: from uniform noise beginning at 1, varied digits; from uniform noise beginning at 2, nearly the same stroke again and again; from Gaussian noise of level 2 beginning at 2, varied digits again, some of them alike."}}
names = [f"{kind} noise,\nfrom σ = {s:g}" for kind, s in ends]
du.plotting.show_images([x[:10] for x in ends.values()], names, size=0.5)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex06_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** $1/\sqrt{12}=0.29$ about $\frac12$, and $1/\sqrt3=0.58$ about 0: with a digit behind it uniform noise looks like noise of level 0.5 or so, not 2.
#
# Uniform noise has strength 0.5. Told 2, the network takes all 60 starts for one and the same, and gives one image: the descent has nothing left to separate. From Gaussian noise of level 2, through the same levels, most
# images stay distinct. So the wrong noise level does most of the damage. The few hills do the rest: with a few more steps at $\sigma=2$ before the descent, by (a), the starts would have met in any case, and a plain step
# has no noise to part them again. A larger $\sigma$ is safer only if the chain does not stay there and the noise is as strong as the network is told. A half answer is "too blurred".

# %% [markdown]
# ## (c) · Which order?
#
# Two ways down, ten steps each: *plain*, as in (b), and *with noise*, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$ at each level. Do both, one after the other. Which should come last?
#
# **Predict** with a distribution for which everything is known: one Gaussian, $x\sim N(\mu,s^2)$, where $R^*(y)=\mu+c\,(y-\mu)$ with $c=s^2/(s^2+\sigma^2)$. How does a step of each kind change the *variance* of the points? Which order ends nearer to $s^2$?
#
# **Warm-up, with a pencil.** $s=\sigma=1$ and the points have the variance 1. What is their variance after one step without noise, and after one step with noise?
#
# **Write** the descent with and without noise, and your prediction of the variance.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex06_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def descend(denoiser, x, levels, noise, generator):
    """One step at each of the levels, in this order; noise: True with noise before each step, or False."""
    ### BEGIN SOLUTION
    for s in levels:
        if noise:
            x = du.corruption.gaussian(x, s, generator)
        x = denoiser(x, s)
    return x
    ### END SOLUTION


def predicted_variance(v, s, levels, noise):
    """Variance of points that had variance v, after `descend` with R* of the distribution N(mu, s^2), a float."""
    ### BEGIN SOLUTION
    for sigma in levels:
        c = s**2 / (s**2 + sigma**2)
        v = c**2 * (v + sigma**2 if noise else v)
    return v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06_c_descent_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
levels = torch.logspace(0, -1, 10).tolist()  # from 1 to 0.1
generator = torch.Generator().manual_seed(0)
one = du.GaussianMixture([[0.5]], 0.3**2)
x = 0.5 + 0.8 * torch.randn(40_000, 1, generator=generator)
cases = [  # noise, levels, the variance at the end
    (False, levels[5:], 0.02708),
    (True, levels[5:], 0.06422),
    (True, levels[:1], 0.01118),
]
for noise, some, variance in cases:
    found = descend(one.posterior_mean, x, some, noise, generator).var().item()
    assert abs(found / variance - 1) < 0.05, (
        f"noise = {noise}, levels {', '.join(f'{s:.2f}' for s in some)}: points of variance 0.64 should end with the "
        f"variance {variance:.4g}, your descent gives {found:.4g}. Each step goes on from the one before, at its own "
        "level; the noise adds sigma^2 before the step."
    )
    first = (
        descend(one.posterior_mean, torch.full((40_000, 1), 0.5), some[:1], noise, generator).std().item()
    )
    expected = 0.3**2 / (0.3**2 + some[0] ** 2) * some[0] if noise else 0.0
    assert abs(first - expected) < 0.02 * some[0], (
        f"noise = {noise}: points that all start at mu have the standard deviation {first:.3f} after one step, "
        f"expected {expected:.3f}: noise of this level, for each point its own, and then the denoiser."
    )
print("(c) the descent passes")

# %% nbgrader={"grade": true, "grade_id": "ex06_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for noise, some, variance in cases:
    predicted = predicted_variance(0.8**2, 0.3, some, noise)
    assert abs(predicted / variance - 1) < 0.05, (
        f"noise = {noise}, levels {', '.join(f'{s:.2f}' for s in some)}: you predict the variance {predicted:.4g}, "
        f"expected {variance:.4g}. A step multiplies the points by c, hence the variance by c^2; "
        "the noise adds sigma^2 before the step."
    )
noise_last = predicted_variance(predicted_variance(0.25, 0.3, levels, False), 0.3, levels, True)
plain_last = predicted_variance(predicted_variance(0.25, 0.3, levels, True), 0.3, levels, False)
assert plain_last < 0.5 * noise_last < 0.09, (
    "the order with noise last must keep more, yet less than s^2."
)
print("(c) passes")

# %% mystnb={"image": {"alt": "Two rows of ten digits: with noise last, digits of thin and of bold strokes; with the plain steps last, bold crisp digits, some of a kind."}} tags=["nbval-ignore-output"]
generator = torch.Generator().manual_seed(1)
test_features = du.evaluation.features(test)
orders = {"noise last": (False, True), "plain last": (True, False)}
rows = []
for name, (first, second) in orders.items():
    x = descend(unet, descend(unet, uniform, levels, first, generator), levels, second, generator)
    features = du.evaluation.features(x.clamp(0, 1))
    distance = du.evaluation.frechet_between(features, test_features)
    print(f"{name}: Frechet distance {distance:.0f}, total variance {x.var(0).sum():.0f}")
    rows.append(x[:10])
du.plotting.show_images(rows, list(orders), size=0.5)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex06_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** $c=\frac12$. Without noise $\frac14$; with noise $\frac14(1+1)=\frac12$.
#
# For one Gaussian a plain step takes the variance $v$ to $c^2v$, one with noise to $c^2(v+\sigma^2)$. A plain descent therefore ends almost in a point, whatever came before: an ascent gathers. A descent with noise forgets, too, but ends with a
# spread, though less than $s^2$, since each step answers with a mean. So for this distribution the noise should come last. Digits are not one Gaussian: most of their variance lies *between* modes, of which the formula knows nothing, and a plain
# descent gathers in many of them; in total variance the order may even turn round. Nor need the distance at sixty images agree, with another network or seed. Several seeds and more images, with coverage and distinct images
# beside the distance, before you say. A half answer shows pictures.

# %% [markdown]
# ## (d) · What is within reach?
#
# Figure 6.4 shows how far a start is from the nearest training image. Measure this distance in *reaches* of $28\sigma$, the length of the noise that the network was trained on. Take as a start the mean image plus Gaussian noise of level $\sigma$.
#
# **Predict.** Is it within reach, about 1, at every $\sigma$? The mean image itself is no digit: it is some distance $D$ from the nearest one.
#
# **Warm-up, with a pencil.** Two vectors at right angles have the lengths 5 and 12. How long is their sum?
#
# **Write** a formula for the expected number of reaches. The noise is independent of everything else, and in 784 dimensions nearly at right angles to any fixed direction.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex06_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predicted_reaches(sigma, mean, digits):
    """Distance from mean + sigma eps to the nearest of the digits, over 28 sigma, as you expect it: a float.

    Draw no noise: use only the distance D from the mean image to the nearest digit.
    """
    ### BEGIN SOLUTION
    D = du.evaluation.nearest(mean, digits)[0].item()
    return ((28 * sigma) ** 2 + D**2) ** 0.5 / (28 * sigma)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(2)
levels = [0.1, 0.2, 0.5, 1.0, 2.0]
measured = {}
for s in levels:
    x = du.corruption.gaussian(mean.expand(40, 1, 28, 28), s, generator)
    measured[s] = du.evaluation.nearest(x, images)[0].mean().item() / (28 * s)
    predicted = predicted_reaches(s, mean, images)
    assert abs(predicted / measured[s] - 1) < 0.06, (
        f"sigma = {s}: you predict {predicted:.2f} reaches, measured {measured[s]:.2f}. The way to the nearest digit "
        "has two parts, the noise and D, nearly at right angles: how do their lengths add?"
    )
shift = mean + 1  # the formula must follow the digits that it is given
found, expected = (
    predicted_reaches(1.0, shift, images),
    (1 + (shift - images).square().sum((1, 2, 3)).min() / 784) ** 0.5,
)
assert abs(found / expected - 1) < 0.01, (
    f"about another image you predict {found:.2f}, expected {expected:.2f}."
)
print("(d) passes")

# %% mystnb={"image": {"alt": "Left: reaches to the nearest digit against the noise level, predicted line and measured points: about 2 at 0.1, near 1 from 0.5 on. Right: ten plain steps from these starts, a row for each level: at 0.1 and 0.2 fragments, at 0.5 and 1 digits, at 2 a blur."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
line = torch.logspace(-1.1, 0.4, 40).tolist()
left.plot(
    line, [predicted_reaches(s, mean, images) for s in line], label="predicted", color=du.plotting.EXACT
)
left.plot(levels, list(measured.values()), "o", label="measured", color=du.plotting.LEARNED)
left.set(xscale="log", xlabel=r"noise level $\sigma$", ylabel=r"reaches of $28\,\sigma$", ylim=(0, None))
left.set_xticks(levels, levels)
left.minorticks_off()
left.legend()
ends = [du.iterate(unet, start(mean, s, 8, generator), 10, s) for s in levels]
right.imshow(torch.cat([torch.cat(list(x[:, 0]), 1) for x in ends]), vmin=0, vmax=1)
right.set(xticks=[], yticks=[14 + 28 * i for i in range(len(levels))], title="after ten steps")
right.set_yticklabels([f"σ = {s:g}" for s in levels])
right.grid(False)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex06_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** 13, by Pythagoras.
#
# Squares add: $\sqrt{(28\sigma)^2+D^2}/28\sigma$, with $D$ a little over 5. From $\sigma=0.5$ on the start is within reach; at $0.1$ it is twice as far out as anything the network was trained on, although it has precisely the noise that
# the network is told. So the level of the noise is not all: the image under it must be a digit, and the mean image is none. A half answer runs the chains without the distance, or adds the lengths.

# %% [markdown]
# ## (e) · A threshold on trial
#
# The chapter counts two images as one if a chain of images links them, each nearer than 1.5 to the next. Does the result depend on this threshold?
#
# **Warm-up, with a pencil.** Two copies of one digit differ by noise of level 0.03 in each of 784 pixels. How far apart are they? Is 1.5 above or below that?
#
# **Predict**: what does the count say of $\sigma=1$ at a threshold of 0.5, and at 4? Which thresholds are *fair*, in that real digits stay apart?
#
# **Write** the fall of the count over all fair thresholds.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex06_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def falls(starts, ends, real, thresholds, keep=0.95):
    """{threshold: distinct ends / distinct starts}, for the fair thresholds only.

    A threshold is fair if at least a share `keep` of the real images is distinct. Use distinct(x, threshold).
    """
    ### BEGIN SOLUTION
    fair = [t for t in thresholds if distinct(real, t) >= keep * len(real)]
    return {t: distinct(ends, t) / distinct(starts, t) for t in fair}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex06_e_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
apart = torch.arange(8.0)[:, None]  # points on a line
found = falls(2 * apart, apart // 4 * 5, 3 * apart, [0.5, 1.0, 2.5, 4.0])
assert 4.0 not in found, "at threshold 4 all of the real points, 3 apart, are linked: it is not fair."
assert sorted(found) == [0.5, 1.0, 2.5], (
    f"fair are 0.5, 1 and 2.5, by the real points; you kept {list(found)}."
)
assert found[0.5] == 2 / 8, (
    f"eight starts, two places: a fall to 0.25 at threshold 0.5; you find {found[0.5]}."
)
assert found[2.5] == 2, (
    f"at threshold 2.5 the starts, 2 apart, are one, and the ends two: 2.0; you find {found[2.5]}. Count both."
)
starts = torch.rand(80, 1, 28, 28, generator=torch.Generator().manual_seed(0))
path = du.iterate(unet, starts, 20, 1.0, return_path=True)
thresholds = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0]
fallen = falls(starts, path[20], test[:80], thresholds)
assert 1.5 in fallen and 6.0 not in fallen, f"fair thresholds should hold 1.5 and not 6: {list(fallen)}."
assert max(fallen.values()) < 0.9, "at each fair threshold the count should fall."
print("(e) passes")

# %% mystnb={"image": {"alt": "Share of images still distinct against the threshold, after 5 and after 20 steps at noise level 1, and for real digits. Real digits stay near 1 up to a threshold of about 3 and fall after; after 20 steps the chains lie far below at every threshold, after 5 from about 1.5 on."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
for x, label, color in [
    (test[:80], "real digits", "gray"),
    (path[5], "5 steps", du.plotting.EXACT),
    (path[20], "20 steps", du.plotting.LEARNED),
]:
    du.plotting.curve(ax, thresholds, [distinct(x, t) / 80 for t in thresholds], label=label, color=color)
ax.set(xlabel="threshold `within`", ylabel="share distinct", ylim=(0, 1.05))
ax.legend(loc="lower left")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex06_e_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The difference of two independent noises has the standard deviation $0.03\sqrt2=0.042$ in each pixel, so the distance is about $0.042\cdot28=1.2$. The threshold 1.5 is just above: such copies count as one.
#
# The size of the fall depends on the threshold, that there is one does not: over the whole fair range the chains lie below real digits, after twenty steps far below. Beyond 3 or so real digits are linked as well, and the count says nothing; at
# small thresholds it tells apart walks that have not quite arrived, after five steps nearly all of them. A half answer shows the counts of the chains without those of real digits.
