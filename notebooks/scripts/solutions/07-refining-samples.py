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
# For [chapter 07](../07-refining-samples.ipynb). You need the chapter. The five exercises take about 100 minutes; exercise (a) is the core one. The code takes one to two minutes.
#
# Fill in the marked cells and run the check below each. A check prints a line when your function passes. It accepts Python numbers, NumPy arrays and PyTorch tensors. Write every prediction down, with its reason, before you run anything. At the end of each exercise you say what you conclude. The two together earn 2 points, given by hand: a wrong prediction that you can explain earns both.
#
# All exercises use the U-Net, because it can be told any noise level. In the pencil warm-ups the data follow one Gaussian on the line, $x\sim N(\mu,s^2)$. There the best denoiser is known: $R^*(y)=\mu+c\,(y-\mu)$ with $c=s^2/(s^2+\sigma^2)$.

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

du.plotting.use_style()
LEARNED, INK, GREY = du.plotting.LEARNED, du.plotting.INK, du.plotting.GREY
test, _ = du.digits("test")
unet = du.load("digits-unet-bce", device="cpu")
vae = du.load("digits-vae", device="cpu")
n = 100  # samples in each set: Frechet distances compare only between sets of one size


def features(x):
    return du.evaluation.features(x.clamp(0, 1)).cpu()


def probabilities(x):
    return du.evaluation.probabilities(x.clamp(0, 1)).cpu()


frechet = du.evaluation.frechet_between  # of two sets of features
test_features = features(test)
bump = du.GaussianMixture([[0.5]], 0.3**2)  # one Gaussian on the line, s = 0.3
points = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
samples = {seed: vae.sample(n, torch.Generator().manual_seed(seed)) for seed in (0, 1)}


# %%
# The checks use this; you need not read it.
from daeutils.teaching import numbers


def close(found, wanted, rtol=1e-3, atol=1e-6):
    """Whether all numbers found are those wanted, to within a relative error of 0.001."""
    found, wanted = numbers(found).flatten(), numbers(wanted).flatten()
    return found.shape == wanted.shape and torch.allclose(found, wanted, rtol=rtol, atol=atol)


# %% [markdown]
# ## (a) · Refine what needs no refining
#
# *Core exercise, about 25 minutes.*
#
# Steps of the denoiser bring the VAE's samples nearer to real digits. Now give the same treatment to real digits.
#
# **Warm-up, with a pencil.** Draw many points from $N(\mu,s^2)$ itself and take one step of the best denoiser at $\sigma=s$. What is the spread of the points afterwards? Are they better samples of $N(\mu,s^2)$ than before?
#
# **Predict.** Do *test* digits get better or worse by plain steps, and should they? Is there a noise level at which nothing happens?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the measurement. Refine the first `n` digits, and compare them with real digits after each step. Choose the real digits with care: the refined ones must not be among them.


# %% nbgrader={"grade": false, "grade_id": "ex07_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def healthy(denoiser, digits, n, sigma, steps):
    """Frechet distances of the first n digits after 0, 1, ..., `steps` plain steps: steps + 1 floats.

    The reference is all other digits of the set. Use features and frechet from above.
    """
    ### BEGIN SOLUTION
    path = du.iterate(denoiser, digits[:n], steps, sigma, return_path=True)
    reference = features(digits[n:])
    return [frechet(features(x), reference) for x in path]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
some = test[:400]
found = numbers(healthy(lambda y, sigma: y, some, n, 0.4, 2))
assert len(found) == 3, (
    f"two steps give 3 distances, the untouched digits included; you return {len(found)}."
)
untouched = du.frechet_distance(some[:n], some[n:])
assert close(found, [untouched] * 3), (
    f"a denoiser that changes nothing must stay at {untouched:.0f}, the distance of these digits from the others; "
    f"you find {', '.join(f'{d:.0f}' for d in found)}. Near 0 means that digits were compared with themselves."
)
### BEGIN HIDDEN TESTS
found = numbers(healthy(lambda y, sigma: y - sigma, some, n, 0.5, 2))
expected = [du.frechet_distance((some[:n] - 0.5 * k).clamp(0, 1), some[n:]) for k in range(3)]
assert close(found, expected), (
    "for a denoiser that darkens everything by sigma in each step the distances should be "
    f"{', '.join(f'{d:.0f}' for d in expected)}; you find {', '.join(f'{d:.0f}' for d in found)}: "
    "only the refined digits change, step by step."
)
### END HIDDEN TESTS
curves = {s: numbers(healthy(unet, test, n, s, 5)).tolist() for s in (0.2, 0.8)}
for s, d in curves.items():
    assert d[-1] > d[0], f"sigma = {s}: the distance should end higher than {d[0]:.0f}, where it began."
print("(a) passes")

# %% mystnb={"image": {"alt": "Frechet distance of test digits to other test digits against plain steps: it rises slowly at noise level 0.2 and faster at 0.8, while that of VAE samples at 0.8 falls first."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
for (s, d), style in zip(curves.items(), ["-", "--"]):
    ax.plot(d, style, marker="o", ms=4, color=LEARNED, label=f"test digits, σ = {s:g}")
path = du.iterate(unet, samples[0], 5, 0.8, return_path=True)
others = features(test[n:])
ax.plot([frechet(features(x), others) for x in path], color=GREY, label="VAE samples, σ = 0.8")
ax.set(xlabel="plain steps", ylabel="Frechet distance", ylim=(0, None))
ax.set_title("Real digits only get worse")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex07_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% tags=["discussion"]
for s in (0.05, 0.1, 0.2, 0.8):
    d = healthy(unet, test, n, s, 5)
    print(f"sigma = {s}: {d[0]:.0f} at first, {d[-1]:.0f} after five steps")

# %% [markdown] tags=["discussion"]
# *Warm-up.* With $\sigma=s$ the factor is $c=\frac12$, so the spread is halved. The points were perfect samples before; now they crowd about the mean. They are more probable, and they are worse samples.
#
# Real digits get worse at both levels, and they should. They are not modes of the network's landscape, and plain steps take each of them towards one. Only a set that lies beside the distribution has something to gain, and it gains until this harm outweighs the repair. The turn in the chapter's curves is this effect seen from the other side.
#
# There is no noise level at which nothing happens. For one Gaussian $c<1$ at every $\sigma>0$, and $c\to1$ only in the limit $\sigma\to0$. A smaller $\sigma$ does the same harm more slowly, as the printed lines show: at 0.05 five steps raise the distance from 142 to 147, at 0.8 to 208. The refined digits must not be in the reference, because the untouched ones would then have distance 0 from themselves. An answer that says only "worse" is half an answer.

# %% [markdown]
# ## (b) · On and on with the noise put back
#
# *About 20 minutes.*
#
# With the noise put back, $x\leftarrow R(x+\sigma\varepsilon;\sigma)$, the distance goes on falling where plain steps have turned. Take fourteen steps.
#
# **Warm-up, with a pencil.** The points have variance $v$. What is it after one step of the best denoiser with the noise put back? At which $v$ does it stay, if $\sigma=s$? And where do plain steps end?
#
# **Predict.** At which step does the distance stop falling, and does it stay there, at $\sigma=0.6$ and at $0.8$? What share of the samples still shows the digit that it showed at first?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** two readings of a path: the labels kept, and the step from which nothing more is gained.


# %% nbgrader={"grade": false, "grade_id": "ex07_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def labels_kept(path):
    """Share of images whose most probable class is that of the *start*: for each of (steps + 1, N, 1, 28, 28)."""
    ### BEGIN SOLUTION
    classes = [probabilities(x).argmax(1) for x in path]
    return [(c == classes[0]).double().mean().item() for c in classes]
    ### END SOLUTION


def settled(distances, slack=0.05):
    """The first step k after which no distance is lower than (1 - slack) times that of step k (an int)."""
    ### BEGIN SOLUTION
    return next(k for k, d in enumerate(distances) if min(distances[k:]) >= (1 - slack) * d)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_b_labels_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
guess = probabilities(test).argmax(1)
zeros, ones = test[guess == 0][:40], test[guess == 1][:40]
swapped = torch.cat([ones[:10], zeros[10:]])
found = numbers(labels_kept(torch.stack([zeros, swapped, ones, zeros])))
assert close(found[:1], 1), f"before any step all labels are kept, you say {found[0]:.2f}."
assert close(found, [1.0, 0.75, 0.0, 1.0]), (
    f"ten of forty changed, then all, then all back: expected 1, 0.75, 0 and 1; you find "
    f"{', '.join(f'{share:.2f}' for share in found)}. "
    "Compare with the start, not with the step before, and count images, not confidence."
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
    share = float(labels_kept(path)[-1])
    assert 0.1 < share < 0.8, f"sigma = {s}: many labels should change and some stay; kept {share:.0%}."
print("(b) the labels pass")

# %% nbgrader={"grade": true, "grade_id": "ex07_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
examples = [([9, 6, 4, 3.9, 3.95], 2), ([5, 5, 5], 0)]
### BEGIN HIDDEN TESTS
examples += [([9, 8, 7, 6], 3), ([9, 5, 8, 3], 3), ([4, 3, 6], 1)]
### END HIDDEN TESTS
for d, k in examples:
    found = settled(d)
    assert close(found, k), (
        f"distances {d}: you say step {found}, expected {k}, the first with no later gain of more than 5 per cent."
    )
print("(b) passes")

# %% mystnb={"image": {"alt": "Two panels against steps with the noise put back, at noise levels 0.6 and 0.8: the Frechet distance falls for several steps and then rises again, more at 0.8; the share of labels kept falls at once to about one half and then slowly on."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
for (s, path), style in zip(noisy_paths.items(), ["-", "--"]):
    d = noisy_distances[s]
    left.plot(d, style, color=LEARNED, label=f"σ = {s:g}")
    left.plot(settled(d), d[settled(d)], "o", ms=10, mfc="none", color=INK)
    right.plot(numbers(labels_kept(path)), style, color=LEARNED, label=f"σ = {s:g}")
left.axhline(frechet(test_features[:n], test_features[n:]), color=GREY, lw=1)
left.set(xlabel="steps with the noise put back", ylabel="Frechet distance", ylim=(0, None))
left.set_title("Circle: settled")
right.set(xlabel="steps with the noise put back", ylabel="labels kept", ylim=(0, 1.05))
right.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex07_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The noise makes the variance $v+\sigma^2$, and the step multiplies it by $c^2$. So $v\to c^2(v+\sigma^2)$, which stays at $v=c^2\sigma^2/(1-c^2)$. For $\sigma=s$ this is $s^2/3$. The points keep a spread of $0.58\,s$, whereas plain steps end at spread 0.
#
# The distance turns here, too, only later: after some three to ten steps it stops falling, and then it rises, at $\sigma=0.8$ sooner and further than at 0.6. The noise keeps a chain moving, but each step answers with a mean, so some spread is missing for good, as in the warm-up. The labels go at once. The first step changes up to half of them, since much of the sample drowns in the noise. What is gained in distance is paid for in labels, and the larger level pays more. Another set of samples moves these curves by a quarter, so a careful answer says "about".

# %% [markdown]
# ## (c) · Lower the noise level on the way
#
# *About 20 minutes.*
#
# With plain steps at $\sigma=0.8$ the distance rises again after a few steps. Let $\sigma$ fall from step to step instead, from 0.8 to 0.1.
#
# **Warm-up, with a pencil.** Take $s=0.3$. By what factor does a step at $\sigma=0.8$ multiply the spread of the points, and by what a step at 0.1? What is left of the spread after six steps at 0.8? Does the order of the levels matter for what is left?
#
# **Predict.** Does the rise go away when the level falls?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the chain, and the height of the rise.


# %% nbgrader={"grade": false, "grade_id": "ex07_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def falling(denoiser, x, levels):
    """The whole path of one plain step at each of the levels, in this order: (len(levels) + 1, N, ...)."""
    ### BEGIN SOLUTION
    path = [x]
    for s in levels:
        path.append(denoiser(path[-1], s))
    return torch.stack(path)
    ### END SOLUTION


def rise(distances):
    """The last distance over the least, a float: 1 if the last one is the least."""
    ### BEGIN SOLUTION
    return distances[-1] / min(distances)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_c_path_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
levels = [0.8 * (0.1 / 0.8) ** (i / 5) for i in range(6)]  # equal ratios
path = numbers(falling(bump.posterior_mean, points, levels))
assert tuple(path.shape) == (7, 11, 1), (
    f"six levels give a path of shape (7, 11, 1), the start included; found {tuple(path.shape)}."
)
### BEGIN HIDDEN TESTS
for some in (levels, [0.8] * 6):
    path = numbers(falling(bump.posterior_mean, points, some))
    left = torch.tensor([1.0] + [0.3**2 / (0.3**2 + s**2) for s in some], dtype=torch.float64).cumprod(0)
    found = path[:, -1, 0] - path[:, 5, 0]  # from the middle to the end of the row: 0.5 at first
    assert close(found, 0.5 * left), (
        f"for one Gaussian of spread 0.3 a distance of 0.5 should become {0.5 * left[1]:.3f} and in the end "
        f"{0.5 * left[-1]:.3g}; you have {found[1]:.3f} and {found[-1]:.3g}: each step goes on from the one before, "
        "at its own level, the first level first."
    )
### END HIDDEN TESTS
with torch.no_grad():
    distances = {
        (seed, name): [
            frechet(features(x), test_features) for x in numbers(falling(unet, x, some)).float()
        ]
        for seed, x in samples.items()
        for name, some in [("constant", [0.8] * 6), ("falling", levels)]
    }
for seed in samples:
    constant, lowered = distances[seed, "constant"][-1], distances[seed, "falling"][-1]
    assert lowered < constant, (
        f"set {seed}: with falling levels the distance should end lower, found {lowered:.0f} against {constant:.0f}."
    )
### BEGIN HIDDEN TESTS
for seed in samples:  # the last over the least, without `rise`, which has a check of its own
    constant, lowered = (
        distances[seed, name][-1] / min(distances[seed, name]) for name in ("constant", "falling")
    )
    assert lowered < constant, (
        f"set {seed}: with falling levels the distance should rise less, found {lowered:.2f} against {constant:.2f}."
    )
### END HIDDEN TESTS
print("(c) the path passes")

# %% nbgrader={"grade": true, "grade_id": "ex07_c_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
examples = [([4, 2, 3], 1.5), ([4, 3, 2], 1.0)]
### BEGIN HIDDEN TESTS
examples += [([1, 2, 4], 4.0)]
### END HIDDEN TESTS
for d, expected in examples:
    assert close(rise(d), expected), (
        f"distances {d}: the last over the least is {expected}, you say {rise(d)}."
    )
print("(c) passes")

# %% mystnb={"image": {"alt": "Frechet distance against plain steps for two sets of VAE samples, at constant level 0.8 and at levels falling from 0.8 to 0.1. All fall steeply in the first steps; at the constant level they rise again; with falling levels they hardly do."}}
fig, ax = plt.subplots(figsize=(6.5, 3))
for (seed, name), d in distances.items():
    color = GREY if name == "constant" else LEARNED
    label = None if seed else {"constant": "σ = 0.8", "falling": "σ from 0.8 to 0.1"}[name]
    ax.plot(d, color=color, label=label, ls=":" if seed else "-")
ax.set(xlabel="plain steps", ylabel="Frechet distance", ylim=(0, None))
ax.set_title("Two sets of samples (solid, dotted)")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex07_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% tags=["discussion"]
pixel = du.GaussianMixture([[0.0], [1.0]], 1e-8)  # black or white
for name, some in [("constant", [0.8] * 6), ("falling", levels)]:
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    gaps = numbers(falling(pixel.posterior_mean, ends, some)).flatten(1).diff(dim=1)[1:]
    print(f"{name}: 0 and 1 are apart by", ", ".join(f"{gap.item():.2f}" for gap in gaps))
    with torch.no_grad():
        sets = [x.flatten(1) for x in numbers(falling(unet, samples[0], some))]
    apart = [torch.pdist(x).mean().item() for x in sets]
    print(f"{name}: two digits {apart[0]:.1f}, then", ", ".join(f"{a:.1f}" for a in apart[1:]))

# %% [markdown] tags=["discussion"]
# *Warm-up.* At 0.8 the factor is $0.09/(0.09+0.64)=0.12$, at 0.1 it is $0.09/(0.09+0.01)=0.9$. After six steps at 0.8 a share of $0.12^6$ is left, a few millionths. The order does not matter, because the factors are multiplied.
#
# The rise nearly goes away, and the least distance is a little lower, too. For one Gaussian a falling level loses less: the factors of our six levels are 0.12, 0.24, 0.43, 0.63, 0.80 and 0.90. All of them are below 1, so there a plain step never parts what earlier steps have gathered.
#
# Data with several modes are different. Between two modes the steps part points, as in chapter 04, and a small level has more modes. The printed lines show it for a black-or-white pixel. At the constant level 0 and 1 merge. With falling levels they come together to 0.32 in two steps, and then the smaller levels part them again, to 1. Parting is why falling levels work. Digits show it, too: the mean distance between two images first falls, and then it grows to 9.1 with falling levels and to 8.4 at the constant one. The Frechet distance still stays far above that of real digits. A falling level is one half of the way to [chapter 10](../10-from-one-noise-level-to-many.ipynb), which supplies the other half. An answer that compares only the last values, or only one set, is half an answer.

# %% [markdown]
# ## (d) · Half a step
#
# *About 20 minutes.*
#
# Take only a part of each step, $x\leftarrow x+t\,(R(x)-x)$ with $t=\frac12$, at $\sigma=0.8$.
#
# **Warm-up, with a pencil.** With $s=0.3$ and $\sigma=0.8$ a whole step multiplies the distance from $\mu$ by $c=0.12$. By what does half a step multiply it? How many half steps do the work of one whole step?
#
# **Predict.** What changes, the place of the turn or its depth? Place may mean two things: the number of steps $k$, or the way gone, $tk$.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the denoiser that takes a part of the step, and the place of the turn.


# %% nbgrader={"grade": false, "grade_id": "ex07_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shortened(denoiser, t):
    """The denoiser (y, sigma) -> (N, ...) that goes the share t of the way from y to denoiser(y, sigma)."""
    ### BEGIN SOLUTION
    return lambda y, sigma: y + t * (denoiser(y, sigma) - y)
    ### END SOLUTION


def turn(distances, t):
    """The place of the least distance: steps k, way gone t k."""
    ### BEGIN SOLUTION
    k = min(range(len(distances)), key=lambda k: distances[k])
    return k, t * k
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_d_step_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
whole = du.iterate(shortened(bump.posterior_mean, 1.0), points, 2, 0.8)
assert close(whole, du.iterate(bump.posterior_mean, points, 2, 0.8)), (
    "with t = 1 you should take whole steps. The new point is y plus t times the step R(y) - y."
)
### BEGIN HIDDEN TESTS
c = 0.3**2 / (0.3**2 + 0.8**2)
for t in (1.0, 0.5, 0.1):
    end = du.iterate(shortened(bump.posterior_mean, t), points, 6, 0.8)
    expected = 0.5 + (1 - t * (1 - c)) ** 6 * (points - 0.5)
    assert close(end, expected, rtol=0, atol=1e-5), (
        f"t = {t}: for one Gaussian, six steps should multiply the distance from the mean by {(1 - t * (1 - c)) ** 6:.3g}, "
        f"yours by {(end[-1] - 0.5).item() / 0.5:.3g}. The new point is y plus t times the step R(y) - y."
    )
### END HIDDEN TESTS

falls = {}
for t, steps in [(1.0, 6), (0.5, 12)]:
    path = du.iterate(shortened(unet, t), samples[0], steps, 0.8, return_path=True)
    falls[t] = [frechet(features(x), test_features) for x in path]
assert falls[1.0][1] < falls[0.5][1] < falls[0.5][0], (
    f"the distance is {falls[0.5][0]:.0f} at the start, {falls[1.0][1]:.0f} after a whole step and "
    f"{falls[0.5][1]:.0f} after half a step, which should lie between."
)
### BEGIN HIDDEN TESTS
# the place of the turn, without `turn`, which has a check of its own
whole, half = (falls[t].index(min(falls[t])) for t in (1.0, 0.5))
assert whole <= half, f"half steps should not turn earlier: whole after {whole} steps, half after {half}."
### END HIDDEN TESTS
print("(d) the step passes")

# %% nbgrader={"grade": true, "grade_id": "ex07_d_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert close(turn([5, 3, 2, 4], 0.5), [2, 1.0]), (
    f"half steps, least after step 2: (2, 1.0), not {turn([5, 3, 2, 4], 0.5)}."
)
### BEGIN HIDDEN TESTS
assert close(turn([1, 3], 1.0), [0, 0.0]), (
    "a distance that only rises is least at the start, after 0 steps."
)
### END HIDDEN TESTS
print("(d) passes")

# %% mystnb={"image": {"alt": "Two panels, Frechet distance against the number of steps and against the way gone, for whole and for half steps: against steps the half steps turn later; against the way gone the two curves nearly coincide, with turns at about the same place and depth."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True)
for (t, d), style in zip(falls.items(), ["-", "--"]):
    axes[0].plot(d, style, marker="o", ms=4, color=LEARNED, label=f"t = {t:g}")
    axes[1].plot([t * k for k in range(len(d))], d, style, marker="o", ms=4, color=LEARNED)
axes[0].set(xlabel="steps $k$", ylabel="Frechet distance", ylim=(0, None))
axes[1].set(xlabel="way gone, $tk$")
axes[0].legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex07_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* Half a step multiplies by $1-\frac12(1-0.123)=0.56$. Since $\log0.123/\log0.56=3.6$, between three and four half steps do the work of one whole step. So the way gone, $tk$, is not the whole story for one Gaussian, where a whole step leads almost to the mean.
#
# On digits the turn comes later when one counts steps, and at nearly the same place when one measures the way gone, and it is about as deep. Half steps follow the same ascent more closely, and what turns the curve is the ascent, not the length of its steps. For $R^*$ no step with $0\le t\le2$ goes down, by exercise (a) of chapter 04. How much "nearly" is worth depends on the scatter from set to set: try the other samples.

# %% [markdown]
# ## (e) · Only the sure ones
#
# *About 15 minutes.*
#
# Many samples change their label under refinement. Perhaps only ambiguous samples change, those the classifier was unsure about.
#
# **Warm-up, with a pencil.** Thirty samples were sure, and three of them changed. How wide is a 95 per cent interval for the share that changes?
#
# **Predict.** After three plain steps at $\sigma=0.4$: what share of *all* samples changes, and what share of those that the classifier gave more than 0.99 at first? Name the threshold before you look.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# **Write** the count.


# %% nbgrader={"grade": false, "grade_id": "ex07_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def changes(before, after, threshold):
    """Of those that were sure: how many there are, and the share of them whose most probable class changed.

    before, after: class probabilities (N, classes). Sure: the largest of `before` is at least threshold.
    """
    ### BEGIN SOLUTION
    confidence, label = before.max(1)
    sure = confidence >= threshold
    changed = after.argmax(1) != label
    return sure.sum().item(), changed[sure].double().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex07_e_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
before = torch.tensor([[0.95, 0.05], [0.75, 0.25], [0.25, 0.75], [0.6, 0.4], [0.45, 0.55]])
after = torch.tensor([[0.97, 0.03], [0.3, 0.7], [0.45, 0.55], [0.3, 0.7], [0.99, 0.01]])
count, share = (float(value) for value in changes(before, after, 0.0))
assert close([count, share], [5, 0.6]), (
    f"with threshold 0 all 5 are sure and 3 change: 5 and 0.6; you find {count:g} and {share:.3f}."
)
### BEGIN HIDDEN TESTS
count, share = (float(value) for value in changes(before, after, 0.75))
assert close(count, 3), f"three of five were sure at 0.75 *before* the steps; you count {count:g}."
assert close(share, 1 / 3), f"one of the three sure ones changed, a share of 0.33; you find {share:.2f}."
### END HIDDEN TESTS

everything = torch.cat(list(samples.values()))
path = du.iterate(unet, everything, 3, 0.4)
before, after = probabilities(everything), probabilities(path)
count, sure = (float(value) for value in changes(before, after, 0.99))
share = float(changes(before, after, 0.0)[1])
assert count >= 20 and 0 < sure < share, (
    f"of all a share {share:.2f} changes, of {count:g} sure ones {sure:.2f}: expected fewer of these, yet some."
)
print(f"changed: {share:.0%} of all {len(everything)}, {sure:.0%} of the {count:.0f} sure ones")
print("(e) passes")

# %% mystnb={"image": {"alt": "Two rows of images: VAE samples of which the classifier was sure and whose label changed, above; the same after three steps, below, each a clean digit of another class."}} tags=["nbval-ignore-output"]
confidence, label = before.max(1)
which = ((confidence >= 0.99) & (after.argmax(1) != label)).nonzero().flatten()[:10]
captions = [f"{label[i]} → {after[i].argmax()}" for i in which]
du.plotting.show_images([everything[which], path[which]], ["sure before", "after"], captions, size=0.55)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex07_e_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% tags=["discussion"]
plain = du.load("digits-plain-dae", device="cpu")
rows = []
for name, refined in [
    ("U-Net, σ = 0.4, 3 steps", path),
    ("plain DAE, σ = 0.5, 4 steps", du.iterate(plain, everything, 4, 0.5)),
]:
    now = probabilities(refined)
    changed = now.argmax(1) != label
    for threshold in (0.95, 0.99):
        sure_ones = confidence >= threshold
        shares = [changed, changed[sure_ones], changed[~sure_ones], sure_ones[changed]]
        shares = [share.double().mean() for share in shares]
        rows.append([name, threshold, sure_ones.sum(), changed.sum(), *shares])
columns = {"steps": "", "sure above": ".2f", "sure": "d", "changed": "d", "of all": ".0%"}
columns |= {"of the sure": ".0%", "of the unsure": ".0%", "sure among the changed": ".0%"}
du.table(rows, columns)

# %% [markdown] tags=["discussion"]
# *Warm-up.* The share is 0.1, and its standard error is $\sqrt{0.1\cdot0.9/30}=0.055$. Two of these on either side give an interval from $-0.01$ to 0.21. A share below 0 is impossible, so with three of thirty this simple interval is poor. Wilson's interval asks which shares $p$ lie within $1.96\sqrt{p(1-p)/30}$ of 0.1. It goes from 0.03 to 0.26.
#
# The sure ones change far less often: 15 per cent of them, against 47 per cent of the unsure. So ambiguity explains most of the changes: a smudge between two digits has to become one of them, and the ascent decides which. It does not explain all of them, since 13 of the 65 samples that changed were sure ones.
#
# The chapter calls ambiguity "not the whole explanation", and finds that half of the changed samples were sure. It uses another network, another noise level and another threshold, 0.95. The table tells these apart. With 0.99 about one changed sample in five was sure, and with 0.95 more than two in five, for either network. So the threshold makes the difference, and a share says little without it.
#
# Look at the sure ones that changed. Some were smudges after all: a classifier must choose a class, and it can be sure of noise ([chapter 06](../06-synthesis-from-noise.ipynb)). A share without the size of its group is half an answer, because among few sure ones the interval is wide.
