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
# # 00 · Exercises: start here
#
# For [chapter 00](../00-start-here.ipynb). You need Python and the chapter's table of symbols. The three exercises take about 35 minutes; exercise (c) is the core one. The code takes under a minute.
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
import numpy as np
import torch

du.plotting.use_style()
digits, labels = du.digits("test")
clean, labels = digits[:100], labels[:100]
denoiser = du.load("digits-unet-bce", device="cpu")
noisy = {
    sigma: du.corruption.gaussian(clean, sigma, torch.Generator().manual_seed(0)) for sigma in (0.6, 1.0)
}


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · More noise
#
# *About 10 minutes.*
#
# In Figure 0.1 the noise level is $\sigma=0.6$, and one step of the denoiser restores nearly all digits. Here you raise the level to $\sigma=1$, and you give the network the new level, too.
#
# **Warm-up, with a pencil.** Noise of level $\sigma$ makes a squared error of $\sigma^2$ per pixel. Someone who does not even look at the noisy image, and always answers with the mean digit, makes a squared error of 0.067 per pixel. The best denoiser cannot be worse than that. Which share of the noise's squared error can it leave at most, at $\sigma=0.6$ and at $\sigma=1$?
#
# **Predict.** Which of these four statements about 100 test digits will be true when $\sigma$ rises from 0.6 to 1?
#
# 1. After one step the images are *greyer*: more of their pixels lie between 0.1 and 0.9.
# 2. After one step the images are further from the clean digits, in squared error.
# 3. One step leaves a larger *share* of the squared error that the noise made.
# 4. After five steps, more of the images show another digit than the one that was there.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %%
# Your predictions: replace each None by True or False.
predictions = {1: None, 2: None, 3: None, 4: None}

# %% [markdown]
# Now write the function that measures the first statement.


# %% nbgrader={"grade": false, "grade_id": "ex00_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grey_share(images):
    """The share of pixels between 0.1 and 0.9: one number from 0 to 1, to within 0.005.

    images: a tensor (N, 1, height, width).
    """
    ### BEGIN SOLUTION
    return ((images > 0.1) & (images < 0.9)).float().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
four = torch.tensor([0.0, 0.05, 0.5, 1.0]).view(1, 1, 2, 2)
ramp = torch.linspace(0, 1, 1001).view(1, 1, 7, 143)
for name, images, wanted in [
    ("of the four pixels 0, 0.05, 0.5 and 1", four, 0.25),
    ("of an image with all greys from 0 to 1", ramp, 0.8),
]:
    share = number(grey_share(images))
    assert abs(share - wanted) < 0.005, (
        f"{name}, the share between 0.1 and 0.9 is {wanted}; you find {share:.3f}"
    )
### BEGIN HIDDEN TESTS
for power in (1, 2, 4):
    images = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(power)) ** power
    wanted = ((images - 0.5).abs() < 0.4).double().mean().item()
    share = number(grey_share(images))
    assert abs(share - wanted) < 0.005, (
        f"of six random images, the share between 0.1 and 0.9 is {wanted:.3f}; you find {share:.3f}"
    )
### END HIDDEN TESTS
print("(a) passes")

# %% [markdown]
# The next cell measures all four statements and puts your predictions beside them. Was one of them wrong? Find the reason: which digits may stand behind the noise?

# %% tags=["nbval-ignore-output"]
statements = ["grey pixels", "squared error", "share of noise", "other digit"]
measured = {}
for sigma, x_noisy in noisy.items():
    path = du.iterate(denoiser, x_noisy, 5, sigma, return_path=True)
    error = (path[1] - clean).square().mean().item()
    other = 1 - du.evaluation.accuracy(path[5], labels)
    measured[sigma] = [number(grey_share(path[1])), error, error / sigma**2, other]
rows = zip(range(1, 5), statements, *measured.values())
columns = {"": "d", "statement": "", "σ = 0.6": ".3f", "σ = 1": ".3f"}
du.table(
    [[i, name, low, high, str(high > low), predictions.get(i)] for i, name, low, high in rows],
    columns | {"it grows": "", "you predicted": ""},
)

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex00_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% mystnb={"image": {"alt": "Rows of the same ten digits, at noise level 0.6 and at 1: noisy, after one step, after five. At the higher level one step gives softer images, and five steps end at another digit more often."}} tags=["discussion"]
rows, names = [clean[:10]], ["clean x"]
for sigma, x_noisy in noisy.items():
    path = du.iterate(denoiser, x_noisy[:10], 5, sigma, return_path=True)
    rows += [x_noisy[:10], path[1], path[5]]
    names += [f"σ = {sigma:g}", "one step", "five steps"]
du.plotting.show_images(rows, names)
plt.show()

# %% [markdown] tags=["discussion"]
# **Warm-up.** At $\sigma=0.6$ at most $0.067/0.36=19$ per cent of the noise's squared error is left, at $\sigma=1$ at most $0.067/1=7$ per cent. The limit falls as the noise grows.
#
# **The experiment.** More noise leaves more digits possible. The reconstruction is their mean, so it is softer, and it is further from the digit that was there. Five steps settle on one of the possible digits, and more often on a wrong one. So the statements 1, 2 and 4 are true.
#
# The third statement is the trap. The squared error of the noise grows from 0.36 to 1 per pixel, nearly three times. The error of the reconstruction about doubles, and it can never exceed that of the mean digit. So the share that is left falls, as the warm-up suggests. "The images get more blurred" is half an answer.

# %% [markdown]
# ## (b) · The wrong noise level
#
# *About 15 minutes.*
#
# The noise has the level 0.6. The network takes the noise level as its second argument, and nobody forces you to give it the true one.
#
# **Warm-up, with a pencil.** A pixel is black (0) or white (1) with equal odds. With noise of level $\sigma$ added it arrives as $y$, and chapter 01 derives the best answer,
# $$R^*(y)=\mathrm{sigmoid}\Big(\frac{2y-1}{2\sigma^2}\Big).$$
# Take $y=0.9$ and compute $R^*(y)$ for $\sigma=0.3$, 0.6 and 1. The noise really has the level 0.6. What mistake does a network make that believes in 0.3? And one that believes in 1?
#
# **Predict.** Which level should you give the network so that the squared error after one step is smallest? How will the reconstruction look when the level given is too small?

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %% [markdown]
# Write the squared error of one step as a function of the level that the network is given. Then write a function that chooses the best of several levels.


# %% nbgrader={"grade": false, "grade_id": "ex00_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def error_when_told(level):
    """Mean squared error per pixel, to within 2 per cent, after one step on noisy[0.6].

    level: the noise level that the network is given. The clean digits are in `clean`.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        return (denoiser(noisy[0.6], level) - clean).square().mean().item()
    ### END SOLUTION


def level_to_tell(levels):
    """The one of these levels that makes the error smallest; levels: a sequence of numbers."""
    ### BEGIN SOLUTION
    return min(levels, key=error_when_told)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_b_error_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
advice = (
    "Corrupt with 0.6, give the network `level`, compare with the clean digits, "
    "and take the mean over pixels"
)
for level, wanted in {0.3: 0.0178, 0.6: 0.00986}.items():
    error = number(error_when_told(level))
    assert abs(error - wanted) < 0.02 * wanted, (
        f"given {level}, the network makes a squared error of {wanted:.4f}; you find {error:.4f}. {advice}"
    )
### BEGIN HIDDEN TESTS
for level in (0.2, 0.45, 1.0):
    with torch.no_grad():
        wanted = torch.nn.functional.mse_loss(denoiser(noisy[0.6], level), clean).item()
    error = number(error_when_told(level))
    assert abs(error - wanted) < 0.02 * wanted, (
        f"given {level}, the network makes a squared error of {wanted:.4f}; you find {error:.4f}. {advice}"
    )
### END HIDDEN TESTS
print("(b) the error passes")

# %% nbgrader={"grade": true, "grade_id": "ex00_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
for levels in [(0.2, 1.0), (0.3, 0.9, 1.2)]:
    chosen = number(level_to_tell(levels))
    assert any(abs(chosen - level) < 1e-3 for level in levels), (
        f"expected one of the levels {levels}, got {chosen:.4g}"
    )
    for level in levels:
        assert number(error_when_told(chosen)) <= 1.001 * number(error_when_told(level)), (
            f"of {levels} you choose {chosen:.3g}, but by your own function {level} has a smaller error"
        )
### BEGIN HIDDEN TESTS
for levels, wanted in {
    (0.2, 1.0): 1.0,
    (0.3, 0.9, 1.2): 0.9,
    (0.2, 0.4, 0.6, 0.8, 1.0): 0.6,
    (0.4, 0.85): 0.85,
}.items():
    chosen = number(level_to_tell(levels))
    assert abs(chosen - wanted) < 1e-3, (
        f"of the levels {levels} you choose {chosen:.3g}; the squared error is smallest at {wanted}"
    )
### END HIDDEN TESTS
print("(b) the choice passes")

# %% mystnb={"image": {"alt": "Squared error per pixel against the noise level that the network is given, from 0.2 to 1.2: steep on the left, lowest at the true level 0.6, rising slowly on the right."}}
given = np.linspace(0.2, 1.2, 11)
errors = [number(error_when_told(float(level))) for level in given]
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(given, errors, "o-", color=du.plotting.LEARNED)
ax.axvline(0.6, color=du.plotting.GREY, lw=1)
ax.text(0.61, max(errors), "true level", color="#666666", va="top")
ax.set(
    xlabel="noise level given to the network",
    ylabel="squared error per pixel",
    title="One step on noise of level 0.6",
    ylim=(0, None),
)
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex00_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% mystnb={"image": {"alt": "Rows of the same ten digits with noise of 0.6. Given 0.3, one step leaves specks and ragged strokes, and five steps clear most of them. Given 0.6, one step is clean and soft; given 1, it is softer still."}} tags=["discussion"]
x_noisy = noisy[0.6][:10]
rows = [clean[:10], x_noisy]
for level, steps in [(0.3, 1), (0.3, 5), (0.6, 1), (1.0, 1)]:
    rows.append(du.iterate(denoiser, x_noisy, steps, level))
names = ["clean x", "σ = 0.6", "given 0.3", "0.3, 5 steps", "given 0.6", "given 1"]
du.plotting.show_images(rows, names)
plt.show()

# %% [markdown] tags=["discussion"]
# **Warm-up.** The logit $0.8/(2\sigma^2)$ is 4.44, 1.11 and 0.4, so the answers are 0.988, 0.752 and 0.599. A network that believes in 0.3 is too sure: it takes a bright pixel for ink, because noise of level 0.3 would rarely make a black pixel so bright. A network that believes in 1 trusts the pixel too little, and its answer is too grey.
#
# **The experiment.** The error is smallest at the true level. Only with that level does the network aim at the mean of the digits that may be behind this noise, and the mean has the smallest squared error. The curve is steeper on the left: being too sure costs more than being too careful.
#
# Given too small a level, the network leaves specks and ragged strokes. It is not broken. It answers with the posterior mean for *another* corruption, in which so bright a speck can only be ink. Further steps at the same level clear most of the specks. "Some noise is left over" is half an answer: say why.

# %% [markdown]
# ## (c) · The sentence as a formula
#
# *Core exercise, about 10 minutes.*
#
# The chapter's sentence in bold is about the best possible reconstruction $R^*(\tilde x)$. Minus the input, it is $\sigma^2$ times the gradient of the log-density of the corrupted data, which is called the score. Here you turn the sentence round and compute the score from a reconstruction.
#
# **Warm-up, with a pencil.** Take the black-or-white pixel of exercise (b), with $\sigma=0.3$. It arrives as $y=0.6$, and the best answer is $R^*(0.6)=0.752$. (i) What does the sentence give for the score at 0.6? (ii) Up to a constant, the density of $y$ is $e^{-y^2/0.18}+e^{-(y-1)^2/0.18}$. Compute its logarithm at 0.59 and at 0.61 on a pocket calculator, and divide the difference by 0.02. Do the two numbers agree?
#
# Write the score as a function of a reconstruction. The check uses distributions in the plane whose density $p_\sigma$ is known. It gives you their best reconstruction $R^*$ and compares your arrows with the gradient of $\log p_\sigma$ that PyTorch finds.


# %% nbgrader={"grade": false, "grade_id": "ex00_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(reconstruction, x_noisy, sigma):
    """The score s_sigma(x_noisy), (N, d), to within 0.1 per cent of the longest arrow.

    reconstruction, x_noisy: tensors (N, d), the second corrupted at level sigma, a number.
    """
    ### BEGIN SOLUTION
    return (reconstruction - x_noisy) / sigma**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def compare(density, name, sigma):
    clean_points = density.sample(500, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    x_noisy = du.corruption.gaussian(clean_points, sigma, generator).double().requires_grad_()
    log_density = density.smooth(sigma).log_prob(x_noisy)
    (exact,) = torch.autograd.grad(log_density.sum(), x_noisy)
    x_noisy = x_noisy.detach()
    mine = numbers(score(density.posterior_mean(x_noisy, sigma), x_noisy, sigma))
    assert mine.shape == exact.shape, f"expected the shape (500, 2), got {tuple(mine.shape)}"
    length = (mine.norm(dim=1).mean() / exact.norm(dim=1).mean()).item()
    cosine = du.cosine(mine, exact).mean().item()
    assert (mine - exact).abs().max() < 1e-3 * exact.norm(dim=1).max(), (
        f"{name}, sigma = {sigma}: your arrows have {length:.3g} times the length of the exact ones, "
        f"and the mean cosine between the two is {cosine:.2f}; both should be 1. Check sign and power of sigma"
    )


pixel = number(score(torch.tensor([[0.752]]), torch.tensor([[0.6]]), 0.3))
assert abs(pixel - 1.69) < 0.01, (
    f"the pixel of the warm-up: its score is 1.69, yours {pixel:.3f}. Check sign and power of sigma"
)
for sigma in (0.1, 0.5, 2.0):
    compare(du.ring(), "ring", sigma)
### BEGIN HIDDEN TESTS
for sigma in (0.05, 0.3, 1.0):
    compare(du.moons(), "moons", sigma)
### END HIDDEN TESTS
print("(c) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex00_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and my answer to the warm-up (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** (i) $(0.752-0.6)/0.3^2=1.69$. (ii) The logarithms are $-0.6206$ at 0.59 and $-0.5868$ at 0.61. Their difference, 0.0338, divided by 0.02 is 1.69. The two numbers agree, although the first was computed from a reconstruction and the second from a density.
#
# **The formula** is $\hat s(\tilde x)=(R(\tilde x)-\tilde x)/\sigma^2$. With the best reconstruction it is exact at small and at large $\sigma$, and for any distribution; chapter 02 proves it. Without the $\sigma^2$ the direction is right and the length is wrong, which is half an answer, because arrows at two noise levels could not be compared. A trained network is not the best reconstruction. Chapter 03 measures how near it comes.
