"""Plausible wrong answers to the exercises of chapter A1, and words of the message that each gets."""

MEASURES = """
def kinds(made, train, labels):
    _, index = {nearest}
    return {shares}

def nearness(made, train, test):
    return ({of_made} / {of_test}).item()
"""
RIGHT_MEASURES = {
    "nearest": "du.evaluation.nearest(made, train)",
    "shares": "labels[index].bincount(minlength=10) / len(made)",
    "of_made": "du.evaluation.nearest(made, train)[0].median()",
    "of_test": "du.evaluation.nearest(test, train)[0].median()",
}

SHARE_AND_LINE = """
def share_between(mean, std, low, high):
    ends = torch.tensor([low, high], dtype=torch.float64)
    below = torch.special.ndtr({z})
    return (below[1] - below[0]).item()

def linear(x_noisy, sigma, train):
    mean = {mean}
    covariance = torch.cov((train - train.mean(0)).flatten(1).T, correction=0)
    noise = {noise} * torch.eye(len(covariance))
    gain = torch.linalg.solve(covariance + noise, covariance)
    return mean + ((x_noisy - mean).flatten(1) @ gain).reshape(x_noisy.shape)
"""
RIGHT_LINE = {
    "z": "(ends.log() - mean) / std",
    "mean": "train.mean(0, keepdim=True)",
    "noise": "sigma**2",
}

CANDIDATES = """
def candidates(data, sigma):
    chance = seeded(0)
    x = data.flatten(1)
    some = x[torch.randint(len(x), (200,), generator=chance)]
    x_noisy = {x_noisy}
    p = du.from_points(x).smooth(sigma).responsibilities(x_noisy)
    return {count}.median().item()

def level_for(data, share=0.9):
    low, high = 0.01, 1000.0
    for _ in range(16):
        middle = (low * high) ** 0.5
        if {too_low}:
            low = middle
        else:
            high = middle
    return {answer}
"""
RIGHT_CANDIDATES = {
    "x_noisy": "du.corruption.gaussian(some, sigma, chance)",
    "count": "torch.special.entr(p).sum(1).exp()",
    "too_low": "candidates(data, middle) < share * len(data)",
    "answer": "high",
}

WRONG = {
    "exA1_a": [
        # the made image nearest to each training image, instead of the other way round
        (
            MEASURES.format(
                **RIGHT_MEASURES
                | {
                    "nearest": "du.evaluation.nearest(train, made)",
                    "shares": "labels[index].bincount(minlength=10) / len(index)",
                }
            ),
            "for each *made* image",
        ),
        (
            MEASURES.format(**RIGHT_MEASURES | {"shares": "labels[index].bincount(minlength=10)"}),
            "over the number of made images",
        ),
        (MEASURES.format(**RIGHT_MEASURES | {"of_test": "1.0"}), "divide by the same for the test"),
        # a mean hides that most are copies
        (
            MEASURES.format(**{k: v.replace(".median()", ".mean()") for k, v in RIGHT_MEASURES.items()}),
            "the median",
        ),
        (
            MEASURES.format(
                **RIGHT_MEASURES | {"of_made": "du.evaluation.nearest(made, test)[0].median()"}
            ),
            "the nearest *training* image",
        ),
    ],
    "exA1_b": [
        # the levels themselves taken for normal, and decimal logarithms
        (SHARE_AND_LINE.format(**RIGHT_LINE | {"z": "(ends - mean) / std"}), "log sigma that is normal"),
        (SHARE_AND_LINE.format(**RIGHT_LINE | {"z": "(ends.log10() - mean) / std"}), "natural logarithm"),
        (SHARE_AND_LINE.format(**RIGHT_LINE | {"z": "(ends.log() - mean) / std**2"}), "standardise"),
        (SHARE_AND_LINE.format(**RIGHT_LINE | {"noise": "sigma"}), "sigma^2 I"),
        (SHARE_AND_LINE.format(**RIGHT_LINE | {"mean": "0.5"}), "the mean and covariance"),
    ],
    "exA1_c": [
        (
            CANDIDATES.format(**RIGHT_CANDIDATES | {"count": "torch.special.entr(p).sum(1)"}),
            "exponential",
        ),
        # the mean in place of the median
        (
            CANDIDATES.format(
                **RIGHT_CANDIDATES | {"count": "torch.special.entr(p).sum(1).exp().mean()"}
            ),
            "the median",
        ),
        # of clean images, and the inverse of the largest probability
        (CANDIDATES.format(**RIGHT_CANDIDATES | {"x_noisy": "some"}), "Corrupt with sigma"),
        (CANDIDATES.format(**RIGHT_CANDIDATES | {"count": "(1 / p.amax(1))"}), "take the entropy"),
        (
            CANDIDATES.format(
                **RIGHT_CANDIDATES | {"too_low": "candidates(data, middle) > share * len(data)"}
            ),
            "more noise, more candidates",
        ),
        # ends where a tenth, not nine tenths, are candidates
        (
            CANDIDATES.format(
                **RIGHT_CANDIDATES | {"too_low": "candidates(data, middle) < (1 - share) * len(data)"}
            ),
            "expected 90 %",
        ),
        # a level that does not depend on the pictures
        (CANDIDATES.format(**RIGHT_CANDIDATES | {"answer": "10.0"}), "of the images, expected"),
    ],
}
