"""Right answers, written otherwise than the solution: each must pass."""

FATE = """
def fate(denoiser, exact):
    with torch.no_grad():
        end, right = start, start
        for _ in range(100):
            end, right = denoiser(end, sigma), exact(right, sigma)
    far = 4 * sigma
    return [du.evaluation.nearest(end, points)[0].gt(far).double().mean(),
            (end - right).square().sum(1).sqrt().gt(far).double().mean()]
"""
HELD_OUT = """
@torch.no_grad()
def held_out(network):
    def risk(r): return torch.nn.functional.binary_cross_entropy(r, x_fresh, reduction="sum") / len(r)
    return risk(network(y_fresh)) - risk(ring.posterior_mean(y_fresh, sigma))
"""
WATCH_AND_TURN = """
def watch(n):
    network, seen = du.MLPDenoiser(2, hidden=64), []
    for step in train(network, ring.sample(n, seeded(0)).clamp(0, 1)):
        if step in looks:
            seen.append(held_out(network))
    return seen
def turn(looks, losses):
    best = min(range(len(losses)), key=losses.__getitem__)
    return None if best == len(losses) - 1 else looks[best]
"""  # as in the solution
WATCH = """
def watch(n):
    network = du.MLPDenoiser(2, hidden=64, seed=1)
    data = ring.sample(n, seeded(7))
    return torch.tensor([float(held_out(network)) for step in train(network, data) if step in looks])
"""
TURN = """
def turn(looks, losses):
    least = min(zip(losses, looks))[1]
    return least if least != looks[-1] else None
"""

RIGHT = {
    "ex09_a": [
        """
def means_at_faces(p_sigma, sigma):  # quad, as far as there is anything
    def density(z): return p_sigma.log_prob(torch.tensor([[z]], dtype=torch.float64)).exp().item()
    def mean(z): return z * density(z)
    below, above = quad(density, -3, 0)[0], quad(density, 1, 4)[0]
    zero = (quad(mean, -3, 0)[0] + sigma**2 * density(0.0)) / below
    return [zero, (quad(mean, 1, 4)[0] - sigma**2 * density(1.0)) / above]
""",
        """
def means_at_faces(p_sigma, sigma):  # Tweedie's formula at each point, averaged over what was clipped
    found = []
    for low, high in [(-2, 0), (1, 3)]:
        z = torch.linspace(low, high, 8001).double()[:, None].requires_grad_()
        (score,) = torch.autograd.grad(p_sigma.log_prob(z).sum(), z)
        found.append(((z + sigma**2 * score)[:, 0] * p_sigma.log_prob(z).softmax(0)).sum())
    return torch.stack(found)
""",
        """
import numpy as np
def means_at_faces(p_sigma, sigma):  # NumPy, a rule of Gauss and Legendre
    nodes, weights = np.polynomial.legendre.leggauss(200)
    def density(z): return p_sigma.log_prob(torch.from_numpy(np.atleast_1d(z))[:, None]).exp().numpy()
    def mean(face, sign):
        z = face - sign * (nodes + 1)
        mass = weights @ density(z)
        return weights @ (z * density(z)) / mass + sign * sigma**2 * density(float(face))[0] / mass
    return np.array([mean(0, 1), mean(1, -1)])
""",
        """
def means_at_faces(p_sigma, sigma):  # in closed form: each bump is a Gaussian, cut off
    m, s = p_sigma.means[:, 0], p_sigma.covariances[:, 0, 0].sqrt()
    def mean(face, sign):
        a = sign * (face - m) / s
        bell = (-(a**2) / 2).exp() / (2 * torch.pi) ** 0.5
        mass = p_sigma.weights @ ndtr(a)
        clipped = p_sigma.weights @ (m * ndtr(a) - sign * s * bell)
        return (clipped + sign * sigma**2 * (p_sigma.weights @ (bell / s))) / mass
    return mean(0, 1).float(), mean(1, -1).float()
""",
    ],
    "ex09_b": [
        """
def target(x, hit): return x * ~hit
def whose_score(p, fraction):
    means, variances, weights = [], [], []
    for mean, matrix, weight in zip(p.means.tolist(), p.covariances.tolist(), p.weights.tolist()):
        for a in (0, 1):
            for b in (0, 1):
                means.append([a * mean[0], b * mean[1]])
                variances.append([a * matrix[0][0], b * matrix[1][1]])
                weights.append(weight * fraction ** (2 - a - b) * (1 - fraction) ** (a + b))
    return du.GaussianMixture(means, variances, weights)
""",
        """
import numpy as np
def target(x, hit): return np.where(hit.numpy(), 0, x.numpy())
def whose_score(p, fraction):
    keeps = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    f, g = fraction, 1 - fraction
    means = (p.means.numpy()[:, None] * keeps).reshape(-1, 2)
    variances = (p.covariances.numpy()[:, 0, 0][:, None, None] * keeps).reshape(-1, 2)
    weights = np.outer(p.weights.numpy(), [g * g, g * f, f * g, f * f]).ravel()
    return du.GaussianMixture(means, variances, weights)
""",
        """
def target(x, hit):
    kept = x.clone()
    kept[hit] = 0
    return kept.float()
def whose_score(p, fraction):  # float32, and the odds of a mask in place of its probability
    odds = fraction / (1 - fraction)
    m, v, w = p.means.float(), p.covariances.diagonal(dim1=1, dim2=2).float(), p.weights.float()
    masks = [torch.tensor(mask) for mask in ([1, 1], [0, 1], [1, 0], [0, 0])]
    return du.GaussianMixture(
        torch.cat([m * mask for mask in masks]),
        torch.cat([v * mask for mask in masks]),
        torch.cat([w * odds ** (2 - mask.sum()) for mask in masks]),
    )
""",
    ],
    "ex09_c": [
        """
def train_linear(seed):
    network = du.MLPDenoiser(2, hidden=64, output="linear", seed=seed)
    du.fit(network, points, sigma=sigma, objective="mse", steps=500, batch_size=256, seed=seed,
           optimiser="adam", device="cpu")
    return network
"""
        + FATE,
        """
import numpy as np
from scipy.spatial import KDTree
def train_linear(seed):  # a loop of one's own, in which Adam takes the biases alone
    network, chance = du.MLPDenoiser(2, 64, output="linear", seed=seed), seeded(seed)
    network.level.fill_(sigma)
    matrices = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    optimisers = [du.Muon(matrices, lr=2e-2), torch.optim.Adam(others, lr=4e-3)]
    for step in range(500):
        x = points[torch.randint(len(points), (256,), generator=chance)]
        y = x + sigma * torch.randn(x.shape, generator=chance)
        network.zero_grad()
        (network(y) - x).square().sum(1).mean().backward()
        for part in optimisers:
            for group in part.param_groups:
                group["lr"] *= (500 - step) / (501 - step)
            part.step()
    return network.eval().requires_grad_(False)
def fate(denoiser, exact):
    end, right = (du.iterate(f, start, 100, sigma).detach().numpy() for f in (denoiser, exact))
    distance, _ = KDTree(points.numpy()).query(end)
    return np.mean(distance > 4 * sigma), np.mean(np.linalg.norm(end - right, axis=1) > 4 * sigma)
""",
        """
def train_linear(seed):
    torch.manual_seed(seed)
    network = du.MLPDenoiser(2, hidden=64, output="linear", seed=100 + seed)
    chosen = dict(objective="mse", steps=500, batch_size=256)
    du.fit(network, points, sigma=sigma, **chosen, seed=seed, progress=False)
    return network.cpu()
def fate(denoiser, exact):
    ends = du.iterate(denoiser, start, 100, sigma, return_path=True)[-1]
    right = du.iterate(exact, start, 100, sigma, return_path=True)[-1]
    off = elsewhere = 0
    for a, b in zip(ends, right):
        off += not bool(((points - a).pow(2).sum(1) <= (4 * sigma) ** 2).any())
        elsewhere += bool(torch.dist(a, b) > 4 * sigma)
    return off / len(start), elsewhere / len(start)
""",
    ],
    "ex09_d": [
        HELD_OUT + WATCH + TURN,
        """
import numpy as np
def held_out(network):
    x = x_fresh.double().numpy()
    def risk(r):
        r = r.detach().double().numpy()
        return -(x * np.log(r) + (1 - x) * np.log(1 - r)).sum(axis=1).mean()
    return risk(torch.sigmoid(network.logits(y_fresh, sigma))) - risk(ring.posterior_mean(y_fresh, sigma))
def watch(n):
    sample = ring.sample(10_000, seeded(3)).clamp(0, 1)[:n]
    network, losses = du.MLPDenoiser(2, hidden=64), {}
    for step in train(network, sample):
        losses[step] = held_out(network) if step in looks else None
    return np.array([losses[look] for look in looks])
def turn(looks, losses):
    k = np.argmin(losses)
    return None if k == len(looks) - 1 else np.array(looks)[k]
""",
        """
def held_out(network):  # pair by pair, in double precision
    r, best = network(y_fresh).detach().double(), ring.posterior_mean(y_fresh.double(), sigma)
    x = x_fresh.double()
    return (x * (best / r).log() + (1 - x) * ((1 - best) / (1 - r)).log()).sum(1).mean()
def watch(n):
    network = du.MLPDenoiser(dim=2, hidden=64, seed=5)
    training, losses, done = train(network, ring.sample(n, seeded(n)).clamp(0, 1)), [], 0
    for look in looks:
        while done < look:
            done = next(training)
        losses.append(held_out(network))
    return losses
def turn(looks, losses):
    losses = torch.as_tensor(losses)
    if losses[-1] <= losses.min():
        return None
    return torch.tensor(looks)[losses.argmin()]
""",
    ],
}

# Once rejected: the checks asked for more than the task did.
ONCE_REJECTED = {
    "ex09_c": [
        """
def train_linear(seed):
    network = du.MLPDenoiser(2, hidden=64, output="linear", seed=seed)
    how = dict(objective="mse", steps=500, batch_size=256, seed=seed, device="cpu")
    du.fit(network, points, sigma=sigma, **how)
    return network
@torch.no_grad()
def fate(denoiser, exact):
    a = b = start
    for _ in range(100):
        a, b = denoiser(a, sigma=sigma), exact(b, sigma=sigma)
    off = torch.cdist(a, points).amin(1) > 4 * sigma
    return off.float().mean(), ((a - b).norm(dim=1) > 4 * sigma).float().mean()
""",
    ],
    "ex09_d": [
        """
@torch.no_grad()
def held_out(network):
    network.eval()
    best = ring.posterior_mean(y_fresh, sigma).logit()
    return (du.objectives.bce(network.logits(y_fresh), x_fresh) - du.objectives.bce(best, x_fresh)).mean()
"""
        + WATCH_AND_TURN,
        """
@torch.no_grad()
def held_out(network):
    best = ring.posterior_mean(y_fresh, sigma).logit()
    return (network.loss(x_fresh, y_fresh) - du.objectives.bce(best, x_fresh)).mean().item()
"""
        + WATCH_AND_TURN,
        """
@torch.no_grad()
def held_out(network):
    total = 0
    for x, y in zip(x_fresh.split(500), y_fresh.split(500)):
        best = ring.posterior_mean(y, sigma).logit()
        total += (du.objectives.bce(network.logits(y), x) - du.objectives.bce(best, x)).sum().item()
    return total / len(x_fresh)
"""
        + WATCH_AND_TURN,
        """
@torch.no_grad()
def held_out(network):
    best = ring.posterior_mean(y_fresh, sigma).logit()
    mine = du.iterate(network, y_fresh, 1).logit()
    return (du.objectives.bce(mine, x_fresh) - du.objectives.bce(best, x_fresh)).mean().item()
"""
        + WATCH_AND_TURN,
    ],
}
for name, answers in ONCE_REJECTED.items():
    RIGHT[name] += answers
