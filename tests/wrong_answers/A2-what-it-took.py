"""Plausible wrong answers to the exercises of appendix A2, and words of the message that each gets."""

LINE = """
def best_linear(x_noisy, sigma, mean, covariance):
    noise = {noise} * torch.eye(len(mean), dtype=covariance.dtype)
    return {answer}
"""
RIGHT_LINE = {
    "noise": "sigma**2",
    "answer": "mean + (x_noisy - mean) @ torch.linalg.solve(covariance + noise, covariance)",
}

STEPS = """
def orthogonalise(matrix, times):
    x = {start}
    for _ in range(times):
        x = {step}
    return x
"""
RIGHT_STEPS = {"start": "matrix / matrix.norm()", "step": "1.5 * x - 0.5 * x @ x.mT @ x"}

VARIANCE = "def stationary_variance(rate, s): return {}\n"
AVERAGE = """
def running_average(path, kept):
    average = {start}
    for weight in path[1:]:
        average = {step}
    return average
"""
RIGHT_AVERAGE = AVERAGE.format(start="path[0]", step="kept * average + (1 - kept) * weight")
RIGHT_VARIANCE = VARIANCE.format("rate * s**2 / (2 - rate)")

WRONG = {
    "exA2_a": [
        (LINE.format(**RIGHT_LINE | {"noise": "sigma"}), "v / (v + sigma^2)"),
        (
            LINE.format(
                **RIGHT_LINE | {"answer": "x_noisy @ torch.linalg.solve(covariance + noise, covariance)"}
            ),
            "the mean is added again",
        ),
        # the inverse alone, and the variances without the correlations
        (
            LINE.format(
                **RIGHT_LINE
                | {"answer": "mean + (x_noisy - mean) @ torch.linalg.inv(covariance + noise)"}
            ),
            "v / (v + sigma^2)",
        ),
        (
            LINE.format(
                **RIGHT_LINE
                | {
                    "answer": "mean + (x_noisy - mean) * covariance.diagonal()"
                    " / (covariance + noise).diagonal()"
                }
            ),
            "a covariance matrix with correlations",
        ),
    ],
    "exA2_b": [
        (STEPS.format(**RIGHT_STEPS | {"start": "matrix"}), "divide by the Frobenius norm"),
        (STEPS.format(**RIGHT_STEPS | {"start": "matrix / matrix.abs().max()"}), "Frobenius norm"),
        (STEPS.format(**RIGHT_STEPS | {"step": "1.5 * x - 0.5 * x**3"}), "a random matrix"),
        # divided by the norm at every step
        (
            STEPS.format(**RIGHT_STEPS | {"step": "(1.5 * x - 0.5 * x @ x.mT @ x) / x.norm()"}),
            "a random matrix",
        ),
    ],
    "exA2_c": [
        (VARIANCE.format("rate * s**2 / 2") + RIGHT_AVERAGE, "leaves only the noise"),
        (VARIANCE.format("rate * s / (2 - rate)") + RIGHT_AVERAGE, "of variance 4"),
        (VARIANCE.format("rate**2 * s**2") + RIGHT_AVERAGE, "multiplies w by 1 - rate"),
        (RIGHT_VARIANCE + "def running_average(path, kept): return sum(path) / len(path)\n", "is 2.25"),
        (
            RIGHT_VARIANCE + AVERAGE.format(start="path[0]", step="(1 - kept) * average + kept * weight"),
            "keeps the share",
        ),
        (
            RIGHT_VARIANCE + AVERAGE.format(start="0.0", step="kept * average + (1 - kept) * weight"),
            "2.25",
        ),
    ],
}
