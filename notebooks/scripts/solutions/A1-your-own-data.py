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
# # A1 · Exercises: your own data
#
# For [chapter A1](../A1-your-own-data.ipynb). You need the chapter; for (a) and (b) the probability flow of [chapter 10](../10-from-one-noise-level-to-many.ipynb); for (b) the normal distribution. About two hours for all three: (a) 35 minutes, (b) 40 and (c) 45 (the core exercise). The code takes less than a minute.
#
# Fill in the marked cells and run the check below each. A check prints a line when your function passes. It accepts Python numbers, NumPy arrays and PyTorch tensors. Write every prediction down, with its reason, before you run anything. At the end of each exercise you say what you conclude. The two together earn 2 points, given by hand: a wrong prediction that you can explain earns both.
#
# Everything runs on the 1,797 digits of $8\times8$ pixels that come with scikit-learn, with a small U-Net for all noise levels. Your functions will also work on your own images: try them there.

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
from sklearn.datasets import load_digits
from daeutils.teaching import numbers  # reads answers of any kind

du.plotting.use_style()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


stored = load_digits()
order = torch.randperm(len(stored.images), generator=seeded(0))
digits = torch.from_numpy(stored.images).float()[order, None] / 16  # (1797, 1, 8, 8) in [0, 1]
labels = torch.from_numpy(stored.target)[order]
test, train, train_labels = digits[:360], digits[360:], labels[360:]


def trained(images, steps, levels=None, seed=0):
    """A small U-Net for all noise levels."""
    network = du.UNetDenoiser(noise_levels=True, side=8, width=8, dense=128, seed=seed)
    levels = levels or du.corruption.log_normal()
    du.fit(network, images, sigma=levels, steps=steps, seed=seed, device="cpu")
    return network.requires_grad_(False)


def make(network, images, n=300):
    """n new images, by the flow from noise about the mean image."""
    noise = images.mean(0) + 10 * torch.randn(n, *images[0].shape, generator=seeded(1))
    return du.probability_flow(network, noise, du.noise_schedule(20)).clamp(0, 1)


# %% [markdown]
# ## (a) · Longer training, and fewer images
#
# Train with 25, 75 and 150 steps on all training digits, and with 150 steps on the first ten alone.
#
# **Warm-up, with a pencil.** A network has become a perfect copier: it returns training images, to every digit. What is the median distance of its images to the nearest training image? And what are the shares of the ten kinds among them?
#
# **Predict**, for the made digits: how do the shares of the ten kinds change with the length of training? Divide the median distance to the nearest training image by that of test images. Is this ratio above or below 1, and does it rise or fall? What is it with ten images?
#
# **Write** both measurements. The kind of a made image is the label of the nearest training image. `du.evaluation.nearest(a, b)` returns, for each image of `a`, the distance to the nearest image of `b` and its index.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exA1_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kinds(made, train, labels):
    """Shares of the ten labels among the made images, a tensor (10,) that sums to 1."""
    ### BEGIN SOLUTION
    _, index = du.evaluation.nearest(made, train)
    return labels[index].bincount(minlength=10) / len(made)
    ### END SOLUTION


def nearness(made, train, test):
    """Median distance to the nearest training image: that of made images over that of test images, a float."""
    ### BEGIN SOLUTION
    of_made, of_test = [du.evaluation.nearest(x, train)[0].median() for x in (made, test)]
    return (of_made / of_test).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA1_a_kinds_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
pair = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])  # two images, labels 3 and 7
found = kinds(torch.full((4, 1, 8, 8), 0.9), pair, torch.tensor([3, 7]))
assert abs(float(found[7]) - 1) < 1e-6, (
    f"all four made images are nearest to the one labelled 7, so its share is 1; yours is {float(found[7]):.2f}: "
    "for each *made* image the label of its nearest training image; then counts over the number of made images."
)
### BEGIN HIDDEN TESTS
part = torch.cat([torch.arange(50), torch.arange(200, 300)])
found = torch.as_tensor(kinds(train[part] + 0.001, train, train_labels)).float()
expected = train_labels[part].bincount(minlength=10) / 150
assert found.shape == (10,) and torch.allclose(found, expected, atol=1e-3), (
    f"of 150 training images your shares are {[round(v, 2) for v in found.flatten().tolist()]}, expected "
    f"{[round(v, 2) for v in expected.tolist()]}: for each *made* image the label of its nearest training image; "
    "then counts over the number of made images."
)
### END HIDDEN TESTS
print("(a) the kinds pass")

# %% nbgrader={"grade": true, "grade_id": "exA1_a_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
mixed = torch.cat([train[:200], torch.rand(100, 1, 8, 8, generator=seeded(2))])  # most are copies
for name, made, scale, expected in [
    ("test images", test, 1, 1.0),
    ("test images, all images half as bright", test / 2, 0.5, 1.0),
    ("200 copies and 100 noises", mixed, 1, 0.0),
]:
    found = float(nearness(made, scale * train, scale * test))
    assert abs(found - expected) < 0.01, (
        f"{name}: your ratio is {found:.2f}, expected {expected:.0f}. Take the distance of each to the nearest *training* "
        "image, the median, and divide by the same for the test images."
    )
runs = {(len(train), steps): make(trained(train, steps), train) for steps in (25, 75, 150)}
runs[10, 150] = make(trained(train[:10], 150), train[:10])
ratio = {run: nearness(made, train[: run[0]], test) for run, made in runs.items()}
assert ratio[len(train), 150] < ratio[len(train), 25], (
    "longer training should bring the made digits nearer to the data"
)
assert ratio[len(train), 150] > 0.95, (
    "with all training images none of these runs copies: a ratio near 1 or above"
)
assert ratio[10, 150] < 0.85, (
    "ten images are soon known by heart: expected a ratio clearly below 1, measured against the same ten"
)
print("(a) passes")

# %% tags=["nbval-ignore-output"]
rows = []
for (n, steps), made in runs.items():
    share = numbers(kinds(made, train[:n], train_labels))
    rows.append([n, steps, ratio[n, steps], share.min(), share.max()])
columns = {"images": ",", "steps": "d", "nearness": ".2f", "rarest kind": ".3f"}
du.table(rows, columns | {"commonest kind": ".3f"})

# %% mystnb={"image": {"alt": "Rows of fourteen 8 by 8 digits, made after 25, 75 and 150 steps on all images: first vertical stripes, then blurred shapes, then digits of which about half can be read; and after 150 steps on ten images, above the nearest of the ten: mostly the same pictures, softer."}}
_, index = du.evaluation.nearest(runs[10, 150][:14], train[:10])
rows = [x[:14] for x in runs.values()] + [train[:10][index]]
du.plotting.show_images(
    rows, ["25 steps", "75", "150", "150, ten images", "nearest of the ten"], size=0.5
)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA1_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The distance is 0, because each image *is* a training image, and the shares are those of the training set.
#
# On all digits the ratio falls from far above 1 towards it: an undertrained network makes images that lie beside the data, not copies. The kinds even out at the same time. With ten images the ratio goes below 1. Fresh images from the same distribution would stay near 1, so this network recalls what it has seen. A ratio far from 1 is a bad sign in either direction.
#
# The *shares* cannot show it: perfect copies of the training set would have perfect shares. Reporting the shares alone is half an answer. For the network that saw ten images, a ratio against all training digits is half an answer, too, because it can only copy what it has seen.

# %% [markdown]
# ## (b) · Another distribution of noise levels
#
# The default, `log_normal(mean=-1, std=1.2)`, sends most steps to small noise. Take `log_normal(mean=0, std=1.5)` instead.
#
# **Warm-up, with a pencil.** Which noise level is the median of each of the two distributions? The natural logarithm of the level is normal.
#
# **Predict** the error of reconstruction at $\sigma=0.2$ and at $\sigma=2$ after equally many steps: which level improves and which gets worse?
#
# **Write** the reason as a number, the share of the drawn levels that lie in a band. Write also the rival to compare with: the best *linear* reconstruction, which knows the mean and the covariance of the training images (the formula is in the chapter).


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exA1_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def share_between(mean, std, low, high):
    """P(low < sigma < high), a float, for log sigma ~ N(mean, std^2)."""
    ### BEGIN SOLUTION
    z = (torch.tensor([low, high], dtype=torch.float64).log() - mean) / std
    below = torch.special.ndtr(z)
    return (below[1] - below[0]).item()
    ### END SOLUTION


def linear(x_noisy, sigma, train):
    """The best linear reconstruction, same shape as x_noisy, (N, C, H, W)."""
    ### BEGIN SOLUTION
    mean = train.mean(0, keepdim=True)
    covariance = torch.cov((train - mean).flatten(1).T, correction=0)
    noise = sigma**2 * torch.eye(len(covariance))
    gain = torch.linalg.solve(covariance + noise, covariance)
    return mean + ((x_noisy - mean).flatten(1) @ gain).reshape(x_noisy.shape)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA1_b_share_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = float(share_between(0.0, 1.0, 1.0, 1e6))
assert abs(found - 0.5) < 0.01, (
    f"half of the levels lie above 1 if log sigma is standard normal; you say {found:.3f}: "
    "it is log sigma that is normal, natural logarithm."
)
### BEGIN HIDDEN TESTS
for mean, std in [(-1.0, 1.2), (0.0, 1.5)]:
    drawn = du.corruption.log_normal(mean, std)(200_000, seeded(3))
    for low, high in [(0.1, 0.4), (1.0, 4.0)]:
        expected = ((drawn > low) & (drawn < high)).float().mean().item()
        found = float(share_between(mean, std, low, high))
        assert abs(found - expected) < 0.01, (
            f"mean {mean}, std {std}: of 200,000 levels {expected:.3f} lie between {low} and {high}; you say {found:.3f}. "
            "It is log sigma that is normal, natural logarithm: standardise the logarithms of both ends."
        )
### END HIDDEN TESTS
print("(b) the share passes")

# %% nbgrader={"grade": true, "grade_id": "exA1_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
square = torch.tensor([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]).reshape(4, 1, 1, 2)
found = numbers(linear(torch.full((1, 1, 1, 2), 3.0), 1.0, square)).flatten()
assert ((found > 1.9) & (found < 2.2)).all(), (
    f"two independent pixels that are 0 or 2, both seen as 3 with sigma = 1: your answer is {found[0]:.2f} and "
    f"{found[1]:.2f}, expected 2.0 (2.14 with the unbiased variance). Use the mean and covariance of the training "
    "images, and sigma^2 I for the noise."
)
### BEGIN HIDDEN TESTS
flat = train.flatten(1).double()
one_gaussian = du.GaussianMixture(flat.mean(0)[None], torch.cov(flat.T, correction=0)[None])
for sigma in (0.2, 2.0):
    noisy = du.corruption.gaussian(test, sigma, seeded(4))
    expected = one_gaussian.posterior_mean(noisy.flatten(1).double(), sigma).float()
    found = numbers(linear(noisy, sigma, train)).float()
    assert found.shape == noisy.shape, f"shape {tuple(found.shape)}, expected {tuple(noisy.shape)}"
    gap = (found.flatten(1) - expected).abs().max().item()
    assert gap < 0.01, (
        f"sigma = {sigma}: up to {gap:.2f} away from the posterior mean of the Gaussian with the mean and covariance of the "
        "training images, which is the best linear answer: use sigma^2 I for the noise, and C over pixels."
    )
### END HIDDEN TESTS
choices = {"mean -1, std 1.2": (-1.0, 1.2), "mean 0, std 1.5": (0.0, 1.5)}
networks = {
    (name, seed): trained(train, 80, du.corruption.log_normal(*choice), seed)
    for name, choice in choices.items()
    for seed in (0, 1)
}
against_linear = {}  # squared error on test images over that of the linear map
for sigma in (0.2, 2.0):
    noisy = du.corruption.gaussian(test, sigma, seeded(4))
    rival = (numbers(linear(noisy, sigma, train)).float() - test).square().mean()
    for key, network in networks.items():
        against_linear[sigma, *key] = ((network(noisy, sigma) - test).square().mean() / rival).item()
print("(b) passes")

# %% tags=["nbval-ignore-output"]
rows = []
for sigma, band in [(0.2, (0.1, 0.4)), (2.0, (1.0, 4.0))]:
    for name, choice in choices.items():
        values = [against_linear[sigma, name, seed] for seed in (0, 1)]
        rows.append([sigma, name, *values, share_between(*choice, *band)])
print("Squared error over that of the linear map:")
columns = {"σ": "g", "levels": "", "seed 0": ".2f", "seed 1": ".2f"}
du.table(rows, columns | {"share of steps near that level": ".2f"})

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA1_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The median of the logarithm is the mean of the normal distribution, so the median levels are $e^{-1}=0.37$ and $e^0=1$.
#
# What one level gains the other loses. Near 2 the second distribution spends almost twice as many steps, near 0.2 about half as many. In our runs its error at 2 is a little lower for both seeds, and its error at 0.2 is much higher for both. Neither distribution is better as such: choose one that fits what you want from the network. With more steps the choice matters less.
#
# After 80 steps all four errors lie above that of the linear map, which needs no training at all. Without this rival one would have been content. An answer with one level or one seed is half an answer.

# %% [markdown]
# ## (c) · Where would you put `high`?
#
# A corrupted image may have come from any of $N$ training images, with the probabilities of Bayes' rule. The exponential of their entropy is the effective number of candidates. The probability flow of chapter 10 should start where nearly all images are candidates: this level is the argument `high` of `du.noise_schedule`.
#
# **Warm-up, with a pencil.** What is the effective number of candidates if the probabilities are $\frac12,\frac12,0,\dots,0$? And if all $N$ are equal?
#
# **Predict** by what factor this level moves when each pixel becomes a block of $2\times2$ equal pixels: the same pictures, twice the side.
#
# **Write** the number of candidates (the *median* over 200 corrupted images), and the level at which a share of $N$ is reached. Then, below the checks, put in the path of a folder with your own pictures, a few hundred of one kind of thing, for sides 8, 16 and 32.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exA1_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def candidates(data, sigma):
    """Effective number of images, a float, that a corrupted one may have come from: the median over 200.

    data: (N, C, H, W). Corrupt 200 of them (chance from a generator), and take p, (200, N), over all of data.
    """
    ### BEGIN SOLUTION
    chance = seeded(0)
    x = data.flatten(1)
    some = x[torch.randint(len(x), (200,), generator=chance)]
    x_noisy = du.corruption.gaussian(some, sigma, chance)
    p = du.from_points(x).smooth(sigma).responsibilities(x_noisy)  # (200, N)
    return torch.special.entr(p).sum(1).exp().median().item()
    ### END SOLUTION


def level_for(data, share=0.9):
    """The noise level, between 0.01 and 1000, at which that share of the images are candidates (a float)."""
    ### BEGIN SOLUTION
    low, high = 0.01, 1000.0
    for _ in range(16):  # halve the interval, in log sigma
        middle = (low * high) ** 0.5
        if candidates(data, middle) < share * len(data):
            low = middle
        else:
            high = middle
    return high
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA1_c_count_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
def by_bayes(data, sigma, draws=400):
    """The same number, with the rule written out and other noise."""
    x = data.flatten(1).double()
    chosen = torch.randint(len(x), (draws,), generator=seeded(5))
    noisy = x[chosen] + sigma * torch.randn(draws, x.shape[1], generator=seeded(6)).double()
    log_p = (-(torch.cdist(noisy, x) ** 2) / (2 * sigma**2)).log_softmax(1)
    return (-(log_p.exp() * log_p).sum(1)).exp().median().item()


### END HIDDEN TESTS
few = train[:300]
clones = train[:1].expand(250, 1, 8, 8)
found = float(candidates(clones, 0.5))
assert abs(found - 250) < 1, (
    f"of 250 equal images all are candidates at any level; you find {found:.1f}: take the exponential of the entropy."
)
### BEGIN HIDDEN TESTS
for sigma in (0.2, 1.0, 2.0, 10.0):
    found, expected = float(candidates(few, sigma)), by_bayes(few, sigma)
    assert abs(found - expected) < 0.2 * expected, (
        f"sigma = {sigma}: you find {found:.1f} candidates among 300, Bayes' rule {expected:.1f}. Corrupt with sigma, weigh each "
        "image by exp(-|x~ - x|^2 / (2 sigma^2)), take the entropy in nats, then its exponential; the median at the end."
    )
# mean and median differ here: 140 images that are nearly equal, and 90 that are far from all others
lopsided = torch.cat([0.5 + 0.002 * few[:140], few[140:230]])
found, expected = float(candidates(lopsided, 0.3)), by_bayes(lopsided, 0.3)
assert abs(found - expected) < 0.1 * expected, (
    f"of 140 nearly equal images and 90 others you find {found:.1f} candidates, expected {expected:.1f}: "
    "take the median over the corrupted images at the end, not the mean."
)
### END HIDDEN TESTS
print("(c) the count passes")

# %% nbgrader={"grade": true, "grade_id": "exA1_c_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The level is found with your own count, so it can only be as right as that.
level = float(level_for(few))
share = float(candidates(few, level)) / len(few)
assert abs(share - 0.9) < 0.04, (
    f"at your level {level:.3g} you count {share:.0%} of the images, expected 90 %: more noise, more candidates"
)
### BEGIN HIDDEN TESTS
share = by_bayes(few, level) / len(few)
assert abs(share - 0.9) < 0.04, (
    f"at your level {level:.3g} the candidates are {share:.0%} of the images, expected 90 %: more noise, more candidates"
)
doubled = few.repeat_interleave(2, 2).repeat_interleave(2, 3)
factor = float(level_for(doubled)) / level
assert abs(factor - 2) < 0.15, (
    f"with each pixel doubled in both directions your level moves by the factor {factor:.2f}, expected 2: distances between "
    "images double, and only distance over sigma matters"
)
### END HIDDEN TESTS
print("(c) passes")

# %% mystnb={"image": {"alt": "Candidates as a share of N against noise level for the digits at sides 8, 16 and 32, enlarged: three like curves, each a factor of two to the right of the one before."}}
pictures = None  # the path of a folder of yours; None: the digits, enlarged
sigmas = torch.logspace(-1, 2, 16).tolist()
fig, ax = plt.subplots(figsize=(6, 3.2))
for side in (8, 16, 32):
    if pictures is None:
        data = torch.nn.functional.interpolate(few, size=side, mode="nearest")
    else:
        data = du.folder(pictures, side=side, held_out=0)[0][:300]
    values = [candidates(data, s) / len(data) for s in sigmas]
    du.plotting.curve(ax, sigmas, values, label=f"side {side}")
ax.axhline(0.9, color="gray", lw=0.8, ls=":")
ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylabel="candidates / N")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA1_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** The entropy is $\log2$, so there are 2 candidates. Equal probabilities have the entropy $\log N$, so there are $N$.
#
# The factor is 2. Each squared difference is counted four times, so all distances between images double. The noise along such a difference still has the standard deviation $\sigma$. Only the ratio of distance to $\sigma$ matters, so doubling both changes nothing. Hence the rule of thumb to raise `high` in proportion to the side. Your own pictures will follow it
# only roughly, because a larger side also brings detail that the smaller one had averaged away. The figure alone is half an answer. A full answer reads off it a `high` where nearly all are candidates, and says why it grows.
