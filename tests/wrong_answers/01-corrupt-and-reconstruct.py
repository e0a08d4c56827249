"""Answers that a student may well give, and words that the check must say about each."""

WRONG = {
    "ex01_a": [
        ("def predicted_reconstruction(images): return torch.full((1, 28, 28), 0.5)", "best answer"),
        ("def predicted_reconstruction(images): return images.median(0).values", "best answer"),
        ("def predicted_reconstruction(images): return images[0]", "best answer"),
        ("def predicted_reconstruction(images): return images.mean()", "(1, 28, 28)"),
        ("def predicted_reconstruction(images): return (images > 0.5).float().mean(0)", "best answer"),
        ("def predicted_reconstruction(images): return images.square().mean(0).sqrt()", "best answer"),
    ],
    "ex01_b": [
        (
            """
def expected_squared_error(r, mean, variance): return (r - mean) ** 2
def floors(): return 0.0, 0.0, 0.0
""",
            "expand the square",
        ),
        (
            """
def expected_squared_error(r, mean, variance): return (r - mean) ** 2 + variance**0.5
def floors(): return 0.0, 0.6 * 0.4, 0.8**2 / 12
""",
            "expand the square",
        ),
        (
            """
def expected_squared_error(r, mean, variance): return (r - mean) ** 2 + variance
def floors(): return 0.0, 0.6 * 0.4, 0.8 / 12
""",
            "uniform on [0.2, 1]: over 200,000 draws the least error",
        ),
        (
            """
def expected_squared_error(r, mean, variance): return (r - mean) ** 2 + variance
def floors(): return 0.0, 0.6 * 0.4
""",
            "three targets ask for three floors",
        ),
    ],
    "ex01_c": [
        (
            """
def slope(a, m): return m - torch.sigmoid(a)
def bounded_below(targets): return 0 <= targets.mean() <= 1
""",
            "r (1 - r)",
        ),
        (
            """
def slope(a, m):
    r = torch.sigmoid(a)
    return (r - m) / (r * (1 - r))
def bounded_below(targets): return 0 <= targets.mean() <= 1
""",
            "r (1 - r)",
        ),
        (
            """
def slope(a, m): return torch.sigmoid(a) - m
def bounded_below(targets): return bool(((targets >= 0) & (targets <= 1)).all())
""",
            "one outlier",
        ),
        (
            """
def slope(a, m): return torch.sigmoid(a) - m
def bounded_below(targets): return 0 < targets.mean() < 1
""",
            "always black",
        ),
        (
            """
def slope(a, m): return torch.sigmoid(a) - m
def bounded_below(targets): return 0 <= targets.median() <= 1
""",
            "two bright pixels",
        ),
        (
            """
def slope(a, m): return torch.sigmoid(a) - 0.3
def bounded_below(targets): return 0 <= targets.mean() <= 1
""",
            "m = 1.2",
        ),
    ],
}
