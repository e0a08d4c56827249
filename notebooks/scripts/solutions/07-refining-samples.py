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
# # 07 · Exercises: refining samples
#
# To [chapter 07](../07-refining-samples.ipynb). Needed: the chapter. About sixty minutes; the code takes seconds.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()
test, _ = du.digits("test")
unet = du.load("digits-unet-bce", device="cpu")
vae = du.load("digits-vae", device="cpu")
n = 100  # samples in each set: Frechet distances of sets of this size compare with each other only


def features(x):
    return du.evaluation.features(x.clamp(0, 1)).cpu()


def probabilities(x):
    return du.evaluation.probabilities(x.clamp(0, 1)).cpu()


frechet = du.evaluation.frechet_between  # of two sets of features
test_features = features(test)
law = du.GaussianMixture([[0.5]], 0.3**2)  # one Gaussian on the line, of spread 0.3
points = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
samples = {seed: vae.sample(n, torch.Generator().manual_seed(seed)) for seed in (0, 1)}

# %% [markdown]
# ## (a) · Medicine for the healthy
#
# Passes of the denoiser bring samples of a VAE nearer to real digits. Give the same treatment to real digits.
#
# **Predict.** Do *test* digits get better or worse by it, and should they? Is there a level at which nothing happens?
#
# **Write** the measurement: refine the first `n` test digits, and compare them with real digits after each pass. With which? Not with themselves.


# %% nbgrader={"grade": false, "grade_id": "ex07_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def healthy(denoiser, digits, n, sigma, passes):
    """Frechet distances of the first n digits after 0, 1, ..., passes plain passes: a list of passes + 1 floats.

    The reference is all other digits of the set. Use features and frechet from above.
    """
    ### BEGIN SOLUTION
    path = du.iterate(denoiser, digits[:n], passes, sigma, return_path=True)
    reference = features(digits[n:])
    return [frechet(features(x), reference) for x in path]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
some = test[:400]
found = healthy(lambda y, sigma: y, some, n, 0.4, 2)
assert len(found) == 3, (
    f"two passes give 3 distances, the untouched digits included; you return {len(found)}."
)
expected = du.frechet_distance(some[:n], some[n:])
assert max(abs(d / expected - 1) for d in found) < 1e-3, (
    f"a denoiser that changes nothing must stay at {expected:.0f}, the distance of these digits from the others; "
    f"you find {', '.join(f'{d:.0f}' for d in found)}. Near 0 means that digits were compared with themselves."
)
found = healthy(lambda y, sigma: y - sigma, some, n, 0.5, 2)
expected = [du.frechet_distance((some[:n] - 0.5 * k).clamp(0, 1), some[n:]) for k in range(3)]
assert all(abs(a / b - 1) < 1e-3 for a, b in zip(found, expected)), (
    "for a denoiser that darkens all by sigma in each pass the distances should be "
    f"{', '.join(f'{d:.0f}' for d in expected)}; you find {', '.join(f'{d:.0f}' for d in found)}: "
    "only the refined digits change, pass by pass."
)
curves = {s: healthy(unet, test, n, s, 5) for s in (0.2, 0.8)}
for s, d in curves.items():
    assert d[-1] > d[0], f"sigma = {s}: five passes should take real digits away, from {d[0]:.0f} up."
print("(a) passes")

# %% mystnb={"image": {"alt": "Frechet distance of test digits to other test digits against plain passes: it rises at noise level 0.2 slowly and at 0.8 faster, while that of VAE samples at 0.8 falls first."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
for s, d in curves.items():
    du.plotting.curve(ax, range(6), d, label=f"test digits, σ = {s:g}")
path = du.iterate(unet, samples[0], 5, 0.8, return_path=True)
others = features(test[n:])
du.plotting.curve(
    ax, range(6), [frechet(features(x), others) for x in path], label="VAE, σ = 0.8", color="gray"
)
ax.set(xlabel="plain passes", ylabel="Frechet distance", ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# They get worse, at every level, and they should: real digits are samples, not modes, and an ascent takes each towards the nearest mode. A smaller $\sigma$ does it more slowly. Only a set that lies *off* the law has something to gain, and it gains until
# the loss of variety outweighs it: the turn of the chapter is this curve, met from the other side. The untouched digits have distance 0 to themselves, so another set of real digits must serve as reference. A half
# answer says "worse".

# %% [markdown]
# ## (b) · On and on with noise
#
# With noise between the passes, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, the distance hardly turned in the chapter's eight passes. Go on, to fourteen.
#
# **Predict.** Where does the distance stop falling, and does it stay there, at $\sigma=0.6$ and at $0.8$? Which share of the samples still shows the digit that it showed at first?
#
# **Write** the two readings of a path: the labels kept, and the pass from which nothing more is gained.


# %% nbgrader={"grade": false, "grade_id": "ex07_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def labels_kept(path):
    """Share of images whose most probable class is that of the *start*: for each of (passes + 1, N, 1, 28, 28)."""
    ### BEGIN SOLUTION
    classes = [probabilities(x).argmax(1) for x in path]
    return [(c == classes[0]).double().mean().item() for c in classes]
    ### END SOLUTION


def settled(distances, slack=0.05):
    """The first pass k after which no distance is lower than (1 - slack) times that of pass k (an int)."""
    ### BEGIN SOLUTION
    return next(k for k, d in enumerate(distances) if min(distances[k:]) >= (1 - slack) * d)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
guess = probabilities(test).argmax(1)
zeros, ones = test[guess == 0][:40], test[guess == 1][:40]
swapped = torch.cat([ones[:10], zeros[10:]])
found = labels_kept(torch.stack([zeros, swapped, ones, zeros]))
assert found[0] == 1, f"before any pass all labels are kept, you say {found[0]:.2f}."
assert found == [1.0, 0.75, 0.0, 1.0], (
    f"ten of forty changed, then all, then all back: expected 1, 0.75, 0 and 1; you find {found}. "
    "Compare with the start, not with the pass before, and count images, not confidence."
)
for d, k in [
    ([9, 6, 4, 3.9, 3.95], 2),
    ([5, 5, 5], 0),
    ([9, 8, 7, 6], 3),
    ([9, 5, 8, 3], 3),
    ([4, 3, 6], 1),
]:
    found = settled(d)
    assert found == k, (
        f"distances {d}: you say pass {found}, expected {k}, the first with no later gain of more than 5 per cent."
    )

noisy_paths = {
    s: du.walkback(unet, samples[0], 14, s, torch.Generator().manual_seed(0), return_path=True)
    for s in (0.6, 0.8)
}
noisy_distances = {
    s: [frechet(features(x), test_features) for x in path] for s, path in noisy_paths.items()
}
for s, path in noisy_paths.items():
    first, low = noisy_distances[s][0], min(noisy_distances[s])
    assert low < 0.7 * first, (
        f"sigma = {s}: from {first:.0f} the distance should fall by far, not to {low:.0f}."
    )
    share = labels_kept(path)[-1]
    assert 0.1 < share < 0.8, f"sigma = {s}: many labels should change and some stay; kept {share:.0%}."
print("(b) passes")

# %% mystnb={"image": {"alt": "Two panels against passes with noise, at noise levels 0.6 and 0.8: the Frechet distance falls for several passes and then rises again, more at 0.8; the share of labels kept falls at once to about one half and then slowly on."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
for s, path in noisy_paths.items():
    d = noisy_distances[s]
    du.plotting.curve(left, range(15), d, label=f"σ = {s:g}")
    left.plot(settled(d), d[settled(d)], "o", ms=10, mfc="none", color=du.plotting.INK)
    du.plotting.curve(right, range(15), labels_kept(path), label=f"σ = {s:g}")
left.axhline(frechet(test_features[:n], test_features[n:]), color="gray", ls="--", lw=1)
left.set(xlabel="passes with noise", title="Frechet distance (circle: settled)", ylim=(0, None))
right.set(xlabel="passes with noise", title="labels kept", ylim=(0, 1.05))
right.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# It does turn, only later: after some three to ten passes the distance stops falling, and then it rises, at $\sigma=0.8$ sooner and further than at $0.6$. The circle marks where nothing more is gained. Noise keeps a chain moving, but each pass answers with a
# mean, so the chain drifts, too; count the ones along the path and see. The labels go at once: the first pass changes about half, since much of the sample drowns in the noise. What is bought in distance is paid in labels, and the larger
# level pays more. Another set of samples moves these curves by a quarter: say *about*. A half answer follows one level, or the distance without the labels.

# %% [markdown]
# ## (c) · Lowering the level
#
# Plain passes at $\sigma=0.8$ turn: after a few passes the distance rises again. Let $\sigma$ fall from pass to pass, from 0.8 to 0.1.
#
# **Predict.** Does the turn go away? Think of one Gaussian, $x\sim N(\mu,s^2)$: a pass multiplies the spread of the points by $c=s^2/(s^2+\sigma^2)$. What is left of it after six passes at 0.8, and what after six falling levels?
#
# **Write** the passes, and the height of the rise.


# %% nbgrader={"grade": false, "grade_id": "ex07_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def falling(denoiser, x, levels):
    """The whole path of one plain pass at each of the levels, in this order: (len(levels) + 1, N, ...)."""
    ### BEGIN SOLUTION
    path = [x]
    for s in levels:
        path.append(denoiser(path[-1], s))
    return torch.stack(path)
    ### END SOLUTION


def rise(distances):
    """The last distance over the least, a float: 1 if there is no turn."""
    ### BEGIN SOLUTION
    return distances[-1] / min(distances)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
levels = [0.8 * (0.1 / 0.8) ** (i / 5) for i in range(6)]  # equal ratios
for some in (levels, [0.8] * 6):
    path = falling(law.posterior_mean, points, some)
    assert path.shape == (7, 11, 1), (
        f"six levels give a path of shape (7, 11, 1), the start included; found {tuple(path.shape)}."
    )
    left = torch.tensor([1.0] + [0.3**2 / (0.3**2 + s**2) for s in some], dtype=torch.float64).cumprod(0)
    found = path[:, -1, 0] - path[:, 5, 0]  # from the middle to the end of the row: 0.5 at first
    assert torch.allclose(found, 0.5 * left, rtol=1e-6), (
        f"for one Gaussian of spread 0.3 a distance of 0.5 should become {0.5 * left[1]:.3f} and in the end "
        f"{0.5 * left[-1]:.3g}; you have {found[1]:.3f} and {found[-1]:.3g}: each pass goes on from the one before, "
        "at its own level, the first level first."
    )
for d, expected in [([4, 2, 3], 1.5), ([4, 3, 2], 1.0), ([1, 2, 4], 4.0)]:
    assert rise(d) == expected, (
        f"distances {d}: the last over the least is {expected}, you say {rise(d)}."
    )
distances = {
    (seed, name): [frechet(features(x), test_features) for x in falling(unet, x, some)]
    for seed, x in samples.items()
    for name, some in [("constant", [0.8] * 6), ("falling", levels)]
}
for seed in samples:
    constant, lowered = rise(distances[seed, "constant"]), rise(distances[seed, "falling"])
    assert lowered < constant, (
        f"set {seed}: with falling levels the distance should rise less, found {lowered:.2f} against {constant:.2f}."
    )
print("(c) passes")

# %% mystnb={"image": {"alt": "Frechet distance against plain passes for two sets of VAE samples, at constant level 0.8 and at levels falling from 0.8 to 0.1. All fall steeply in the first passes; at the constant level they rise again; with falling levels they hardly do."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
for (seed, name), d in distances.items():
    color = du.plotting.EXACT if name == "constant" else du.plotting.LEARNED
    label = None if seed else {"constant": "σ = 0.8", "falling": "σ from 0.8 to 0.1"}[name]
    du.plotting.curve(ax, range(7), d, label=label, color=color, ls=":" if seed else "-")
ax.set(xlabel="plain passes", ylabel="Frechet distance", ylim=(0, None))
ax.set_title("Two sets of samples (solid, dotted)")
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# It goes away, nearly, and the least distance is a little lower too: the later, smaller levels add detail by small steps, and stop the crowding. For one Gaussian it can be computed: at a constant level the spread dies geometrically, with falling levels most of
# the later factors are near 1. Yet *all* are below 1: what the first passes have gathered no plain pass parts again, and the distance stays far above that of real digits. A falling level is one half of the way to
# [chapter 10](../10-from-one-noise-level-to-many.ipynb), which has the other. A half answer compares the last values only, or one set.

# %% [markdown]
# ## (d) · Half a step
#
# Take only a part of each step, $x\leftarrow x+t\,(R(x)-x)$, with $t=\frac12$, at $\sigma=0.8$.
#
# **Predict.** What changes: the place of the turn, or its depth? Place may mean two things, the number of passes $k$ and the way gone, $tk$.
#
# **Write** the denoiser that takes a part of the step, and the place of the turn.


# %% nbgrader={"grade": false, "grade_id": "ex07_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shortened(denoiser, t):
    """The denoiser (y, sigma) -> (N, ...) that goes the share t of the way from y to denoiser(y, sigma)."""
    ### BEGIN SOLUTION
    return lambda y, sigma: y + t * (denoiser(y, sigma) - y)
    ### END SOLUTION


def turn(distances, t):
    """The place of the least distance, as (passes k, way gone t k)."""
    ### BEGIN SOLUTION
    k = min(range(len(distances)), key=lambda k: distances[k])
    return k, t * k
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_d_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
c = 0.3**2 / (0.3**2 + 0.8**2)
for t in (1.0, 0.5, 0.1):
    end = du.iterate(shortened(law.posterior_mean, t), points, 6, 0.8)
    expected = 0.5 + (1 - t * (1 - c)) ** 6 * (points - 0.5)
    assert torch.allclose(end, expected, atol=1e-6), (
        f"t = {t}: for one Gaussian, six passes should multiply the distance from the mean by {(1 - t * (1 - c)) ** 6:.3g}, "
        f"yours by {(end[-1] - 0.5).item() / 0.5:.3g}. The new point is y plus t times the step R(y) - y."
    )
assert turn([5, 3, 2, 4], 0.5) == (2, 1.0), (
    f"least after pass 2, half steps: (2, 1.0), not {turn([5, 3, 2, 4], 0.5)}."
)
assert turn([1, 3], 1.0) == (0, 0.0), "a distance that only rises is least at the start, after 0 passes."

falls = {}
for t, passes in [(1.0, 6), (0.5, 12)]:
    path = du.iterate(shortened(unet, t), samples[0], passes, 0.8, return_path=True)
    falls[t] = [frechet(features(x), test_features) for x in path]
whole, half = turn(falls[1.0], 1.0), turn(falls[0.5], 0.5)
assert whole[0] <= half[0], (
    f"half steps should not turn earlier: whole after {whole[0]} passes, half after {half[0]}."
)
print("(d) passes")

# %% mystnb={"image": {"alt": "Two panels, Frechet distance against the number of passes and against the way gone, for whole and for half steps: against passes the half steps turn later; against the way gone the two curves nearly coincide, with turns at about the same place and depth."}}
fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for t, d in falls.items():
    du.plotting.curve(axes[0], range(len(d)), d, label=f"t = {t:g}")
    du.plotting.curve(axes[1], [t * k for k in range(len(d))], d)
axes[0].set(xlabel="passes $k$", ylabel="Frechet distance", ylim=(0, None))
axes[1].set(xlabel="way gone, $tk$")
axes[0].legend()
plt.show()

# %% [markdown] tags=["discussion"]
# Against the number of passes the turn comes later; against the way gone at nearly the same place, and about as deep. Half steps follow the same ascent, more closely, and what turns the curve is the ascent, not the length of its steps. For $R^*$ every
# $0\le t\le2$ is an ascent, by exercise (a) of chapter 04. For small $t$ the curve tends to that of the flow $\dot x=R(x)-x$. The scatter from set to set decides how much "nearly" is worth: try the other samples. A half answer says "later".

# %% [markdown]
# ## (e) · Only the sure ones
#
# Many samples change their label under refinement. Perhaps only smudges do, of which the classifier was never sure.
#
# **Predict.** After three plain passes at $\sigma=0.4$: which share of *all* samples changes, and which of those that the classifier gave more than 0.99 at first?
#
# **Write** the count. Name the threshold before you look.


# %% nbgrader={"grade": false, "grade_id": "ex07_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def changes(before, after, threshold):
    """Of those that were sure: how many there are, and the share of them whose most probable class changed.

    before, after: class probabilities (N, 10). Sure: the largest of `before` is at least threshold. Returns (int, float).
    """
    ### BEGIN SOLUTION
    confidence, label = before.max(1)
    sure = confidence >= threshold
    changed = after.argmax(1) != label
    return sure.sum().item(), changed[sure].double().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_e_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
before = torch.tensor([[0.95, 0.05], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.45, 0.55]])
after = torch.tensor([[0.97, 0.03], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8], [0.99, 0.01]])
assert changes(before, after, 0.0) == (5, 3 / 5), (
    f"with threshold 0 all 5 are sure and 3 change: (5, 0.6); you find {changes(before, after, 0.0)}."
)
count, share = changes(before, after, 0.9)
assert count == 3, f"three of five were sure at 0.9 *before* the passes; you count {count}."
assert abs(share - 1 / 3) < 1e-6, (
    f"one of the three sure ones changed, a share of 0.33; you find {share:.2f}."
)

everything = torch.cat(list(samples.values()))
path = du.iterate(unet, everything, 3, 0.4)
before, after = probabilities(everything), probabilities(path)
count, sure = changes(before, after, 0.99)
share = changes(before, after, 0.0)[1]
assert count >= 20 and 0 < sure < share, (
    f"of all a share {share:.2f} changes, of {count} sure ones {sure:.2f}: expected fewer of these, yet some."
)
print("(e) passes")

# %% mystnb={"image": {"alt": "Two rows of images: VAE samples of which the classifier was sure and whose label changed, above; the same after three passes, below, each a clean digit of another class."}} tags=["nbval-ignore-output"]
confidence, label = before.max(1)
which = ((confidence >= 0.99) & (after.argmax(1) != label)).nonzero().flatten()[:10]
captions = [f"{label[i]} → {after[i].argmax()}" for i in which]
du.plotting.show_images([everything[which], path[which]], ["sure before", "after"], captions, size=0.55)
plt.show()

# %% [markdown] tags=["discussion"]
# The sure ones change far less, so the chapter's explanation holds in the main: a smudge between two digits has to become one of them, and the ascent decides. But it does not hold altogether: some sure ones change as well. Look at them. Some were
# smudges after all, of which the classifier, which must choose, was sure as it is sure of noise ([chapter 06](../06-synthesis-from-noise.ipynb)). A share without the size of its group is a half answer: among few sure ones a share has a wide interval.
