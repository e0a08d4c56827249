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
# For [appendix A1](../A1-your-own-data.ipynb). Needed: the chapter; for (b) a normal distribution and the best linear prediction. About an hour; the code takes less than half a minute.
#
# Write in the cells that say so; run the check below each. A check that passes says so.
#
# All of it runs on the $8\times8$ digits of the chapter, with a narrower network and fewer steps. The functions do not know that: try them on your own images.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits

du.plotting.use_style()


def seeded(seed):
    return torch.Generator().manual_seed(seed)


stored = load_digits()
order = torch.randperm(len(stored.images), generator=seeded(0))
digits = torch.from_numpy(stored.images).float()[order, None] / 16  # (1797, 1, 8, 8) in [0, 1]
labels = torch.from_numpy(stored.target)[order]
test, train, train_labels = digits[:360], digits[360:], labels[360:]


def trained(images, steps, law=None, seed=0):
    """A small U-Net for all noise levels."""
    network = du.UNetDenoiser(noise_levels=True, side=8, width=8, dense=128, seed=seed)
    law = law or du.corruption.log_normal()
    du.fit(network, images, sigma=law, steps=steps, seed=seed, device="cpu")
    return network.requires_grad_(False)


def make(network, images, n=300):
    """n new images, by the flow from noise about the mean image."""
    noise = images.mean(0) + 10 * torch.randn(n, *images[0].shape, generator=seeded(1))
    return du.probability_flow(network, noise, du.noise_schedule(20)).clamp(0, 1)


# %% [markdown]
# ## (a) · Longer training, and fewer images
#
# Train with 25, 75 and 150 steps on all training digits, and with 150 steps on the first ten alone. **Predict**, for the made digits: how do the shares of the ten kinds change with the length of training? And the median distance to the nearest training image, relative to that of test images:
# above 1 or below, rising or falling? What is it with ten images?
#
# **Write** both measurements. The kind of a made image is the label of the nearest training image, as in the chapter; `du.evaluation.nearest(a, b)` gives the distance and the index in `b` of the image nearest to each of `a`.


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


# %% nbgrader={"grade": true, "grade_id": "exA1_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
part = torch.cat([torch.arange(50), torch.arange(200, 300)])
found, expected = (
    kinds(train[part] + 0.001, train, train_labels),
    train_labels[part].bincount(minlength=10) / 150,
)
assert found.shape == (10,) and torch.allclose(found.float(), expected, atol=1e-3), (
    f"of 150 training images your shares are {[round(v, 2) for v in found.flatten().tolist()]}, expected "
    f"{[round(v, 2) for v in expected.tolist()]}: for each *made* image the label of its nearest training image; "
    "then counts over the number of made images."
)
mixed = torch.cat([train[:200], torch.rand(100, 1, 8, 8, generator=seeded(2))])  # most are copies
for name, made, scale, expected in [
    ("test images", test, 1, 1.0),
    ("test images, all images half as bright", test / 2, 0.5, 1.0),
    ("200 copies and 100 noises", mixed, 1, 0.0),
]:
    found = nearness(made, scale * train, scale * test)
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
print("images  steps  nearness  share of the rarest and the commonest kind")
for (n, steps), made in runs.items():
    share = kinds(made, train[:n], train_labels)
    print(f"{n:6} {steps:6} {ratio[n, steps]:9.2f} {share.min():12.3f} {share.max():8.3f}")

# %% mystnb={"image": {"alt": "Rows of fourteen 8 by 8 digits, made after 25, 75 and 150 steps on all images: first vertical stripes, then blurred shapes, then digits of which about half can be read; and after 150 steps on ten images, above the nearest of the ten: mostly the same pictures, softer."}}
_, index = du.evaluation.nearest(runs[10, 150][:14], train[:10])
rows = [x[:14] for x in runs.values()] + [train[:10][index]]
du.plotting.show_images(
    rows, ["25 steps", "75", "150", "150, ten images", "nearest of the ten"], size=0.5
)
plt.show()

# %% [markdown] tags=["discussion"]
# On all digits the ratio falls from far above 1 towards it: an undertrained network makes things that lie beside the data, not copies. The kinds even out at the same time. With ten images it goes below 1, where fresh images of the same law cannot be: the network recalls what it has seen. So the number has two ends, and both are bad.
# The *shares* cannot tell: perfect copies of the training set would have perfect shares. To report the shares only is half an answer. So is a ratio against all training digits for the network that saw ten: what can be copied is what was seen.

# %% [markdown]
# ## (b) · Another law of noise levels
#
# The default, `log_normal(mean=-1, std=1.2)`, sends most steps to small noise. Take `log_normal(mean=0, std=1.5)` instead. **Predict** the error of reconstruction at $\sigma=0.2$ and at $\sigma=2$ after as many steps: where is something gained, where lost?
#
# **Write** the reason as a number, the share of the drawn levels that lie in a band, and the rival to compare with: the best *linear* reconstruction, which knows mean and covariance of the training images.


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


# %% nbgrader={"grade": true, "grade_id": "exA1_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
for mean, std in [(-1.0, 1.2), (0.0, 1.5)]:
    drawn = du.corruption.log_normal(mean, std)(200_000, seeded(3))
    for low, high in [(0.1, 0.4), (1.0, 4.0)]:
        expected = ((drawn > low) & (drawn < high)).float().mean().item()
        found = share_between(mean, std, low, high)
        assert abs(found - expected) < 0.01, (
            f"mean {mean}, std {std}: of 200,000 levels {expected:.3f} lie between {low} and {high}; you say {found:.3f}. "
            "It is log sigma that is normal, natural logarithm: standardise the logarithms of both ends."
        )
flat = train.flatten(1).double()
one_gaussian = du.GaussianMixture(flat.mean(0)[None], torch.cov(flat.T, correction=0)[None])
for sigma in (0.2, 2.0):
    noisy = du.corruption.gaussian(test, sigma, seeded(4))
    expected = one_gaussian.posterior_mean(noisy.flatten(1).double(), sigma).float()
    found = linear(noisy, sigma, train)
    assert found.shape == noisy.shape, f"shape {tuple(found.shape)}, expected {tuple(noisy.shape)}"
    gap = (found.flatten(1) - expected).abs().max().item()
    assert gap < 0.01, (
        f"sigma = {sigma}: up to {gap:.2f} away from the posterior mean of the Gaussian with the mean and covariance of the "
        "training images, which is the best linear answer: m + C (C + sigma^2 I)^-1 (x - m), C over pixels."
    )
laws = {"mean -1, std 1.2": (-1.0, 1.2), "mean 0, std 1.5": (0.0, 1.5)}
networks = {
    (name, seed): trained(train, 80, du.corruption.log_normal(*law), seed)
    for name, law in laws.items()
    for seed in (0, 1)
}
against_linear = {}  # squared error on test images over that of the linear map
for sigma in (0.2, 2.0):
    noisy = du.corruption.gaussian(test, sigma, seeded(4))
    rival = (linear(noisy, sigma, train) - test).square().mean()
    for key, network in networks.items():
        against_linear[sigma, *key] = ((network(noisy, sigma) - test).square().mean() / rival).item()
print("(b) passes")

# %% tags=["nbval-ignore-output"]
print(
    "squared error over that of the linear map, seeds 0 and 1; in brackets the share of steps near that level"
)
for sigma, band in [(0.2, (0.1, 0.4)), (2.0, (1.0, 4.0))]:
    for name, law in laws.items():
        values = [f"{against_linear[sigma, name, seed]:.2f}" for seed in (0, 1)]
        print(f"sigma {sigma}: {name:17}", *values, f"  ({share_between(*law, *band):.2f})")

# %% [markdown] tags=["discussion"]
# What one level gains another loses: near 2 the new law spends almost twice the steps, near 0.2 about half. In our runs the error at 2 is lower with it for both seeds, a little, and that at 0.2 higher for both, by much. There is no better law as such; there is a law that fits what you want of the network, and a number of steps after which
# it matters less. After 80 steps all four lie above the linear map, which needs no training at all: without this rival one would have been content. A half answer has one level, or one seed.

# %% [markdown]
# ## (c) · Where would you put `high`?
#
# A corrupted image may have come from each of $N$ training images, with the probabilities of Bayes' rule. The exponential of their entropy is the effective number of candidates. The flow should start where nearly all are candidates.
#
# **Predict** by what factor this level moves when each pixel becomes a block of $2\times2$ equal pixels: the same pictures, twice the side.
#
# **Write** the number of candidates, and the level at which a share of $N$ is reached. Then, below the check, put in a folder of your own pictures, a few hundred of one kind of thing, for sides 8, 16 and 32.


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


# %% nbgrader={"grade": true, "grade_id": "exA1_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
few = train[:300]


def by_bayes(data, sigma, draws=400):
    """The same number, with the rule written out and other noise."""
    x = data.flatten(1).double()
    chosen = torch.randint(len(x), (draws,), generator=seeded(5))
    noisy = x[chosen] + sigma * torch.randn(draws, x.shape[1], generator=seeded(6)).double()
    log_p = (-(torch.cdist(noisy, x) ** 2) / (2 * sigma**2)).log_softmax(1)
    return (-(log_p.exp() * log_p).sum(1)).exp().median().item()


for sigma in (0.2, 1.0, 2.0, 10.0):
    found, expected = candidates(few, sigma), by_bayes(few, sigma)
    assert abs(found - expected) < 0.2 * expected, (
        f"sigma = {sigma}: you find {found:.1f} candidates among 300, Bayes' rule {expected:.1f}. Corrupt with sigma, weigh each "
        "image by exp(-|x~ - x|^2 / (2 sigma^2)), take the entropy in nats, then its exponential; the median at the end."
    )
level = level_for(few)
share = by_bayes(few, level) / len(few)
assert abs(share - 0.9) < 0.04, (
    f"at your level {level:.3g} the candidates are {share:.0%} of the images, expected 90 %: more noise, more candidates"
)
doubled = few.repeat_interleave(2, 2).repeat_interleave(2, 3)
factor = level_for(doubled) / level
assert abs(factor - 2) < 0.15, (
    f"with each pixel doubled in both directions your level moves by the factor {factor:.2f}, expected 2: distances between "
    "images double, and only distance over sigma matters"
)
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

# %% [markdown] tags=["discussion"]
# The factor is 2. Each squared difference is counted four times, so all distances between images double; along them the noise has the standard deviation $\sigma$ as before; so only distance over $\sigma$ matters, and doubling both changes nothing. Hence the rule of thumb to raise `high` in proportion to the side. Pictures of your own will follow it
# nearly: a larger side also brings detail that the smaller one had averaged away. The figure alone is half an answer; a full one reads off it a `high` where nearly all are candidates, and says why it grows.
