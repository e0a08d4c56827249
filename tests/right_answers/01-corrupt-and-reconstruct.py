"""Right answers, written otherwise than the solution: each must pass."""

CURVE = "def expected_squared_error(r, mean, variance): return (r - mean) ** 2 + variance\n"
SLOPE = "def slope(a, m): return torch.sigmoid(a) - m\n"

RIGHT = {
    "ex01_a": [
        "def predicted_reconstruction(images): return images.numpy().mean(axis=0)",
        "def predicted_reconstruction(images): return images.double().sum(0) / len(images)",
        """
def predicted_reconstruction(images):  # the loss itself, minimised in the logits
    a = torch.zeros(1, 28, 28, requires_grad=True)
    for _ in range(200):
        loss = F.binary_cross_entropy_with_logits(a.expand(len(images), -1, -1, -1), images) * 784
        (gradient,) = torch.autograd.grad(loss, a)
        with torch.no_grad():
            a -= gradient / (torch.sigmoid(a) * (1 - torch.sigmoid(a))).clamp(0.05)
    return a.sigmoid()
""",
    ],
    "ex01_b": [
        """
def expected_squared_error(r, mean, variance): return r**2 - 2 * r * mean + mean**2 + variance
def floors():
    from fractions import Fraction
    return [0, Fraction(6, 25), Fraction(4, 75)]
""",
        CURVE + "def floors(): return torch.tensor([0.0, 0.24, 0.0533])",
        CURVE
        + """
import numpy as np
def floors(): return np.float32(0), np.float32(0.24), np.float32(0.64 / 12)
""",
        """
import numpy as np
def expected_squared_error(r, mean, variance): return np.asarray((r - mean) ** 2) + np.float32(variance)
def floors():
    x = np.random.default_rng(0).uniform(0.2, 1, 100_000)
    return 0, 0.6 - 0.6**2, np.mean((x - 0.6) ** 2)
""",
    ],
    "ex01_c": [
        """
import numpy as np
def slope(a, m): return 1 / (1 + np.exp(-a)) - m
def bounded_below(targets): return np.mean(targets.numpy()) >= 0 and np.mean(targets.numpy()) <= 1
""",
        """
import numpy as np
def slope(a, m):
    r = 1 / (1 + np.exp(-np.asarray(a)))
    return (-m / r + (1 - m) / (1 - r)) * r * (1 - r)
def bounded_below(targets): return (targets.mean() - 0.5).abs() <= 0.5
""",
        SLOPE + "def bounded_below(targets): return 0 <= sum(targets.tolist()) <= len(targets)",
        """
def slope(a, m): return (torch.sigmoid(a.float()) - m).tolist()
def bounded_below(targets): return not (targets.mean() < 0 or targets.mean() > 1)
""",
        """
def slope(a, m):  # by autograd
    a = a.clone().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(a, torch.full_like(a, m), reduction="sum")
    return torch.autograd.grad(loss, a)[0]
def bounded_below(targets): return bool(0 <= targets.mean() <= 1)
""",
    ],
}
