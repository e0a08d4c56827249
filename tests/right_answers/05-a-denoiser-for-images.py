"""Right answers, written otherwise than the solution: each must pass."""

LOSS = """
def test_loss(network, x, sigma, epsilon):
    a = network.logits(x + sigma * epsilon, sigma)
    return {value}
"""
TWO_WAYS = """
def two_ways(denoiser, a, b, c, sigma, points=26):
    straight = du.log_density_difference(denoiser, a, b, sigma, points)
    first = du.log_density_difference(denoiser, a, c, sigma, points)
    return straight, first + du.log_density_difference(denoiser, c, b, sigma, points)
"""
CURL = """
def curl(denoiser, y, e, f, sigma):
    y = y.clone().requires_grad_()
    R = denoiser(y, sigma)
    (fJ,) = torch.autograd.grad((R * f).sum(), y, retain_graph=True)
    (eJ,) = torch.autograd.grad((R * e).sum(), y)
    return (fJ * e - eJ * f).sum((1, 2, 3)) / sigma**2
"""
NATS = """
def nats(r, x): return torch.nn.functional.binary_cross_entropy(r.clamp(1e-4, 1 - 1e-4), x)
"""
LEAST = """
def least(x_noisy, sigma, atoms):
    return du.objectives.entropy(du.Memoriser(atoms)(x_noisy, sigma)).mean() / x_noisy.shape[1]
"""
LEADING = """
def leading(J, shape):
    values, vectors = torch.linalg.eigh(0.5 * (J + J.T))
    return values.max(), vectors[:, values.argmax()].view(shape)
"""
REPLIES = """
def replies(denoiser, y, direction, moves, sigma):
    return denoiser(y + torch.tensor(moves).view(-1, 1, 1, 1) * direction, sigma)
"""

RIGHT = {
    "ex05_a": [
        LOSS.format(value="torch.nn.functional.binary_cross_entropy_with_logits(a, x)"),
        LOSS.format(value="(torch.nn.functional.softplus(a) - x * a).flatten(1).mean(1).mean()"),
        """
def test_loss(network, x, sigma, epsilon):
    import numpy as np
    r = 1 / (1 + np.exp(-network.logits(x + sigma * epsilon, sigma).double().numpy()))
    return -np.mean(x.numpy() * np.log(r) + (1 - x.numpy()) * np.log(1 - r))
""",
        """
def test_loss(network, x, sigma, epsilon):  # a hundred at a time, added up
    total = 0.0
    for part, eps in zip(x.split(100), epsilon.split(100)):
        logits = network.logits(torch.add(part, eps, alpha=sigma), sigma=sigma)
        total += du.objectives.bce(logits, part).sum().item()
    return total / x.numel()
""",
    ],
    "ex05_b": [
        CURL
        + """
def two_ways(denoiser, a, b, c, sigma, points=26):  # at the middles of the parts
    def along(p, q):
        total = 0
        for i in range(points):
            y = p + (i + 0.5) / points * (q - p)
            total = total + ((denoiser(y, sigma) - y) * (q - p)).sum((1, 2, 3))
        return total / (sigma**2 * points)
    return torch.stack([along(a, b), along(a, c) + along(c, b)])
""",
        """
import numpy as np
from scipy.integrate import simpson
def two_ways(denoiser, a, b, c, sigma, points=26):
    def along(p, q):
        t = np.linspace(0, 1, points)
        slopes = [du.score_from_denoiser(denoiser, p + float(s) * (q - p), sigma) for s in t]
        return simpson([(s * (q - p)).flatten(1).sum(1).detach().numpy() for s in slopes], x=t, axis=0)
    return along(a, b), along(a, c) + along(c, b)
def curl(denoiser, y, e, f, sigma):  # by differences
    h = 0.01
    with torch.no_grad():
        Je = (denoiser(y + h * e, sigma) - denoiser(y - h * e, sigma)) / (2 * h)
        Jf = (denoiser(y + h * f, sigma) - denoiser(y - h * f, sigma)) / (2 * h)
    return ((f * Je - e * Jf).flatten(1).sum(1) / sigma**2).numpy()
""",
        TWO_WAYS
        + """
def curl(denoiser, y, e, f, sigma):
    R, pull = torch.func.vjp(lambda y: denoiser(y, sigma), y)
    (fJ,), (eJ,) = pull(f.expand_as(R)), pull(e.expand_as(R))
    curl = torch.einsum("nchw,nchw->n", fJ, e.expand_as(R)) - (eJ * f).sum((1, 2, 3))
    return curl / sigma**2
""",
        TWO_WAYS
        + """
def curl(denoiser, y, e, f, sigma):  # one point at a time, and J e in place of f J
    def one(y):
        s = lambda y: du.score_from_denoiser(denoiser, y, sigma)  # its Jacobian has the same curl
        _, Je = torch.autograd.functional.jvp(s, y, e)
        _, Jf = torch.autograd.functional.jvp(s, y, f)
        return (f * Je - e * Jf).sum().item()
    return [one(point[None]) for point in y]
""",
    ],
    "ex05_c": [
        NATS + LEAST,
        """
import numpy as np
from scipy.special import entr, softmax
def nats(r, x):
    r, x = np.clip(r.detach().numpy(), 1e-4, 1 - 1e-4), x.numpy()
    return -np.mean(x * np.log(r) + (1 - x) * np.log(1 - r))
def least(x_noisy, sigma, atoms):
    y, x = x_noisy.numpy(), atoms.numpy()
    r = softmax((y @ x.T - (x**2).sum(1) / 2) / sigma**2, axis=1) @ x
    r = r.clip(0, 1)
    return np.mean(entr(r) + entr(1 - r))
""",
        """
def nats(r, x):
    r = r.double().clamp(1e-4, 1 - 1e-4)
    return torch.where(x > 0, x * -r.log(), 0 * r).add((1 - x) * -(1 - r).log()).mean().item()
def least(x_noisy, sigma, atoms):  # the cost of the best answer, in expectation over the atoms
    p = torch.softmax(-(torch.cdist(x_noisy, atoms) ** 2) / (2 * sigma**2), 1)
    r = (p @ atoms).clamp(1e-12, 1 - 1e-12)
    costs = -(r.log() @ atoms.T + (1 - r).log() @ (1 - atoms).T)  # (N, M)
    return (p * costs).sum(1).mean() / atoms.shape[1]
""",
        NATS
        + """
def least(x_noisy, sigma, atoms):
    r = du.from_points(atoms).smooth(sigma).responsibilities(x_noisy) @ atoms
    bernoulli = torch.distributions.Bernoulli(probs=r.clamp(1e-9, 1 - 1e-9))
    return bernoulli.entropy().mean().numpy()
""",
    ],
    "ex05_d": [
        """
import numpy as np
def steps_needed(curves, target):  # a fine grid on each part
    best = np.inf
    for curve in curves.values():
        steps, losses = np.array(curve, dtype=float).T
        grid = np.concatenate([np.geomspace(n, m, 20_001) for n, m in zip(steps, steps[1:])])
        there = np.interp(np.log(grid), np.log(steps), losses) <= target
        if there.any():
            best = min(best, grid[there.argmax()])
    return best
""",
        """
from scipy.optimize import brentq
def steps_needed(curves, target):
    def first(curve):
        if curve[0][1] <= target:
            return float(curve[0][0])
        for (n, high), (m, low) in zip(curve[:-1], curve[1:]):
            if low <= target:
                a, b = math.log(n), math.log(m)
                return math.exp(brentq(lambda t: high + (low - high) * (t - a) / (b - a) - target, a, b))
        return float("inf")
    return torch.tensor([first(curve) for curve in curves.values()]).min()
""",
        """
def steps_needed(curves, target):
    if not curves:
        return math.inf
    (rate, curve), *others = curves.items()
    if curve[0][1] <= target:
        own = curve[0][0]
    else:
        own = math.inf
        i = next((i for i, (_, loss) in enumerate(curve) if loss <= target), None)
        if i is not None:
            (n, high), (m, low) = curve[i - 1], curve[i]
            own = 2 ** (math.log2(m) - (target - low) / (high - low) * math.log2(m / n))
    return min(own, steps_needed(dict(others), target))
""",
    ],
    "ex05_e": [
        LEADING + REPLIES,
        """
import numpy as np
def leading(J, shape):
    even = (J.double().numpy() + J.double().numpy().T) / 2
    values, vectors = np.linalg.eigh(even)
    return values[-1], torch.from_numpy(-vectors[:, -1].reshape(shape))  # of either sign
def replies(denoiser, y, direction, moves, sigma):
    with torch.no_grad():
        return np.stack([denoiser(y + t * direction, sigma)[0].numpy() for t in moves])
""",
        """
def leading(J, shape):  # any method for the eigenvalues of a matrix
    values, vectors = torch.linalg.eig((J + J.T) / 2)
    top = values.real.argmax()
    v = vectors[:, top].real
    v = v * v[v.abs().argmax()].sign()
    return values[top].real, (v / v.norm()).reshape(*shape)
def replies(denoiser, y, direction, moves, sigma):
    return [denoiser(torch.add(y, direction, alpha=t), sigma).squeeze(0) for t in moves]
""",
        """
def leading(J, shape):  # power iteration, by squaring the matrix
    even = (J + J.T).double() / 2
    power = even + even.norm() * torch.eye(len(J), dtype=torch.float64)
    for _ in range(40):
        power = power @ power
        power = power / power.norm()
    v = power[:, power.diagonal().argmax()]
    v = v / v.norm()
    return float(v @ even @ v), v.float().reshape(shape)
def replies(denoiser, y, direction, moves, sigma):
    return du.iterate(denoiser, torch.cat([y.add(direction.mul(t)) for t in moves], dim=0), 1, sigma)
""",
        REPLIES
        + """
from scipy.sparse.linalg import eigsh
def leading(J, shape):
    even = (J + J.T).double().numpy() / 2
    values, vectors = eigsh(even, k=1, which="LA", v0=even[0])
    return values, torch.tensor(vectors[:, 0], dtype=torch.float32).reshape(shape)
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex05_a": [
        """
def test_loss(network, x, sigma, epsilon):
    levels = torch.full((len(x),), sigma)
    return du.objectives.bce(network.logits(x + sigma * epsilon, levels), x).mean() / x[0].numel()
""",
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
