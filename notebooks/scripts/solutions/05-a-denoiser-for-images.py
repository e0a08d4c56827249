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
# # 05 · Exercises: a denoiser for images
#
# To [chapter 05](../05-a-denoiser-for-images.ipynb). Needed: the chapter, and for (b) the section on energy of [chapter 04](../04-walking-uphill.ipynb). About seventy minutes; the code takes
# seconds: where a network is trained here, it is a small one, on digits of $8\times8$ pixels.
#
# Write in the cells that say so; run the check below each. A check that passes says so.

# %%
import math

import daeutils as du
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import avg_pool2d

du.plotting.use_style()
images, _ = du.digits("train")
test, _ = du.digits("test")
unet = du.load("digits-unet-bce", device="cpu")  # trained with BCE
edm = du.load("digits-unet-edm", device="cpu")  # the same layers, trained with the squared error


def shrink(x):
    """Digits of 8 x 8 pixels, as points: (N, 64)."""
    return avg_pool2d(x[:, :, 2:26, 2:26], 3).flatten(1)


small, small_test = shrink(images), shrink(test)
epsilon = torch.randn(small_test.shape, generator=torch.Generator().manual_seed(0))


def train(steps, *, many=False, seed=0, **options):
    """A small network for one level, sigma = 0.4, or for many levels; the rest goes to du.fit."""
    network = du.MLPDenoiser(64, noise_levels=many, seed=seed)
    levels = du.corruption.log_normal() if many else 0.4
    du.fit(network, small, sigma=levels, steps=steps, batch_size=128, seed=seed, device="cpu", **options)
    return network.requires_grad_(False)


# %% [markdown]
# ## (a) · One level or many
#
# The chapter's network serves every noise level. Another that has to know only $\sigma=0.4$ could put all its steps there. But the other levels may teach something that serves at $0.4$ as well.
#
# **Predict.** After as many steps, which of the two has the lower test loss at $\sigma=0.4$? By how much, against the loss itself?
#
# **Write** the measurement. To compare two networks it must give both the *same* noise, which is why $\varepsilon$ is an argument. The check then trains two of each kind.


# %% nbgrader={"grade": false, "grade_id": "ex05_a", "locked": false, "schema_version": 3, "solution": true, "task": false}
def test_loss(network, x, sigma, epsilon):
    """BCE per pixel, in nats, of the reconstructions of x + sigma epsilon, a float.

    x, epsilon: (N, D) or (N, C, H, W). Start from network.logits(x_noisy, sigma).
    """
    ### BEGIN SOLUTION
    logits = network.logits(x + sigma * epsilon, sigma)
    return du.objectives.bce(logits, x).mean().item() / x[0].numel()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_a_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
class Echo:
    """Answers with what it was shown, as logits, and remembers the level."""

    def logits(self, x_noisy, sigma=None):
        self.sigma = sigma
        return x_noisy


x, eps = small_test[:20], epsilon[:20]
for s in (0.4, 3.0):
    echo, r = Echo(), (x + s * eps).sigmoid()
    found = test_loss(echo, x, s, eps)
    expected = -(x * r.log() + (1 - x) * (1 - r).log()).mean().item()
    assert abs(found - expected) < 1e-5, (
        f"sigma = {s}: for a network that answers with logits x_noisy you find {found:.4f}, by the definition "
        f"it is {expected:.4f} nats a pixel. Is x_noisy = x + sigma epsilon, with the epsilon that was given "
        "and never clamped? Is the loss BCE, and a mean over pixels?"
    )
    assert echo.sigma == s, f"the network was told sigma = {echo.sigma}, expected {s}."

gaps = []
for seed in (0, 1):
    losses = [
        test_loss(train(200, many=many, seed=seed), small_test, 0.4, epsilon) for many in (False, True)
    ]
    gaps.append(losses[1] / losses[0] - 1)
assert all(0 < gap < 0.1 for gap in gaps), (
    "with each seed the network for one level should be ahead, by less than a tenth of the loss; "
    f"found {', '.join(f'{gap:+.1%}' for gap in gaps)}."
)
print("(a) passes")

# %% [markdown] tags=["discussion"]
# The network for one level is ahead, with each seed, and by one or two per cent of the loss: hardly a price for serving all levels. Most of the loss is floor, so measured in *excess* it is more. The guess
# should give a reason for either side: all steps go to one level, against what other levels teach. A half answer gives one number each, on different noise, where the chance of the noise is as
# large as the difference. At more steps, and with the U-Net of the chapter, the answer may be another; try it.

# %% [markdown]
# ## (b) · Two ways to another digit
#
# The chapter walks in a straight line from an image $a$ to an image $b$ and adds up the arrows. Go by way of a third image $c$ instead. For a gradient field the sum would be the same. The learned Jacobian
# is not symmetric, so it is not; by Green's theorem in the plane of the three images, with $e=c-a$ and $f=b-a$,
# $$\int_{a\to c\to b}\hat s\cdot dr-\int_{a\to b}\hat s\cdot dr=\int_{u,v\ge0,\;u+v\le1}\frac{f^{\mathsf T}Je-e^{\mathsf T}Jf}{\sigma^2}\;du\,dv ,\qquad J\text{ at }a+ue+vf .$$
# **Predict.** Is the difference larger between three digits, or between three noisy copies of one?
#
# **Write** both sides: the two integrals, and the integrand on the right. $J$ has $784^2$ entries, but $g^{\mathsf T}J$ is one backward pass: the derivative of $g\cdot R(y)$ in $y$.


# %% nbgrader={"grade": false, "grade_id": "ex05_b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def two_ways(denoiser, a, b, c, sigma, points=26):
    """log p_sigma(b) - log p_sigma(a) by the straight path, and by way of c: (N,), (N,)."""
    ### BEGIN SOLUTION
    straight = du.log_density_difference(denoiser, a, b, sigma, points)
    first = du.log_density_difference(denoiser, a, c, sigma, points)
    return straight, first + du.log_density_difference(denoiser, c, b, sigma, points)
    ### END SOLUTION


def curl(denoiser, y, e, f, sigma):
    """(f . J e - e . J f) / sigma^2 at each y, (N,).

    y: (N, C, H, W). e, f: (1, C, H, W). J: of the denoiser at y, entries dR_i / dy_j.
    """
    ### BEGIN SOLUTION
    y = y.detach().requires_grad_()
    R = denoiser(y, sigma)
    (fJ,) = torch.autograd.grad((R * f).sum(), y, retain_graph=True)
    (eJ,) = torch.autograd.grad((R * e).sum(), y)
    return (fJ * e - eJ * f).flatten(1).sum(1) / sigma**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_b_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
A = torch.randn(16, 16, generator=generator)
a, b, c = torch.randn(3, 5, 1, 4, 4, generator=generator)


def turned(x):
    return (x.flatten(1) @ A.T).reshape(x.shape)


def linear(y, sigma):  # its arrows are A y
    return y + sigma**2 * turned(y)


def line(p, q):  # the exact integral of A y from p to q
    return ((q - p) * turned(p + q)).flatten(1).sum(1) / 2


straight, detour = two_ways(linear, a, b, c, 0.5)
for name, found, exact in [
    ("straight", straight, line(a, b)),
    ("detour", detour, line(a, c) + line(c, b)),
]:
    assert torch.allclose(found, exact, atol=1e-2), (
        f"for the arrows A y the {name} path gives {exact[0]:.3f}, you find {found[0]:.3f}: "
        "the sum is over s = (R(y) - y) / sigma^2, times the way, from a to b."
    )
found = torch.cat(
    [curl(linear, a[i : i + 1], (c - a)[i : i + 1], (b - a)[i : i + 1], 0.5) for i in range(5)]
)
assert torch.allclose(found / 2, detour - straight, atol=1e-2), (
    f"for the arrows A y the curl is constant, and half of it is detour minus straight, "
    f"{(detour - straight)[0]:.3f}; yours gives {found[0] / 2:.3f}. Mind sigma^2, and which of e and f comes first."
)


def inside(k):
    """u, v, each (k^2,): the centres of k^2 equal triangles that make up the large one."""
    i, j = torch.meshgrid(torch.arange(k), torch.arange(k), indexing="ij")
    upward = torch.stack([i, j], -1)[i + j < k] + 1 / 3
    downward = torch.stack([i, j], -1)[i + j < k - 1] + 2 / 3
    return torch.cat([upward, downward]).T.reshape(2, -1, 1, 1, 1) / k


def right_side(denoiser, a, b, c, sigma, k):
    """Half of the mean curl over each of the triangles a, c, b: (N,)."""
    u, v = inside(k)
    return torch.stack([
        curl(denoiser, A + u * (C - A) + v * (B - A), (C - A)[None], (B - A)[None], sigma).mean() / 2
        for A, B, C in zip(a, b, c)
    ])  # fmt: skip


a, b, c = (du.corruption.gaussian(test[:4], 0.2, generator) for _ in range(3))
straight, detour = two_ways(unet, a, b, c, 0.4)
miss = (right_side(unet, a, b, c, 0.4, 6) - (detour - straight)).norm() / (detour - straight).norm()
assert miss < 0.25, f"for the U-Net, and noisy copies of digits, the two sides differ by {miss:.0%}."
print("(b) passes")

# %% mystnb={"image": {"alt": "Detour minus straight against the integral of the curl, for triangles of noisy copies of one digit and of three digits: all points lie near the diagonal; those of noisy copies near zero, those of three digits spread to several nats."}} tags=["nbval-ignore-output"]
trios = {
    "noisy copies of one": (a, b, c),
    "three digits": test[10:25].split(5),
}
fig, ax = plt.subplots(figsize=(4.5, 3.6))
for (name, trio), color in zip(trios.items(), [du.plotting.EXACT, du.plotting.LEARNED]):
    straight, detour = two_ways(unet, *trio, 1.0)
    ax.plot(right_side(unet, *trio, 1.0, 10), detour - straight, "o", ms=5, color=color, label=name)
ax.axline((0, 0), slope=1, color="gray", lw=1, zorder=0)
ax.set(xlabel="integral of the curl (nats)", ylabel="detour minus straight (nats)", title=r"$\sigma=1$")
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# The two sides agree: what the two ways differ by is the antisymmetric part of the Jacobian, added up over the triangle between them. Among noisy copies of one digit it is small against the differences themselves,
# which are of the order of ten nats: there the field is nearly a gradient, and the ranking of the chapter is safe. Between digits it is larger, most of all on the way, where the images are mixtures that no
# training digit resembles. Use more points until the integrals settle before you blame the curl. A half answer gives the difference and no reason.

# %% [markdown]
# ## (c) · Another loss, another floor?
#
# Train with the squared error in the place of BCE. **Predict.** Where does the dashed line of the chapter's figure, the least possible loss on the law of the training digits, move to? And where do you expect
# the *BCE* of a network that was trained with the squared error: above, below or on that of the other?
#
# **Write** both measurements, in nats a pixel: the BCE of any reconstruction, also of one that leaves $(0,1)$, as a network without a sigmoid may; and the least BCE that *any* network can have, if
# the law is that of finitely many atoms.


# %% nbgrader={"grade": false, "grade_id": "ex05_c", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nats(r, x):
    """BCE per pixel of reconstructions r of x, both (N, ...), a float; r is first brought into [1e-4, 1 - 1e-4]."""
    ### BEGIN SOLUTION
    return du.objectives.bce(r.clamp(1e-4, 1 - 1e-4).logit(), x).mean().item() / x[0].numel()
    ### END SOLUTION


def least(x_noisy, sigma, atoms):
    """The least expected BCE per pixel, given these x_noisy (N, D), if the law is the atoms (M, D): a float.

    All in float64. Use du.from_points(atoms).
    """
    ### BEGIN SOLUTION
    best = du.from_points(atoms).posterior_mean(x_noisy, sigma).clamp(0, 1)  # rounding may leave [0, 1]
    # BCE is linear in the target, so its expectation at the posterior mean is the entropy there.
    return du.objectives.entropy(best).mean().item() / best.shape[1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_c_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(1)
x = torch.rand(50, 1, 4, 4, generator=generator, dtype=torch.float64)
found = nats(torch.full_like(x, 0.5), x)
assert abs(found - math.log(2)) < 1e-6, (
    f"a grey reconstruction, 1/2 everywhere, costs log 2 = 0.693 nats a pixel whatever x is; you find {found:.3f}."
)
found = nats(x + torch.where(x > 0.5, 2.0, -2.0), x.round())
assert 0 < found < 0.01, (
    f"r = -2 and 3 count as black and white; for such x you find {found}, expected nearly 0."
)

atoms = torch.rand(12, 9, generator=generator, dtype=torch.float64)
for s in (0.1, 0.5, 3.0):
    noisy = du.corruption.gaussian(atoms[:6], s, generator)
    weights = du.from_points(atoms).smooth(s).responsibilities(noisy)  # P(atom given x_noisy), (6, 12)
    r = weights @ atoms
    costs = -(r.log() @ atoms.T + (1 - r).log() @ (1 - atoms).T)  # of r where the truth is each atom
    expected = ((weights * costs).sum(1).mean() / 9).item()
    found = least(noisy, s, atoms)
    assert abs(found - expected) < 1e-6, (
        f"sigma = {s}: you say {found:.4f} nats a pixel; the posterior mean has an expected BCE of {expected:.4f}, "
        "and nothing is better. What is unknown is x given x_noisy: a mean, then its entropy, in this order."
    )

few, flat = images[:50], images.flatten(1).double()
noisy = du.corruption.gaussian(few, 0.4, generator)
floor = least(noisy.flatten(1).double(), 0.4, flat)
for network in (unet, edm):
    found = nats(network(noisy, 0.4), few)
    assert found > floor, f"a network lies at {found:.3f}, under the floor of {floor:.3f}: one is wrong."
print("(c) passes")

# %% mystnb={"image": {"alt": "BCE per pixel against noise level on training digits, for the network trained with BCE, its twin trained with the squared error, and the floor: the two networks lie close together, both above the floor, which they near at large noise."}} tags=["nbval-ignore-output"]
levels = [0.4, 0.8, 1.6, 3.2]
curves = {"trained with BCE": [], "trained with the squared error": [], "floor of the training law": []}
for s in levels:
    noisy = du.corruption.gaussian(few, s, generator)
    values = (
        nats(unet(noisy, s), few),
        nats(edm(noisy, s), few),
        least(noisy.flatten(1).double(), s, flat),
    )
    for values_so_far, value in zip(curves.values(), values):
        values_so_far.append(value)
fig, ax = plt.subplots(figsize=(6.5, 3))
for (name, values), style in zip(curves.items(), ["-", "-", "--"]):
    du.plotting.curve(ax, levels, values, label=name, ls=style)
ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylabel="BCE per pixel (nats)", ylim=(0, None))
ax.set_xticks(levels, levels)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# The line does not move: it belongs to the law of the data and the noise, and knows nothing of a training. The two losses have one optimum, so the twin comes to nearly the same BCE; it has reason to lie a little higher, above all for
# pixels near black, where a small error costs much in nats and little in squares ([chapter 08](../08-bce-or-mse.ipynb)). The trap is to plot a squared error on an axis of nats: it would lie far
# *below* the floor and mean nothing. Beware of *mean, then entropy*: the entropy of the clean digits, the chapter's lower line, leaves out the doubt about which digit it was.

# %% [markdown]
# ## (d) · How many steps is an optimiser worth?
#
# Train the small network with `optimiser="adam"` in the place of Muon. How many more steps does it need for the same test loss? Each number of steps is a training of its own, since the learning rate falls to 0
# along a cosine; and it is fair to let Adam choose among several rates.
#
# **Predict** the ratio. **Write** the reading of the curves: where does the first of them reach the target?


# %% nbgrader={"grade": false, "grade_id": "ex05_d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def steps_needed(curves, target):
    """The least number of steps with which any of the curves has a loss of at most target; math.inf if none has.

    curves: {learning rate: [(steps, loss), ...]}, steps rising. Between two points the loss is a straight line
    in the logarithm of the steps. A curve whose first loss is at most target needs its first number of steps.
    """
    ### BEGIN SOLUTION
    found = [math.inf]
    for curve in curves.values():
        if curve[0][1] <= target:
            found.append(curve[0][0])
        for (n, high), (m, low) in zip(curve, curve[1:]):
            if low <= target < high:
                share = (high - target) / (high - low)
                found.append(n * (m / n) ** share)
    return min(found)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_d_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
slow = [(100, 0.5), (200, 0.4), (400, 0.3)]  # falls by 0.1 with each doubling
found = steps_needed({0.01: slow}, 0.35)
assert abs(found - 200 * 2**0.5) < 0.01, (
    f"halfway from 200 to 400 steps in the logarithm is 282.8, you say {found:.1f}: "
    "the loss is a straight line in log(steps)."
)
found = steps_needed({0.001: [(100, 0.6), (400, 0.5)], 0.01: slow}, 0.5)
assert found == 100, (
    f"the second rate starts at the target, with 100 steps; you say {found}: try all rates."
)
assert steps_needed({0.01: slow}, 0.2) == math.inf, "a target that no curve reaches needs math.inf steps."
found = steps_needed({0.01: [(100, 0.5), (200, 0.3), (400, 0.4), (800, 0.2)]}, 0.3)
assert found == 200, f"the first time counts: 200 steps, you say {found}."
print("(d) passes")

# %% mystnb={"image": {"alt": "Test loss against training steps for Adam at two learning rates, each number of steps a training of its own, and one point for Muon at 200 steps. Adam with the larger rate reaches Muon's loss between 200 and 400 steps, with the smaller rate not at all."}} tags=["nbval-ignore-output"]
lengths = [50, 100, 200, 400]
adam = {
    lr: [(n, test_loss(train(n, optimiser="adam", lr=lr), small_test, 0.4, epsilon)) for n in lengths]
    for lr in (2e-3, 1e-2)
}
muon = test_loss(train(200), small_test, 0.4, epsilon)
fig, ax = plt.subplots(figsize=(6.5, 3))
for lr, curve in adam.items():
    du.plotting.curve(ax, *zip(*curve), label=f"Adam, rate {lr:g}")
ax.plot(200, muon, "*", ms=12, color=du.plotting.INK, label="Muon")
ax.axhline(muon, color="gray", lw=0.8, ls="--")
ax.set(xscale="log", xlabel="steps", ylabel="test BCE per pixel (nats)")
ax.set_title(f"Adam needs {steps_needed(adam, muon) / 200:.1f} times the steps")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown] tags=["discussion"]
# Nearly twice the steps, here, with the better of two rates; with the worse one Adam does not get there at all within those tried, so a comparison at one rate says more about the rate than about the optimiser. A step of Muon costs
# more time than one of Adam, most of all on so small a network: count steps and seconds apart. A half answer is one curve each at one rate, or a single long run read along the way, whose learning rate had not
# fallen yet.

# %% [markdown]
# ## (e) · Along an eigenvector
#
# The leading eigenvector of the Jacobian is a direction in which the digit may vary. Move the *noisy* image along it, by $t$ in pixel units, and ask the network again.
#
# **Predict.** For small $t$, by what factor is the move multiplied? And at $t=\pm8$: the same, more, or less? What does a random direction of the same length come back as?
#
# **Write** the direction, from the symmetric part of $J$, and the network's replies.


# %% nbgrader={"grade": false, "grade_id": "ex05_e", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leading(J, shape):
    """The largest eigenvalue of the symmetric part of J (D, D), and its unit eigenvector in this shape.

    shape: (1, C, H, W), of D entries. Returns a float and a tensor.
    """
    ### BEGIN SOLUTION
    values, vectors = torch.linalg.eigh((J + J.mT) / 2)  # rising eigenvalues
    return values[-1].item(), vectors[:, -1].reshape(shape)
    ### END SOLUTION


def replies(denoiser, y, direction, moves, sigma):
    """R(y + t direction) for each t of the list moves, (len(moves), C, H, W). y, direction: (1, C, H, W)."""
    ### BEGIN SOLUTION
    return denoiser(torch.cat([y + t * direction for t in moves]), sigma)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex05_e_check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(3)
twist, S = torch.randn(2, 9, 9, generator=generator)
value, direction = leading(S @ S.T + 5 * (twist - twist.T), (1, 1, 3, 3))
assert direction.shape == (1, 1, 3, 3), (
    f"the direction has shape {tuple(direction.shape)}, expected (1, 1, 3, 3)."
)
v = direction.flatten()
assert abs(v.norm() - 1) < 1e-4, f"the direction has length {v.norm():.3f}, expected 1."
assert (S @ S.T @ v - value * v).norm() < 1e-3 * abs(value), (
    "this is no eigenvector of the symmetric part, (J + J^T) / 2: torch.linalg.eigh reads only one half of a matrix."
)
top = torch.linalg.matrix_norm(S, 2).item() ** 2
assert abs(value - top) < 1e-2 * top, f"your eigenvalue is {value:.3f}, the largest is {top:.3f}."

y = du.corruption.gaussian(test[1:2], 0.4, generator)
value, direction = leading(du.jacobian(unet, y, 0.4), y.shape)
chance = torch.randn(y.shape, generator=generator)
chance /= chance.norm()


def factor(direction, t):
    """By what a move along the direction is multiplied, as far as it comes back along the direction."""
    there, here = replies(unet, y, direction, [t, 0.0], 0.4)
    return ((there - here) * direction[0]).sum().item() / t


found = factor(direction, 0.02)
assert abs(found / value - 1) < 0.2, (
    f"a move by t = 0.02 comes back multiplied by {found:.2f}, the eigenvalue is {value:.2f}: "
    "the replies are R(y + t direction), at this sigma."
)
assert factor(chance, 0.02) < value / 2, (
    "a random direction must be damped far more than the leading one."
)
assert factor(direction, 8.0) < 0.6 * value, "a long move must come back multiplied by less."
print("(e) passes")

# %% mystnb={"image": {"alt": "Two strips of seven reconstructions of one digit, the noisy image moved by minus 8 to 8: along the leading eigenvector the digit changes its strokes, along a random direction of the same length it stays the same."}}
moves = [-8.0, -4.0, -1.0, 0.0, 1.0, 4.0, 8.0]
rows = [replies(unet, y, way, moves, 0.4) for way in (direction, chance)]
du.plotting.show_images(rows, ["eigenvector", "random"], [f"t = {t:+g}" for t in moves])
plt.show()

# %% [markdown] tags=["discussion"]
# A small move comes back multiplied by about the eigenvalue, here above 1: the network *adds* to what it sees, since such a change is more likely to be the digit's than the noise's. A random direction nearly vanishes: it is noise.
# The linear view ends early. At $t=1$ the factor has fallen clearly, and at 8 it is a fraction of what it was: once the stroke is open or closed there is nothing to add. A half answer shows the strip without
# the control, or multiplies by the eigenvalue all the way.
