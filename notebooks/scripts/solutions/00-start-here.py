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
# For [chapter 00](../00-start-here.ipynb). Needed: Python, and what the chapter's table of symbols says. About 30 minutes; the code takes seconds.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import daeutils as du
import matplotlib.pyplot as plt
import torch

du.plotting.use_style()
digits, labels = du.digits("test")
clean, labels = digits[:100], labels[:100]
denoiser = du.load("digits-unet-bce", device="cpu")
noisy = {
    sigma: du.corruption.gaussian(clean, sigma, torch.Generator().manual_seed(0)) for sigma in (0.6, 1.0)
}

# %% [markdown]
# ## (a) · More noise
#
# Change the noise level of the taste from $\sigma=0.6$ to $\sigma=1$, and tell the denoiser so. Decide first, on paper, which of these four statements will be true of 100 test digits:
#
# 1. after one pass the images are *greyer*: more of their pixels lie between 0.1 and 0.9;
# 2. after one pass they are further from the clean digits, in squared error;
# 3. one pass leaves a larger *share* of the squared error that the noise made;
# 4. after five passes more of the images show another digit than the one that was there.
#
# Write your four predictions, and the function that measures the first. The check measures all four.


# %% nbgrader={"grade": false, "grade_id": "ex00_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def predictions():
    """Four truth values, for the statements 1 to 4."""
    ### BEGIN SOLUTION
    return True, True, False, True
    ### END SOLUTION


def grey_share(images):
    """The share of pixels between 0.1 and 0.9, a number; images: (N, 1, 28, 28)."""
    ### BEGIN SOLUTION
    return ((images > 0.1) & (images < 0.9)).float().mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ramp = torch.linspace(0, 1, 1001).view(1, 1, 7, 143)
share = float(grey_share(ramp))
assert abs(share - 0.8) < 0.01, (
    "on an image with all greys from 0 to 1 alike, the share between 0.1 and 0.9 is 0.8; "
    f"yours is {share:.3f}"
)
assert len(predictions()) == 4, "four statements ask for four truth values"
measured = {}
for sigma, x_noisy in noisy.items():
    path = du.iterate(denoiser, x_noisy, 5, sigma, return_path=True)
    error = (path[1] - clean).square().mean().item()
    other = 1 - du.evaluation.accuracy(path[5], labels)
    measured[sigma] = (grey_share(path[1]), error, error / sigma**2, other)
for number, (said, low, high) in enumerate(zip(predictions(), measured[0.6], measured[1.0]), start=1):
    assert bool(said) == (high > low), (
        f"statement {number}: you said {bool(said)}; measured {low:.3f} at sigma = 0.6 and {high:.3f} at sigma = 1. "
        "A prediction that failed is worth an explanation: which digits may stand behind the noise?"
    )
print("(a) passes")

# %% mystnb={"image": {"alt": "Rows of the same ten digits, at noise level 0.6 and at 1: noisy, after one pass, after five. At the higher level one pass is softer, and five passes give other digits more often."}} tags=["discussion"]
rows, names = [clean[:10]], ["clean x"]
for sigma, x_noisy in noisy.items():
    path = du.iterate(denoiser, x_noisy[:10], 5, sigma, return_path=True)
    rows += [x_noisy[:10], path[1], path[5]]
    names += [f"σ = {sigma:g}", "one pass", "five passes"]
du.plotting.show_images(rows, names)
plt.show()

# %% [markdown] tags=["discussion"]
# Behind more noise there are more possible digits. The reconstruction is their mean, so it is softer and further from the one that was there; five passes settle on one of them, and more often on another.
# The third statement is the trap. The noise's squared error grows from $0.36$ to $1$ a pixel, nearly three times; that of the reconstruction grows less, and cannot grow beyond that of the mean digit. So the first claim of the chapter, one pass removes nine
# tenths, passes with more room than before. "More blurred" is half an answer.

# %% [markdown]
# ## (b) · A denoiser that is told the wrong level
#
# The noise is $\sigma=0.6$, but the network is told another level. Predict: told too little, what will its answer look like? And which level should one tell it, for the smallest squared error after one pass?
#
# Write the error of one pass against the clean digits, and the choice.


# %% nbgrader={"grade": false, "grade_id": "ex00_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def error_when_told(told):
    """Mean squared error a pixel of one pass over noisy[0.6], if the denoiser is told `told`."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        return (denoiser(noisy[0.6], told) - clean).square().mean().item()
    ### END SOLUTION


def level_to_tell(levels):
    """The one of these levels that makes that error smallest."""
    ### BEGIN SOLUTION
    return min(levels, key=error_when_told)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_b_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
levels = (0.2, 0.4, 0.6, 0.8, 1.0)
for told in levels:
    with torch.no_grad():
        wanted = torch.nn.functional.mse_loss(denoiser(noisy[0.6], told), clean).item()
    error = float(error_when_told(told))
    assert abs(error - wanted) < 0.001 * wanted, (
        f"told {told}: the mean squared error a pixel is {wanted:.4f}, yours is {error:.4f}. "
        "Corrupt with 0.6, tell the network `told`, compare with the clean digits, take the mean over pixels"
    )
assert level_to_tell(levels) == 0.6, (
    f"you tell it {level_to_tell(levels)}. Only the true level makes its answer the mean of the digits "
    "that may be behind this noise, and the mean has the smallest squared error"
)
print("(b) passes")

# %% mystnb={"image": {"alt": "Rows of the same ten digits with noise of 0.6: told 0.3, one pass leaves specks and ragged strokes and five passes clear most of them; told 0.6, one pass is clean and soft; told 1, it is softer still."}} tags=["discussion"]
x_noisy = noisy[0.6][:10]
rows = [clean[:10], x_noisy]
for told, passes in [(0.3, 1), (0.3, 5), (0.6, 1), (1.0, 1)]:
    rows.append(du.iterate(denoiser, x_noisy, passes, told))
names = ["clean x", "σ = 0.6", "told 0.3", "five passes", "told 0.6", "told 1"]
du.plotting.show_images(rows, names)
plt.show()

# %% [markdown] tags=["discussion"]
# Told too little, the network takes part of the noise for ink: specks and ragged strokes stay. It is not broken. It answers with the posterior mean for *another* corruption, in which so large a speck can only be ink. Further passes, told the same, clear most of it.
# Told too much, it trusts the image less than it may and gives too soft an answer. "Noise is left over" is half an answer: say why.

# %% [markdown]
# ## (c) · The sentence as a formula
#
# *Reconstruction minus input points along the gradient of the log-density of the corrupted data.* Along it, and how long? The table of symbols has the formula. Write the score from a reconstruction. The check takes laws in the plane whose density $p_\sigma$ is known, gives you their best
# reconstruction $R^*$, and compares with the gradient of $\log p_\sigma$ that PyTorch finds.


# %% nbgrader={"grade": false, "grade_id": "ex00_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(reconstruction, x_noisy, sigma):
    """The score s_sigma(x_noisy), (N, d), from the reconstruction of x_noisy, (N, d)."""
    ### BEGIN SOLUTION
    return (reconstruction - x_noisy) / sigma**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00_c_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
for name, law in {"ring": du.ring(), "moons": du.moons()}.items():
    for sigma in (0.1, 0.5, 2.0):
        x_noisy = du.corruption.gaussian(
            law.sample(500, torch.Generator().manual_seed(1)), sigma, torch.Generator().manual_seed(2)
        )
        x_noisy = x_noisy.double().requires_grad_()
        log_density = law.smooth(sigma).log_prob(x_noisy)
        (exact,) = torch.autograd.grad(log_density.sum(), x_noisy)
        x_noisy = x_noisy.detach()
        mine = score(law.posterior_mean(x_noisy, sigma), x_noisy, sigma)
        length = (mine.norm(dim=1).mean() / exact.norm(dim=1).mean()).item()
        cosine = du.cosine(mine, exact).mean().item()
        assert (mine - exact).abs().max() < 1e-4 * exact.abs().max(), (
            f"{name}, sigma = {sigma}: your arrows have {length:.3g} times the length of the exact ones, "
            f"and the mean cosine between the two is {cosine:.2f}; both should be 1. Check sign and power of sigma"
        )
print("(c) passes")

# %% [markdown] tags=["discussion"]
# $\hat s(\tilde x)=(R(\tilde x)-\tilde x)/\sigma^2$. With the best reconstruction it is exact, at small and at large $\sigma$ and for any law: chapter 02 proves it. Without the $\sigma^2$ the direction is right and the length is not, which is half an answer:
# arrows of two noise levels cannot then be compared. A trained network is not the best reconstruction; chapter 03 measures how near it comes.
