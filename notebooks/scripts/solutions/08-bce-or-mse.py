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
# # 08 · Exercises: BCE or MSE
#
# For [chapter 08](../08-bce-or-mse.ipynb). You need the chapter, variances, and what a $t$ interval is. About two hours for all four: (a) 25 minutes, (b) 40 (the core exercise), (c) 30 and (d) 25. The code takes less than a minute.
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
from scipy import integrate, stats
from scipy.optimize import minimize
from scipy.special import expit

du.plotting.use_style()


def close(found, expected, rtol=1e-3):
    """Whether numbers, arrays or tensors agree within a thousandth."""
    found, expected = (np.asarray([float(v) for v in np.ravel(x)]) for x in (found, expected))
    return found.shape == expected.shape and np.allclose(found, expected, rtol=rtol, atol=1e-9)


# %% [markdown]
# ## (a) · Another optimiser, five seeds
#
# On the ring, after 200 steps with the optimiser Muon, MSE was ahead in all fifteen pairs of trainings. The next cell trains with `optimiser="adam"` for 400 steps, at $\sigma=0.05$, for five seeds with each loss. Everything else is the same within a seed.
#
# **Warm-up, with a pencil.** Two seeds. In the first one BCE has the error 0.10 and MSE 0.09, in the second BCE has 0.40 and MSE 0.44. What is the difference of the mean errors in per cent? What is the mean of the paired differences in per cent? Which of the two numbers lets the harder seed decide?
#
# **Predict** before you run it: will a difference be clear with Adam, and in whose favour?
#
# **Write** the comparison: the mean of the *paired* differences in per cent, half the width of its 95 per cent $t$ interval, and a verdict. The check accepts a relative error of a thousandth.


# %% [markdown]
# **My prediction, and the reason for it:** ...

# %%
ring, sigma = du.ring(), 0.05
fresh = ring.sample(5000, torch.Generator().manual_seed(1000))
fresh_noisy = du.corruption.gaussian(fresh, sigma, torch.Generator().manual_seed(2000))


def ring_error(objective, seed, steps=400):
    """Relative error of the score after a training with Adam."""
    sample = ring.sample(10_000, torch.Generator().manual_seed(1 + seed)).clamp(0, 1)
    network = du.MLPDenoiser(2, hidden=64, seed=seed)
    how = dict(optimiser="adam", steps=steps, batch_size=256, seed=seed, device="cpu")
    du.fit(network, sample, sigma=sigma, objective=objective, **how)
    with torch.no_grad():
        estimate = du.score_from_denoiser(network, fresh_noisy, sigma)
    return du.relative_error(estimate, ring.smooth(sigma).score(fresh_noisy))


ring_errors = {loss: [ring_error(loss, seed) for seed in range(5)] for loss in ("bce", "mse")}


# %% nbgrader={"grade": false, "grade_id": "ex08_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compare(new, old):
    """Compare two lists of errors, one entry a seed, the same seed at the same place.

    Returns (mean, half, verdict): the mean over the seeds of the difference new - old in per cent of
    old; half the width of its 95 per cent t interval; and "new" or "old", whichever is clearly the
    *smaller*, or "not clear" where the interval holds 0.
    """
    ### BEGIN SOLUTION
    difference = 100 * (np.asarray(new) / np.asarray(old) - 1)
    n = len(difference)
    mean = difference.mean()
    half = stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / n**0.5
    if abs(mean) <= half:
        return mean, half, "not clear"
    return mean, half, "new" if mean < 0 else "old"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex08_a_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
found = compare([0.09, 0.44], [0.10, 0.40])
assert abs(float(found[0])) < 1e-3, (
    f"the warm-up: the differences are -10 and +10 per cent, so their mean is 0; yours is {float(found[0]):.2f}. Take the "
    "difference in per cent within each seed first, new against old, and average it after: the seeds are paired."
)
### BEGIN HIDDEN TESTS
chance = np.random.default_rng(0)
easy_or_hard = np.exp(chance.normal(size=5))  # some seeds are three times as hard, in both arms
cases = {
    "new clearly smaller": (0.9, 0.01, "new"),
    "new clearly larger": (1.1, 0.01, "old"),
    "new smaller on average, not clearly": (0.97, 0.2, "not clear"),
}
for name, (factor, scatter, expected) in cases.items():
    some = easy_or_hard * factor * np.exp(scatter * np.array([-1, 0.6, -0.3, 1, -0.2]))
    found = compare(some, easy_or_hard)
    each = stats.ttest_1samp(100 * (some / easy_or_hard - 1), 0)
    low, high = each.confidence_interval(0.95)
    assert close(found[0], (low + high) / 2), (
        f"{name}: your mean is {float(found[0]):.2f} per cent, expected {(low + high) / 2:.2f}. Take the difference in per "
        "cent within each seed first, new against old, and average it after: the seeds are paired."
    )
    assert close(found[1], (high - low) / 2), (
        f"{name}: half the width is {float(found[1]):.3f}, expected {(high - low) / 2:.3f}. Five seeds: a quantile of "
        "the t distribution with 4 degrees of freedom, the deviation with n - 1, and the root of n."
    )
    assert found[2] == expected, (
        f"{name}: the interval is [{low:.1f}, {high:.1f}] per cent and your verdict {found[2]!r}, expected "
        f"{expected!r}. These are errors, so the smaller is the better; an interval that holds 0 decides nothing."
    )
### END HIDDEN TESTS
print("(a) passes")

# %% tags=["nbval-ignore-output"]
mean, half, verdict = compare(ring_errors["mse"], ring_errors["bce"])
du.table(
    [[loss.upper(), *values] for loss, values in ring_errors.items()],
    {"relative error of the score": ""} | {f"seed {seed}": ".3f" for seed in range(5)},
)
print(f"MSE against BCE: {mean:+.1f} ± {half:.1f} per cent; verdict, new is MSE: {verdict}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex08_a_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* The mean errors are 0.25 and 0.265, so MSE is 6 per cent behind. The paired differences are $-10$ and $+10$ per cent, and their mean is 0. The difference of the means lets the harder seed decide, because its errors are larger.
#
# With Adam, after 400 steps, MSE is ahead with each of our five seeds: the interval is about $-21\pm11$ per cent. But do not write "MSE is better on the ring" yet. Call `ring_error` with `steps=200` and with `steps=800`: in our runs the interval holds 0 at both. What was measured is which of two trainings is further on at *one* moment. A half answer names a winner without an interval; a full one also says at how many steps.

# %% [markdown]
# ## (b) · Where BCE changes its mind
#
# The narrow code of the chapter carries one number for two pixels. Pixel 1 takes the levels $m\pm0.03$, pixel 2 the levels $0.5\pm0.04$, each a bump of standard deviation 0.006; noise of level $\sigma=0.02$ is added. BCE keeps pixel 1 when $m$ is small, and changes its mind at about $m=0.14$.
#
# Let pixel 2 vary by $\pm0.05$ instead.
#
# **Warm-up, with a pencil.** Forget the noise: let $v_1=0.03^2$ and $v_2=0.05^2$ be the variances of the clean levels. At which $m$ would BCE be indifferent?
#
# **Predict**, before you compute: with the noise, is the switch above or below the value of the warm-up?
#
# **Write** the prediction as a function. The chapter's rule is $v_1/(2m(1-m))=2v_2$. Which variances are $v_1$ and $v_2$? The second check trains the code on both sides of your answer. Both checks accept a relative error of a thousandth.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %%
class OneNumber(du.Denoiser):
    """The autoencoder of the chapter: a code of one number, a straight line, a sigmoid."""

    def __init__(self, mean, seed):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = [torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1)]
            self.code, self.decode = torch.nn.Sequential(*layers), torch.nn.Linear(1, 2)
        self.mean = mean.float()

    def logits(self, y, sigma=None):
        shift = 0.05 * self.decode(self.code((y - self.mean) / 0.05))
        return self.mean.logit() + shift / (self.mean * (1 - self.mean))


def error_of_pixel_1(centre, half_2, seed=0, sigma=0.02):
    """Train with BCE; error of pixel 1 over its spread: small where it is kept, 1 where it is dropped."""
    levels = torch.tensor([centre - 0.03, centre + 0.03]), torch.tensor([0.5 - half_2, 0.5 + half_2])
    density = du.GaussianMixture(torch.cartesian_prod(*levels), 0.006**2)
    network = OneNumber(density.mean(), seed)
    sample = density.sample(10_000, torch.Generator().manual_seed(1)).clamp(0, 1)
    how = dict(optimiser="adam", lr=3e-2, batch_size=256, steps=200, seed=seed, device="cpu")
    du.fit(network, sample, sigma=sigma, **how)
    chance = torch.Generator().manual_seed(2)
    y = du.corruption.gaussian(density.sample(5000, chance), sigma, chance)
    optimum = density.posterior_mean(y, sigma)
    with torch.no_grad():
        return ((network(y) - optimum)[:, 0].square().mean().sqrt() / optimum[:, 0].std()).item()


# %% nbgrader={"grade": false, "grade_id": "ex08_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def variance_to_carry(half, std=0.006, sigma=0.02):
    """What leaving out a pixel costs: the v of the rule, for levels ± half with bumps of that std."""
    ### BEGIN SOLUTION
    pixel = du.GaussianMixture([[-half], [half]], std**2)  # where its middle lies does not matter
    y = torch.linspace(-half - 0.15, half + 0.15, 4001, dtype=torch.float64)[:, None]
    weight = pixel.smooth(sigma).log_prob(y).exp()
    optimum = pixel.posterior_mean(y, sigma)[:, 0]  # its mean is 0
    return ((weight * optimum**2).sum() / weight.sum()).item()
    ### END SOLUTION


def switch(half_1, half_2):
    """The mean level of pixel 1, between 0 and 1/2, at which BCE is indifferent between the two pixels."""
    ### BEGIN SOLUTION
    ratio = variance_to_carry(half_1) / variance_to_carry(half_2)  # = 4 m (1 - m)
    return 0.5 - (0.25 - 0.25 * ratio) ** 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex08_b_variance_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert float(variance_to_carry(0.03)) < float(variance_to_carry(0.05)), (
    "the more a pixel varies, the more it costs to leave it out"
)
### BEGIN HIDDEN TESTS
for half in (0.03, 0.04, 0.05):
    smoothed = du.GaussianMixture([[-half], [half]], 0.006**2).smooth(0.02)

    def squared_score(y, density=smoothed):
        at = torch.tensor([[y]], dtype=torch.float64)
        return (density.log_prob(at).exp() * density.score(at)[0, 0] ** 2).item()

    clean = half**2 + 0.006**2
    bayes_risk = 0.02**2 - 0.02**4 * integrate.quad(squared_score, -0.25, 0.25, limit=200)[0]
    found, expected = float(variance_to_carry(half)), clean - bayes_risk
    assert close(found, expected), (
        f"levels ± {half}: your v is {found:.6f}, expected {expected:.6f}; the clean pixel has {clean:.6f}, the noisy one "
        f"{clean + 0.02**2:.6f}. An autoencoder sees the noisy pixel and can pass on its *posterior mean*: "
        "what is lost by leaving it out is the variance of that."
    )
### END HIDDEN TESTS
print("(b) the variance passes")

# %% nbgrader={"grade": true, "grade_id": "ex08_b_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The variances here are your own: a wrong one is judged by the check before.
assert switch(0.03, 0.05) < switch(0.03, 0.04), (
    "the more pixel 2 varies, the blacker pixel 1 must be to be kept; take the root below 1/2"
)
### BEGIN HIDDEN TESTS
v_1 = float(variance_to_carry(0.03))
for half in (0.03, 0.04, 0.05):
    m = float(switch(0.03, half)) if half > 0.03 else 0.5
    v_2 = float(variance_to_carry(half))
    assert 0 < m <= 0.5 and abs(v_1 / (m * (1 - m)) / (4 * v_2) - 1) < 1e-3, (
        f"pixel 2 at ± {half}: at your switch m = {m:.4f} the two sides of v1 / (2 m (1 - m)) = 2 v2 are "
        f"{v_1 / (2 * m * (1 - m)):.5f} and {2 * v_2:.5f}. Solve the quadratic for m, and take the root below 1/2."
    )
### END HIDDEN TESTS
m = float(switch(0.03, 0.05))
kept, dropped = error_of_pixel_1(0.6 * m, 0.05), error_of_pixel_1(1.6 * m, 0.05)
assert kept < 0.5 < 0.8 < dropped, (
    f"trained at 0.6 and 1.6 times your switch, pixel 1 has the errors {kept:.2f} and {dropped:.2f}; expected a small "
    "one below the switch and nearly 1 above."
)
print("(b) passes")

# %% mystnb={"image": {"alt": "Error of pixel 1 over its spread against its mean level, trained with BCE, when pixel 2 varies by 0.04 and by 0.05: small at low levels and one at high levels; each jumps near its dashed line, the predicted switch at 0.14 and at about 0.08."}} tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6.5, 3))
centres = [0.05, 0.07, 0.09, 0.11, 0.13, 0.16, 0.20]
for half_2, color in [(0.04, du.plotting.INK), (0.05, "#009E73")]:
    values = [error_of_pixel_1(c, half_2) for c in centres]
    du.plotting.curve(ax, centres, values, color=color, label=f"pixel 2 at 0.5 ± {half_2}")
    ax.axvline(switch(0.03, half_2), color=color, ls="--", lw=1)
ax.set(xlabel="mean grey level of pixel 1", ylabel="error / spread of pixel 1", title="Dashed: predicted")
ax.legend()
plt.show()

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex08_b_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* $0.0009/(2m(1-m))=0.005$ gives $m(1-m)=0.09$, so $m=\frac12-\sqrt{\frac14-0.09}=0.10$.
#
# The true switch is lower, at about 0.08. The noise is almost as large as the signal, and the narrower pixel loses more of its variance to it. Only the variance of the posterior mean can be passed on. So pixel 1 has less to offer than the warm-up says, and it must be blacker to be kept. An answer of 0.10 is half an answer. The training knows none of these formulas and agrees: the weights $1/(2R^*(1-R^*))$ are what the network acts on.

# %% [markdown]
# ## (c) · A grey pixel whose uncertainty is the same everywhere
#
# In the chapter BCE fitted a black-or-white pixel better, by the plain squared error and by the weighted one. There $x\in\{0,1\}$, so given $y$ the variance of $x$ is $R^*(1-R^*)$.
#
# Let now $y$ be uniform on $[-0.2,1.2]$, $R^*(y)=\operatorname{sigmoid}(4y-2)$, and $x=R^*(y)\pm0.05$ with equal chance: grey levels from about 0.06 to 0.94, and the same uncertainty at each. Fit $\operatorname{sigmoid}(c_0+c_1y)$ to 400 pairs, with either loss.
#
# **Warm-up, with a pencil.** Between which values does $R^*$ lie? What is the variance of $x$ given $y$? By which factor does BCE's weight at the ends of the range exceed its weight in the middle?
#
# **Predict.** Which loss wins by the plain squared error, $E(R-R^*)^2$? And which by BCE's own measure, with the weight $1/(R^*(1-R^*))$?
#
# **Write** the experiment for one seed. `np.average(values, weights=...)` gives a weighted mean; `minimize(risk, [-2.0, 4.0]).x` fits. The check repeats it 200 times and compares with what the theory of large samples says; it allows for chance.


# %% [markdown]
# **My prediction, and the reason for it:** ...


# %% nbgrader={"grade": false, "grade_id": "ex08_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grey_pixel(seed, n=400):
    """Squared error of R against R*, averaged over y uniform on [-0.2, 1.2].

    Draw with chance = np.random.default_rng(seed). Returns a (2, 2) array: a row for BCE and one for MSE; a
    column for the plain error and one for the error weighted by 1 / (R* (1 - R*)).
    """
    at = np.linspace(-0.2, 1.2, 400)  # average over these
    ### BEGIN SOLUTION
    chance = np.random.default_rng(seed)
    y = chance.uniform(-0.2, 1.2, n)
    x = expit(4 * y - 2) + 0.05 * chance.choice([-1, 1], n)
    best = expit(4 * at - 2)
    risks = [
        lambda c: np.mean(np.logaddexp(0, c[0] + c[1] * y) - x * (c[0] + c[1] * y)),
        lambda c: np.mean((expit(c[0] + c[1] * y) - x) ** 2),
    ]
    fitted = [minimize(risk, [-2.0, 4.0]).x for risk in risks]
    errors = [(expit(c[0] + c[1] * at) - best) ** 2 for c in fitted]
    return np.array([[e.mean(), np.average(e, weights=1 / (best * (1 - best)))] for e in errors])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex08_c_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
repeats = np.array(
    [np.asarray(grey_pixel(seed), dtype=float) for seed in range(200)]
)  # (200, loss, norm)
assert repeats.shape == (200, 2, 2), (
    f"one seed gives an array of shape {repeats.shape[1:]}, expected (2, 2)"
)


### BEGIN HIDDEN TESTS
def large_sample(variance):
    """n times the expected errors for many pairs, as grey_pixel orders them, by the delta method."""
    at = np.linspace(-0.2, 1.2, 4001)
    best = expit(4 * at - 2)
    slope = best * (1 - best)  # dR / d(c0 + c1 y)
    z = np.stack([np.ones_like(at), at])
    rows = []
    for factor in (np.ones_like(at), 2 * slope):  # the risk's gradient is factor (R - x) z
        bread = np.linalg.inv((factor * slope * z) @ z.T / len(at))
        covariance = bread @ ((factor**2 * variance * z) @ z.T / len(at)) @ bread
        error = slope**2 * np.einsum("ia,ij,ja->a", z, covariance, z)
        rows.append([error.mean(), np.average(error, weights=1 / slope)])
    return np.array(rows)


found, expected = 400 * repeats.mean(0), large_sample(0.05**2)
assert np.allclose(found, expected, rtol=0.3), (
    f"400 times your mean errors are {found.round(4).tolist()}, theory for many pairs has {expected.round(4).tolist()} "
    "(rows BCE, MSE; columns plain, weighted). Draw x = R* ± 0.05, measure against R* and not against x, and divide "
    "by the sum of the weights."
)
ratio, ratio_expected = found[1] / found[0], expected[1] / expected[0]
assert np.allclose(ratio, ratio_expected, atol=0.1), (
    f"MSE over BCE is {ratio.round(2).tolist()} (plain, weighted), expected {ratio_expected.round(2).tolist()}: are the rows BCE, MSE?"
)
### END HIDDEN TESTS
gain = repeats[:, 0] - repeats[:, 1]
assert (gain.mean(0) > 2 * gain.std(0) / 200**0.5).all(), (
    "in our runs one loss is clearly ahead by both measures; yours disagree. Measure against R*."
)
print("(c) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex08_c_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* $R^*$ lies between $\mathrm{sigmoid}(-2.8)=0.057$ and $0.943$. The variance is $0.05^2=0.0025$ at every $y$. The weight $1/(2R^*(1-R^*))$ is 2 in the middle and $1/(2\cdot0.057\cdot0.943)=9.3$ at the ends, 4.7 times as large.
#
# MSE wins by *both* measures, BCE's own included. That is no accident of the numbers. To first order $R-R^*$ is linear in the error of $(c_0,c_1)$, so each measure is a quadratic form of its covariance. Least squares with the right weights has the smallest covariance (Gauss and Markov), so it has the smallest value of every such form.
#
# The right weight is one over the variance of $x$ given $y$. Here that is constant, which is MSE; for a black-or-white pixel it is $1/(R^*(1-R^*))$, which is BCE. So do not only ask by which measure you will report. Ask how uncertain $x$ is, and where. An answer that takes the plain measure only, or expects BCE to win by its own, is half an answer.

# %% [markdown]
# ## (d) · Ten times longer, near black
#
# Take all pixels that a network reconstructs as nearly black, between 0.001 and 0.01. Divide the mean of the *clean* pixels there by the mean of the reconstructions. For $R^*$ this is 1, since $E[x\mid R^*]=R^*$. The chapter calls it the calibration near black.
#
# In the chapter both sigmoid networks came fairly close to 1 after a short training (0.85 and 0.80). Here is another network, `du.MLPDenoiser`, which has a linear part built in. `train_digits` trains it on the digits at $\sigma=0.4$.
#
# **Warm-up, with a pencil.** A pixel has $R^*=0.05$ and is reconstructed as 0.005. What are the slopes of BCE and of MSE in its logit? And for a pixel with $R^*=0.545$ that is reconstructed as 0.5?
#
# **Predict**: from 60 steps to 600, does the difference between the losses near black shrink? They have the same best answer, after all.
#
# **Write** the calibration, and the difference as a ratio of two calibrations, with the same seed.

# %% [markdown]
# **My prediction, and the reason for it:** ...

# %%
train = du.digits("train")[0].flatten(1)
test = du.digits("test")[0][:1000].flatten(1)


def train_digits(objective, steps, seed=0):
    """A network of one noise level, 0.4, with a sigmoid; call it as network(x_noisy)."""
    network = du.MLPDenoiser(784, hidden=128, depth=2, seed=seed)
    how = dict(optimiser="adam", lr=2e-3, batch_size=64, seed=seed, device="cpu")
    du.fit(network, train, sigma=0.4, objective=objective, steps=steps, **how)
    return network.requires_grad_(False)


# %% nbgrader={"grade": false, "grade_id": "ex08_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration(r, x, low=0.001, high=0.01):
    """Mean clean pixel over mean reconstruction where the reconstruction r lies in (low, high).

    r, x: (N, D), reconstructions and clean images.
    """
    ### BEGIN SOLUTION
    dark = (r > low) & (r < high)
    return (x[dark].mean() / r[dark].mean()).item()
    ### END SOLUTION


def difference_near_black(steps):
    """Calibration of the MSE network over that of the BCE network on noisy test digits, after those steps."""
    ### BEGIN SOLUTION
    y = du.corruption.gaussian(test, 0.4, torch.Generator().manual_seed(0))
    mse, bce = [calibration(train_digits(loss, steps)(y), test) for loss in ("mse", "bce")]
    return mse / bce
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex08_d_calibration_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
tiny = torch.tensor([[0.002, 0.004, 0.5]]), torch.tensor([[0.0, 0.012, 0.6]])
assert close(calibration(*tiny), 2), (
    "of three pixels, reconstructed as 0.002, 0.004 and 0.5 and in truth 0, 0.012 and 0.6, the first two count: "
    f"choose the pixels by the *reconstruction* and divide the clean mean, 0.006, by 0.003; you find {float(calibration(*tiny)):.3f}."
)
### BEGIN HIDDEN TESTS
few = train[:300]  # a distribution of 300 digits, whose R* is known
drawn = few[torch.arange(6000) % 300]
noisy = du.corruption.gaussian(drawn, 2.0, torch.Generator().manual_seed(1))
optimum = du.from_points(few).posterior_mean(noisy, 2.0)
for name, r, expected in [("R*", optimum, 1.0), ("half of R*", optimum / 2, 2.0)]:
    found = float(calibration(r, drawn, 0.01 * r.max().item(), 0.1 * r.max().item()))
    assert abs(found / expected - 1) < 0.2, (
        f"of {name} your calibration is {found:.2f}, expected {expected:.0f}: choose the pixels by the *reconstruction*, "
        "since E[x given R*] = R*, and divide the clean mean by the reconstructed one."
    )
### END HIDDEN TESTS
print("(d) the calibration passes")

# %% nbgrader={"grade": true, "grade_id": "ex08_d_check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The ratio is one of your own calibrations, so it can only be as right as they are.
early = float(difference_near_black(60))
assert early > 1.05, (
    f"after 60 steps your ratio is {early:.2f}: expected one above 1, MSE over BCE, on the same noisy test digits"
)
late = float(difference_near_black(600))
assert late > 1.05 * early, (
    f"the ratio is {early:.2f} after 60 steps and {late:.2f} after 600; in our runs it grows. Train a new network for each "
    "length and each loss, and look at the same bin of reconstructions."
)
print("(d) passes")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ex08_d_conclusion", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **What I conclude**, with the numbers it rests on, and what became of my prediction (2 points):
#
# ### BEGIN SOLUTION
# The discussion below says what was found, and why.
# ### END SOLUTION

# %% [markdown] tags=["discussion"]
# *Warm-up.* Both errors are 0.045, so both slopes of BCE are $-0.045$. Those of MSE have the factor $2R(1-R)$: $0.00995$ for the first pixel and $0.5$ for the second. MSE pulls at the dark pixel fifty times less than at the grey one.
#
# The difference does not shrink. It *grows*: with three seeds the ratio is 1.2 to 1.3 after 60 steps and 1.6 after 600. Both calibrations move away from 1, that of BCE from about 2.2 to about 3 and that of MSE from about 2.7 to about 5: the networks become over-confident in black as they train. The common best answer says nothing about the way to it. An answer that gives one loss only, before and after, is half an answer.
