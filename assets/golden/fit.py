"""Writes `fit.json` and the CSV files of this folder: coefficients of other solvers for `tests/suite/cli.rs`.

    pip install scikit-learn==1.9.1 celer==0.7.4 skglm==0.5 && python fit.py

Each case is a command line for `ridgepoint fit` and what another program finds for the same objective, converted to the
coefficients of the given columns. Objectives: 1/(2n) ||y - Xb - b0||^2 + penalty(b) and mean log-loss + penalty(b).
"""

import json
import warnings

import numpy as np
from celer import GroupLasso
from sklearn import datasets
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from skglm import MCPRegression

warnings.filterwarnings("ignore")
cases = []


def packaged(name):
    load = {
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "breast_cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
    }[name]()
    names = [str(c).replace(" ", "_") for c in load.feature_names]
    return name, names, load.data, load.target


def made(name, n, p, seed, classes=0):
    """Correlated columns in units from 1e-3 to 1e3, written to a file with nine digits."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, p))
    for j in range(1, p):
        z[:, j] = 0.8 * z[:, j - 1] + 0.6 * z[:, j]
    x = (z + rng.normal(size=p)) * 10 ** rng.uniform(-3, 3, size=p)
    score = z[:, : p // 4] @ rng.normal(size=p // 4) + rng.normal(size=n)
    y = score if not classes else np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    names = [f"x{j}" for j in range(p)]
    table = np.c_[x, y]
    fmt = ["%.9g"] * p + ["%.9g" if not classes else "%d"]
    np.savetxt(f"{name}.csv", table, fmt=fmt, delimiter=",", header=",".join(names + ["target"]), comments="")
    table = np.loadtxt(f"{name}.csv", delimiter=",", skiprows=1)
    return f"assets/golden/{name}.csv", names, table[:, :-1], table[:, -1]


def case(data, args, solver, coefficients, intercept):
    place, names, _, _ = data
    coefficients = np.asarray(coefficients)
    cases.append(
        {
            "args": [place, *args],
            "solver": solver,
            "intercept": np.asarray(intercept).tolist(),
            "coefficients": {n: c.tolist() for n, c in zip(names, coefficients)},
        }
    )


def linear(data, spec, model, solver, *flags):
    _, _, x, y = data
    if "--standardize" in flags:
        mean, scale = x.mean(0), x.std(0)
        model.fit((x - mean) / scale, y)
        b = model.coef_ / scale
        b0 = model.intercept_ - mean @ b
    else:
        model.fit(x, y)
        b, b0 = model.coef_, model.intercept_
    case(data, ["--penalty", spec, *flags], solver, b, b0)


def classes(data, kind, spec, model, solver):
    """Standardized columns, as the other solvers need them."""
    _, _, x, y = data
    mean, scale = x.mean(0), x.std(0)
    model.fit((x - mean) / scale, y)
    b = model.coef_.T / scale[:, None]
    b0 = model.intercept_ - mean @ b
    if kind == "logistic":
        b, b0 = b[:, 0], b0[0]
    else:
        b0 = b0 - b0.mean()
    case(data, ["--model", kind, "--penalty", spec, "--standardize"], solver, b, b0)


EXACT = dict(tol=1e-14, max_iter=10_000_000)

diabetes, cancer, wine = packaged("diabetes"), packaged("breast_cancer"), packaged("wine")
tall, wide = made("tall", 120, 24, 1), made("wide", 40, 80, 2)
two, three = made("two", 150, 20, 3, 2), made("three", 150, 12, 4, 3)

linear(diabetes, "lasso(l1=1)", Lasso(alpha=1.0, **EXACT), "sklearn Lasso")
linear(diabetes, "lasso(l1=2)", Lasso(alpha=2.0, **EXACT), "sklearn Lasso", "--standardize")
linear(diabetes, "lasso(l1=1)", Lasso(alpha=1.0, fit_intercept=False, **EXACT), "sklearn Lasso", "--no-intercept")
linear(
    diabetes, "elastic-net(l1=0.5,l2=0.2)", ElasticNet(alpha=0.7, l1_ratio=0.5 / 0.7, **EXACT), "sklearn ElasticNet"
)
linear(diabetes, "ridge(l2=0.3)", Ridge(alpha=0.3 * len(diabetes[3]), solver="svd"), "sklearn Ridge")
linear(tall, "lasso(l1=0.05)", Lasso(alpha=0.05, **EXACT), "sklearn Lasso", "--standardize")
linear(tall, "lasso(l1=0.01)", Lasso(alpha=0.01, **EXACT), "sklearn Lasso")
linear(tall, "ridge(l2=0.1)", Ridge(alpha=0.1 * 120, solver="svd"), "sklearn Ridge")
linear(wide, "lasso(l1=0.1)", Lasso(alpha=0.1, **EXACT), "sklearn Lasso", "--standardize")
linear(wide, "lasso(l1=0.05)", Lasso(alpha=0.05, **EXACT), "sklearn Lasso")
linear(
    wide,
    "elastic-net(l1=0.05,l2=0.05)",
    ElasticNet(alpha=0.1, l1_ratio=0.5, **EXACT),
    "sklearn ElasticNet",
    "--standardize",
)
for data, groups, spec, alpha, flags in [
    (diabetes, [[0, 1], [2, 3], [4, 5, 6, 7], [8, 9]], "0-1|2-3|4-7|8-9", 2.0, ("--standardize",)),
    (tall, [[0, 1, 2, 3], [4, 6, 8], [5, 7, 9], list(range(10, 24))], "0-3|4+6+8|5+7+9|10-23", 0.1, ("--standardize",)),
    (wide, [list(range(g, g + 4)) for g in range(0, 80, 4)], None, 0.2, ("--standardize",)),
]:
    spec = spec or "|".join(f"{g[0]}-{g[-1]}" for g in groups)
    model = GroupLasso(groups=groups, alpha=alpha, tol=1e-14, max_iter=100_000)
    linear(data, f"group-lasso(lambda={alpha},groups={spec})", model, "celer GroupLasso", *flags)
linear(
    tall, "mcp(lambda=0.1,gamma=3)", MCPRegression(alpha=0.1, gamma=3.0, tol=1e-12), "skglm MCPRegression", "--standardize"
)

n = len(cancer[3])
for spec, ratio, strength in [
    ("lasso(l1=0.02)", 1.0, 0.02),
    ("elastic-net(l1=0.01,l2=0.01)", 0.5, 0.02),
    ("ridge(l2=0.05)", 0.0, 0.05),
]:
    model = LogisticRegression(C=1 / (n * strength), l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=1_000_000)
    if ratio == 0.0:
        model = LogisticRegression(C=1 / (n * strength), solver="newton-cholesky", tol=1e-12, max_iter=1000)
    classes(cancer, "logistic", spec, model, "sklearn LogisticRegression")
model = LogisticRegression(C=1 / (150 * 0.03), l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=1_000_000)
classes(two, "logistic", "lasso(l1=0.03)", model, "sklearn LogisticRegression")
n = len(wine[3])
model = LogisticRegression(C=1 / (n * 0.1), solver="lbfgs", tol=1e-12, max_iter=100_000)
classes(wine, "softmax", "ridge(l2=0.1)", model, "sklearn LogisticRegression")
model = LogisticRegression(C=1 / (150 * 0.03), l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=1_000_000)
classes(three, "softmax", "lasso(l1=0.03)", model, "sklearn LogisticRegression")
model = LogisticRegression(C=1 / (150 * 0.04), l1_ratio=0.75, solver="saga", tol=1e-12, max_iter=1_000_000)
classes(three, "softmax", "elastic-net(l1=0.03,l2=0.01)", model, "sklearn LogisticRegression")

with open("fit.json", "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
