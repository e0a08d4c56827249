"""Right answers, written otherwise than the solution: each must pass."""

from test_exercises import functions

own = functions("L1-a-dae-from-a-blank-cell")
CORRUPT, BCE, KDE, COMPARE = (own[name] for name in ("corrupt", "bce", "kde_score", "compare"))
# A class, SGD in batches of its own, inputs that are scaled rather than ReLU.
CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(2, 128), nn.Linear(128, 128), nn.Linear(128, 2)

    def forward(self, y):
        return self.third(F.silu(self.second(F.silu(self.first(12 * (y - 0.5))))))
"""
LOOP = """
    optimiser = torch.optim.{optimiser}
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = {rate} * (1 - step / steps)
        x = points[torch.randint(len(points), (512,), generator=generator)]
        y, target = corrupt(x, sigma, generator), {target}
        optimiser.zero_grad()
        bce(network(y), target).mean().backward()
        optimiser.step()
    return network
"""
HEAD = """
def {name}(points, sigma, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = {network}
"""
DEEP = "nn.Sequential(nn.Linear(2, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 2))"
ADAM, ADAMW = "Adam(network.parameters())", "AdamW(network.parameters())"


def loop(name: str, network: str, optimiser: str, rate: float, target: str) -> str:
    classes = CLASS if network == "Net()" else ""
    return (
        classes
        + HEAD.format(name=name, network=network)
        + LOOP.format(optimiser=optimiser, rate=rate, target=target)
    )


AGAIN = "corrupt(x, sigma, generator)"

RIGHT = {
    "exL1_a": [
        CORRUPT + "def bce(logits, x): return F.binary_cross_entropy_with_logits(logits, x, reduction='none').sum(dim=-1)",
        """
def corrupt(x, sigma, generator): return torch.normal(x, sigma, generator=generator)
def bce(logits, x):
    return torch.sum(torch.logaddexp(logits, torch.zeros_like(logits)) - x * logits, dim=1)
""",
        """
def corrupt(x, sigma, generator):
    noisy = x.clone()
    noisy += torch.empty_like(x).normal_(0, sigma, generator=generator)
    return noisy
def bce(logits, x): return -(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(1)
""",
    ],
    "exL1_b": [
        loop("train", "Net()", ADAM, 3e-3, "x"),
        loop("train", DEEP, ADAMW, 2e-3, "x"),
        loop("train", DEEP, ADAM, 4e-3, "x").replace("return network", "return lambda y: network(y).detach().numpy()"),
    ],
    "exL1_c": [
        "def score(logits, y, sigma): return (torch.sigmoid(logits(y)).detach() - y) / sigma**2",
        "def score(logits, y, sigma): return (1 / (1 + torch.exp(-logits(y))) - y) * sigma ** (-2)",
        "def score(logits, y, sigma): return ((logits(y).sigmoid() - y) / sigma / sigma).detach().numpy()",
    ],
    "exL1_d": [
        """
def kde_score(points, y, sigma):
    apart = points[None] - y[:, None]
    exponent = -apart.square().sum(2) / (2 * sigma**2)
    weight = torch.exp(exponent - exponent.max(1, keepdim=True).values)
    return (weight[..., None] * apart).sum(1) / weight.sum(1, keepdim=True) / sigma**2
"""
        + COMPARE,
        """
def kde_score(points, y, sigma):
    at = y.clone().requires_grad_()
    squares = at.square().sum(1, keepdim=True) + points.square().sum(1) - 2 * at @ points.T
    log_p = torch.logsumexp(-squares / (2 * sigma**2), 1)
    return torch.autograd.grad(log_p.sum(), at)[0]
"""
        + COMPARE,
        KDE
        + """
def compare(sizes, seeds, sigma=0.1, steps=300):
    y = corrupt(fresh, sigma, seeded(12))
    exact = ring.smooth(sigma).score(y)
    def errors(n, seed):
        x = ring.sample(20_000, seeded(100 + seed))[:n].float()
        both = score(train(x, sigma, steps, seed), y, sigma), kde_score(x, y, sigma)
        return [float(((each - exact).square().sum() / exact.square().sum()) ** 0.5) for each in both]
    return [[errors(n, seed) for seed in seeds] for n in sizes]
""",
    ],
    "exL1_e": [
        loop("train_without_clean_targets", "Net()", ADAM, 3e-3, AGAIN),
        loop("train_without_clean_targets", DEEP, ADAMW, 2e-3, AGAIN),
        loop("train_without_clean_targets", DEEP, ADAM, 4e-3, AGAIN),
    ],
}  # fmt: skip
