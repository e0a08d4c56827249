"""Right answers, written otherwise than the solution: each must pass."""

VARIANCE = "def stationary_variance(rate, s): return s**2 / (2 / rate - 1)\n"
AVERAGE = """
def running_average(path, kept):
    average, *rest = path
    for weight in rest:
        average = average + (1 - kept) * (weight - average)
    return average
"""

RIGHT = {
    "exA2_a": [
        """
def best_linear(x_noisy, sigma, mean, covariance):
    K = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(len(mean)))
    return torch.stack([mean + K @ (x - mean) for x in x_noisy])
""",
        """
def best_linear(x_noisy, sigma, mean, covariance):
    x, m, C = [t.double().numpy() for t in (x_noisy, mean, covariance)]
    K = C @ np.linalg.inv(C + sigma**2 * np.eye(len(m)))
    return torch.from_numpy(m + (x - m) @ K.T)
""",
        """
def best_linear(x_noisy, sigma, mean, covariance):
    values, axes = torch.linalg.eigh(covariance)
    return (x_noisy - mean) @ axes * (values / (values + sigma**2)) @ axes.mT + mean
""",
        """
def best_linear(x_noisy, sigma, mean, covariance):
    return du.GaussianMixture(mean[None], covariance[None]).posterior_mean(x_noisy, sigma)
""",
        # Tweedie's formula, the score by autograd
        """
def best_linear(x_noisy, sigma, mean, covariance):
    x = x_noisy.clone().requires_grad_()
    total = covariance + sigma**2 * torch.eye(len(mean))
    log_p = torch.distributions.MultivariateNormal(mean, total).log_prob(x).sum()
    return x + sigma**2 * torch.autograd.grad(log_p, x)[0]
""",
        """
def best_linear(x_noisy, sigma, mean, covariance):
    root = torch.linalg.cholesky(covariance + sigma**2 * torch.eye(len(mean)))
    return (x_noisy - sigma**2 * torch.cholesky_solve((x_noisy - mean).T, root).T).float()
""",
    ],
    "exA2_b": [
        """
def orthogonalise(matrix, times):
    x = matrix.numpy() / np.linalg.norm(matrix.numpy())
    for _ in range(times):
        x = x @ (3 * np.eye(x.shape[1]) - x.T @ x) / 2
    return x
""",
        """
def orthogonalise(matrix, times):  # from the left, in single precision
    x = torch.nn.functional.normalize(matrix.float().flatten(), dim=0).view_as(matrix)
    for _ in range(times):
        x = x + 0.5 * (torch.eye(len(x)) - x @ x.T) @ x
    return x
""",
        """
def orthogonalise(matrix, times):
    if times == 0:
        return matrix / torch.sqrt((matrix**2).sum())
    x = orthogonalise(matrix, times - 1)
    return torch.einsum("ij,kj,kl->il", x, x, x) * -0.5 + x * 1.5
""",
        # the transpose, whose steps are the same; a list of lists
        """
def orthogonalise(matrix, times):
    x = np.array(matrix.T.tolist())
    x /= (x**2).sum() ** 0.5
    for _ in range(times):
        x = 1.5 * x - 0.5 * np.linalg.multi_dot([x, x.T, x])
    return x.T.tolist()
""",
    ],
    "exA2_c": [
        """
def stationary_variance(rate, s):
    from scipy.linalg import solve_discrete_lyapunov
    return solve_discrete_lyapunov([[1 - rate]], [[rate**2 * s**2]])
def running_average(path, kept):
    from functools import reduce
    return reduce(lambda average, weight: kept * average + (1 - kept) * weight, path)
""",
        """
def stationary_variance(rate, s):  # a geometric series
    return np.sum((1 - rate) ** (2 * np.arange(2000.0))) * (rate * s) ** 2
def running_average(path, kept):
    shares = (1 - kept) * kept ** np.arange(len(path) - 1.0, -1, -1)
    shares[0] = kept ** (len(path) - 1)
    return shares @ np.array(path)
""",
        VARIANCE
        + """
def running_average(path, kept):
    last = len(path) - 1
    if last == 0:
        return path[0]
    return kept * running_average(path[:-1], kept) + (1 - kept) * path[-1]
""",
        AVERAGE
        + """
def stationary_variance(rate, s):
    import sympy
    V = sympy.Symbol("V")
    return sympy.solve((1 - rate) ** 2 * V + rate**2 * s**2 - V, V)[0]
""",
        AVERAGE
        + """
def stationary_variance(rate, s):
    v, before = torch.tensor(s**2), torch.tensor(0.0)
    while abs(v - before) > 1e-6 * v:
        v, before = (1 - rate) ** 2 * v + rate**2 * s**2, v
    return v
""",
    ],
}
