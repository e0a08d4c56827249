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
# # A2 · Exercises: what it took
#
# For [appendix A2](../A2-what-it-took.ipynb). You need linear algebra up to the singular value decomposition, and variances of sums. The three exercises take about 75 minutes; exercise (a) is the core one. The code takes under a minute.
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


def seeded(seed):
    return torch.Generator().manual_seed(seed)


# %%
# The checks read answers with these two functions.
from daeutils.teaching import number, numbers


# %% [markdown]
# ## (a) · A line that knows the data
#
# *About 30 minutes.*
#
# The network of the appendix starts from a line that assumes the uniform distribution: mean $\frac12$ and variance $\frac1{12}$ in each coordinate, and no correlation. Here you write the best linear denoiser for data with any mean $m$ and any covariance matrix $C$. It has the same form,
# $$r(\tilde x)=m+K(\tilde x-m),$$
# with a matrix $K$ in place of the number $k$.
#
# **Warm-up, with a pencil.** (1) The ring has the variance 0.0466 in each coordinate. Compute $k$ and $c$ of the appendix for $\sigma=0.05$, once with this variance and once with $\frac1{12}$. How different are they? (2) The axes of the coordinate system may be turned so that $C$ is diagonal, with the entries $v_1,\dots,v_d$, and Gaussian noise looks the same after the turn. What is $K$ in the turned system? Write it in a form that holds in every system.
#
# **Predict.** How much smaller does the relative error of the score get on the moons at $\sigma=0.05$, if the line knows mean and covariance? And at $\sigma=0.4$?


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exA2_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_linear(x_noisy, sigma, mean, covariance):
    """The best linear reconstruction: a tensor (N, d), to within 0.001.

    x_noisy: (N, d); mean: (d,); covariance: (d, d), of the clean data.
    """
    ### BEGIN SOLUTION
    noise = sigma**2 * torch.eye(len(mean), dtype=covariance.dtype)
    gain = torch.linalg.solve(covariance + noise, covariance)  # (C + sigma^2 I)^-1 C
    return mean + (x_noisy - mean) @ gain
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA2_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def check_line(x_noisy, sigma, mean, covariance, wanted, name):
    found = numbers(best_linear(x_noisy, sigma, mean, covariance))
    assert found.shape == wanted.shape, (
        f"{name}: expected {tuple(wanted.shape)}, got {tuple(found.shape)}"
    )
    assert (found - wanted).abs().max() < 1e-3, (
        f"{name}: expected {[round(v, 3) for v in wanted[0].tolist()]} for the first point, you find "
        f"{[round(v, 3) for v in found[0].tolist()]}. In the axes of C each coordinate is multiplied by "
        "v / (v + sigma^2), after the mean has been subtracted; the mean is added again at the end"
    )


check_line(
    torch.tensor([[0.8]]),
    0.5,
    torch.tensor([0.2]),
    torch.tensor([[0.5]]),
    torch.tensor([[0.6]], dtype=torch.float64),
    "one dimension, variance 0.5, mean 0.2, the input 0.8 at noise level 0.5",
)
check_line(
    torch.tensor([[1.0, 1.0]]),
    1.0,
    torch.zeros(2),
    torch.diag(torch.tensor([1.0, 3.0])),
    torch.tensor([[0.5, 0.75]], dtype=torch.float64),
    "variances 1 and 3, mean 0, the input (1, 1) at noise level 1",
)
### BEGIN HIDDEN TESTS
for seed in range(3):
    root = torch.randn(3, 3, generator=seeded(seed), dtype=torch.float64)
    C, m = root @ root.T, torch.rand(3, generator=seeded(seed + 9), dtype=torch.float64)
    y = torch.randn(5, 3, generator=seeded(seed + 20), dtype=torch.float64)
    values, axes = torch.linalg.eigh(C)
    K = axes @ torch.diag(values / (values + 0.3**2)) @ axes.T
    check_line(y, 0.3, m, C, m + (y - m) @ K.T, "a covariance matrix with correlations")
### END HIDDEN TESTS
print("(a) passes")

# %% tags=["nbval-ignore-output"]
moons = du.moons()
clean = moons.sample(20_000, seeded(0))
assumed = torch.full((2,), 0.5), torch.eye(2) / 12
known = clean.mean(0), torch.cov(clean.T)
rows = []
for sigma in (0.05, 0.4):
    x_noisy = du.corruption.gaussian(clean, sigma, seeded(1))
    exact = moons.smooth(sigma).score(x_noisy)
    for name, given in {"assumes the uniform": assumed, "knows the data": known}.items():
        r = numbers(best_linear(x_noisy, sigma, *given))
        error = du.relative_error((r - x_noisy) / sigma**2, exact)
        rows.append([sigma, name, error])
du.table(rows, {"σ": "g", "the line": "", "relative error": ".3f"})

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA2_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** (1) With 0.0466: $k=0.0466/0.0491=0.949$ and $c=0.05\sqrt{0.949}=0.0487$. With $\frac1{12}$: $k=0.971$ and $c=0.0493$. They hardly differ, so the wrong variance costs little at small noise. (2) Each coordinate is a problem of its own in the turned system, so $K$ is diagonal with the entries $v_i/(v_i+\sigma^2)$. In every system that is $K=C(C+\sigma^2I)^{-1}$.
#
# **The experiment.** At $\sigma=0.05$ the two lines differ by little, and neither is much better than copying: a line cannot turn towards the moons. At $\sigma=0.4$ the noisy data are nearly Gaussian, a Gaussian has a linear score, and the line that knows the data is good. There the wrong variance costs a lot. A network corrects it, since the layers may add another line.

# %% [markdown]
# ## (b) · Orthogonal without a decomposition
#
# *About 25 minutes.*
#
# Muon avoids the singular value decomposition. Here you write the simplest method that does, with a polynomial of degree three. First divide the matrix $G$ by its Frobenius norm (the root of the sum of all squared entries), which gives $X$. Then repeat
# $$X\;\leftarrow\;\tfrac32X-\tfrac12XX^\top X .$$
#
# **Warm-up, with a pencil.** Put $X=USV^\top$ into the formula. Which matrices change, and what happens to a singular value $s$? Where does $s$ go if it starts at 1, at 0.5 and at 0.01? About how many steps does 0.01 need until it exceeds 0.5? Muon's polynomial multiplies small values by 3.44 instead of 1.5. How many steps does it need?


# %% nbgrader={"grade": false, "grade_id": "exA2_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def orthogonalise(matrix, times):
    """The matrix after division by its Frobenius norm and so many steps, to within 0.001."""
    ### BEGIN SOLUTION
    x = matrix / matrix.norm()
    for _ in range(times):
        x = 1.5 * x - 0.5 * x @ x.mT @ x
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA2_b_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def check_steps(matrix, times, wanted, name):
    found = numbers(orthogonalise(matrix, times))
    assert found.shape == wanted.shape, (
        f"{name}: expected {tuple(wanted.shape)}, got {tuple(found.shape)}"
    )
    assert (found - wanted).abs().max() < 1e-3, (
        f"{name}: expected {[round(v, 3) for v in wanted[0].tolist()]} as the first row, you find "
        f"{[round(v, 3) for v in found[0].tolist()]}. First divide by the Frobenius norm, once; then each "
        "step takes X to 1.5 X - 0.5 X X^T X"
    )


diagonal = torch.diag(torch.tensor([0.6, 0.8]))
one_step = torch.diag(torch.tensor([0.792, 0.944], dtype=torch.float64))
check_steps(diagonal, 1, one_step, "the diagonal matrix of 0.6 and 0.8, one step")
check_steps(5 * diagonal, 1, one_step, "five times that matrix, one step")
### BEGIN HIDDEN TESTS
for seed, shape in enumerate([(4, 4), (5, 3), (3, 6)]):
    G = torch.randn(shape, generator=seeded(seed), dtype=torch.float64)
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    check_steps(G, 60, U @ Vh, f"a random matrix of {shape[0]} x {shape[1]}, 60 steps")
    x = G / G.square().sum().sqrt()
    for _ in range(2):
        x = 1.5 * x - 0.5 * x @ x.mT @ x
    check_steps(G, 2, x, f"a random matrix of {shape[0]} x {shape[1]}, two steps")
### END HIDDEN TESTS
print("(b) passes")

# %% mystnb={"image": {"alt": "Singular values of a matrix with values between 1 and 0.001, after 0, 5, 10 and 20 steps: from step to step more of them reach 1."}} tags=["nbval-ignore-output"]
left = torch.linalg.qr(torch.randn(30, 30, generator=seeded(4))).Q
right = torch.linalg.qr(torch.randn(30, 30, generator=seeded(5))).Q
G = left @ torch.diag(torch.logspace(0, -3, 30)) @ right
fig, ax = plt.subplots(figsize=(6, 3))
for times, grey in [(0, "#BBBBBB"), (5, "#888888"), (10, "#555555"), (20, "#000000")]:
    values = torch.linalg.svdvals(numbers(orthogonalise(G, times)))
    ax.plot(range(1, 31), values, "o-", ms=3, lw=1, color=grey)
    ax.text(30.5, values[-1], f"{times} steps", va="center", color=grey)
ax.set(yscale="log", xlim=(0, 36), xlabel="direction", ylabel="singular value")
ax.set_title("Each step lifts the weak directions")
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA2_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and my answer to the warm-up (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** $XX^\top X=US^3V^\top$, because $V^\top V=I$ and $U^\top U=I$. So the step leaves $U$ and $V$ as they are and takes each $s$ to $\frac32s-\frac12s^3$. The value 1 stays, 0.5 goes to 0.6875, and 0.01 goes to about 0.015. Small values grow by 1.5 a step, so $50=0.5/0.01$ needs $\log50/\log1.5\approx10$ steps. With 3.44 it is $\log50/\log3.44\approx3.2$, so four steps.
#
# **The experiment.** The division by the norm is needed because the polynomial works only for singular values up to $\sqrt3$; beyond that the step overshoots. Muon's polynomial has degree five and lifts small values faster. It pays with accuracy: its values end between 0.7 and 1.2 instead of at 1. For an optimiser that is exact enough.

# %% [markdown]
# ## (c) · What an average calms
#
# *About 20 minutes.*
#
# The simplest noisy descent has one weight $w$ and the loss $w^2/2$, whose gradient is $w$. Each batch adds noise to the gradient, so a step with learning rate $\eta$ is
# $$w\;\leftarrow\;w-\eta\,(w+s\,\varepsilon),\qquad\varepsilon\sim N(0,1).$$
#
# **Warm-up, with a pencil.** After many steps the variance $V$ of $w$ no longer changes. Write the variance after a step in terms of the variance before it, set the two equal, and solve for $V$. What does $V$ become for small $\eta$?
#
# **Predict.** Let $\eta=0.1$ and $s=1$. The running average $\bar w\leftarrow0.99\,\bar w+0.01\,w$ follows the weight. Is the variance of $\bar w$ smaller than $V$ by a factor of about 2, 10 or 100?
#
# Write the variance $V$, and the running average at the end of a path of weights.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "exA2_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary_variance(rate, s):
    """The variance of w after many steps, one number to within one per cent."""
    ### BEGIN SOLUTION
    return rate * s**2 / (2 - rate)
    ### END SOLUTION


def running_average(path, kept):
    """The last running average, one number: it starts at path[0], and then each weight
    moves it to kept * average + (1 - kept) * weight."""
    ### BEGIN SOLUTION
    average = path[0]
    for weight in path[1:]:
        average = kept * average + (1 - kept) * weight
    return average
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "exA2_c_variance", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = number(stationary_variance(1.0, 2.0))
assert abs(found - 4) < 0.04, (
    f"with rate 1 the step leaves only the noise, -s eps, of variance 4 for s = 2; you find {found:.4f}"
)
### BEGIN HIDDEN TESTS
for rate, s in [(0.1, 1.0), (0.5, 0.3), (1.5, 1.0)]:
    V = 0.0
    for _ in range(2000):
        V = (1 - rate) ** 2 * V + rate**2 * s**2
    found = number(stationary_variance(rate, s))
    assert abs(found / V - 1) < 0.01, (
        f"rate {rate}, s = {s}: after many steps the variance is {V:.4f}, you find {found:.4f}. A step "
        "multiplies w by 1 - rate, so its variance by the square of that, and adds rate^2 s^2"
    )
### END HIDDEN TESTS
print("(c), the variance, passes")

# %% nbgrader={"grade": true, "grade_id": "exA2_c_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
found = number(running_average([1.0, 2.0, 3.0], 0.5))
assert abs(found - 2.25) < 1e-3, (
    f"of the weights 1, 2 and 3 the running average with kept = 0.5 is 2.25, you find {found:.4f}"
)
### BEGIN HIDDEN TESTS
path = torch.randn(50, generator=seeded(0), dtype=torch.float64).tolist()
share = torch.tensor([0.9**49, *(0.1 * 0.9 ** (49 - t) for t in range(1, 50))], dtype=torch.float64)
wanted = (share @ torch.tensor(path, dtype=torch.float64)).item()
found = number(running_average(path, 0.9))
assert abs(found - wanted) < 1e-3, (
    f"of 50 random weights the running average with kept = 0.9 is {wanted:.4f}, you find {found:.4f}: the "
    "average keeps the share `kept` of itself at each weight"
)
### END HIDDEN TESTS
print("(c) passes")

# %% tags=["nbval-ignore-output"]
w, noise_of_steps = np.zeros(2000), np.random.default_rng(0)
path = [w]
for _ in range(1000):
    w = w - 0.1 * (w + noise_of_steps.normal(size=2000))
    path.append(w)
averages = [number(running_average(list(one), 0.99)) for one in np.stack(path, 1)]  # of 2,000 descents
predicted = number(stationary_variance(0.1, 1.0))
print(f"variance of the last weight: predicted {predicted:.4f}, measured {w.var():.4f}")
print(f"variance of the running average: measured {np.var(averages):.4f}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "exA2_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# **Warm-up.** A step gives $(1-\eta)w-\eta s\varepsilon$. The two terms are independent, so $V=(1-\eta)^2V+\eta^2s^2$. With $1-(1-\eta)^2=\eta(2-\eta)$ this is $V=\eta s^2/(2-\eta)$, and for small $\eta$ about $\eta s^2/2$. A smaller rate calms the weight, and it slows the descent in proportion.
#
# **The experiment.** The variance of the average is smaller by a factor of about ten. The average looks back over about 100 steps, but neighbouring weights are alike, because each step forgets only a tenth of the weight. So 100 steps contain about ten independent weights. The average buys the calm of a small learning rate without its slowness.
