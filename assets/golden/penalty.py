"""Writes `penalty.json`: values and proximal operators of other libraries for `tests/suite/golden.rs`.

    pip install pyproximal==0.13.0 pylops==2.8.0 skglm==0.5 && python penalty.py

Each case is a specification of ours, the same penalty of another library, a step, and numbers. `value` is the library's
at `x` (one number per element of a separable penalty, one in all of others), `prox` its proximal operator. Whether what a
library gives for a separable penalty is a minimiser is checked here by brute force, with the library's own value; where it
is not, the element is null and counted in `worse`: we do not agree with those, and should not.
"""

import json
import platform
from importlib.metadata import version

import numpy as np
import pyproximal as pp
import skglm.penalties as sk
from pylops import MatrixMult

CASES = []
GRID = np.array([-7.3, -4.1, -2.6, -1.9, -1.37, -1.02, -0.83, -0.61, -0.44, -0.27, -0.13, -0.05, -0.004, 0.0])
GRID = np.concatenate([GRID, -GRID[:-1][::-1] * 1.013]).astype(np.float32).astype(float)
STEPS = [0.25, 1.0, 2.5]
FINE = np.linspace(-9, 9, 3601)


def minimal(x, u, step, there, at):
    """Whether u, of value `at`, minimises (u - x)^2 / (2 step) + value(u) over a grid of values `there`."""
    best = ((FINE - x) ** 2 / (2 * step) + there).min()
    return (u - x) ** 2 / (2 * step) + at <= best + 1e-9 * (1 + abs(best))


def separable(spec, origin, value, prox, grid=GRID, steps=STEPS):
    """`value` elementwise, `prox(x, step)` elementwise."""
    there = value(FINE)
    for step in steps:
        u = prox(grid.copy(), step)
        good = [minimal(x, v, step, there, at) for x, v, at in zip(grid, u, value(u))]
        CASES.append(
            {
                "penalty": spec,
                "origin": origin,
                "step": step,
                "shape": [len(grid)],
                "x": grid.tolist(),
                "value": value(grid).tolist(),
                "prox": [float(v) if g else None for v, g in zip(u, good)],
                "worse": int(len(grid) - sum(good)),
            }
        )


def whole(spec, origin, x, value, prox, steps=(0.5,)):
    for step in steps:
        x = np.asarray(x, dtype=np.float32).astype(float)
        u = np.asarray(prox(x.copy(), step))
        CASES.append(
            {
                "penalty": spec,
                "origin": origin,
                "step": step,
                "shape": list(x.shape),
                "x": x.ravel().tolist(),
                "value": None if value is None else float(value(x)),
                "prox": u.ravel().tolist(),
                "worse": 0,
            }
        )


def each(f):
    """A value of a whole vector, element by element."""
    return lambda x: np.array([float(f(np.array([v]))) for v in x])


def pyproximal():
    def add(spec, origin, op, value=None, **more):
        separable(spec, f"pyproximal.{origin}", value or each(op), op.prox, **more)

    add("l1(l1=0.8)", "L1(sigma=0.8)", pp.L1(sigma=0.8))
    add("l2(l2=0.8)", "L2(sigma=0.8)", pp.L2(sigma=0.8))
    # their value is whether there are too many, not how many there are
    add("l0(lambda=0.8)", "L0(sigma=0.8)", pp.L0(sigma=0.8), lambda x: 0.8 * (x != 0))
    huber = pp.Huber(alpha=0.7)
    add(f"huber(lambda={1 / 0.7!r},delta=0.7)", "Huber(alpha=0.7)", huber)
    for sigma, gamma in [(0.8, 1.3), (2.0, 4.0)]:
        factor = sigma / np.log1p(gamma)
        op = pp.Log(sigma, gamma)
        add(f"log-sum(lambda={float(factor)!r},epsilon={1 / gamma!r})", f"Log({sigma}, {gamma})", op, op.elementwise)
    for sigma, gamma in [(0.8, 1.0), (2.0, 3.0)]:
        op = pp.ETP(sigma, gamma)
        add(f"etp(lambda={sigma},gamma={gamma})", f"ETP({sigma}, {gamma})", op, op.elementwise)
    for sigma, gamma in [(0.8, 1.3), (2.0, 0.5)]:
        op = pp.Geman(sigma, gamma)
        add(f"geman(lambda={sigma},gamma={gamma})", f"Geman({sigma}, {gamma})", op, op.elementwise)
    op = pp.SCAD(0.8, 3.7)
    add("scad(lambda=0.8,gamma=3.7)", "SCAD(0.8, 3.7)", op, op.elementwise)
    op = pp.RelaxedMumfordShah(sigma=0.6, kappa=0.9)
    theta = float(np.sqrt(0.9 / 0.6))
    value = lambda x: np.minimum(0.6 * x**2, 0.9)  # theirs is of one vector
    add(f"truncated-quadratic(lambda=1.2,theta={theta!r})", "RelaxedMumfordShah(0.6, 0.9)", op, value)
    inside = lambda x: np.where((x >= -0.5) & (x <= 1.25), 0.0, np.inf)
    box = pp.Box(-0.5, 1.25)
    grid = GRID[(GRID >= -0.5) & (GRID <= 1.25)]
    add("bounds(lower=-0.5,upper=1.25)", "Box(-0.5, 1.25)", box, inside, grid=grid, steps=[1.0])


def skglm():
    def add(spec, origin, pen, positive=False):
        one = lambda x: np.array([float(pen.value(np.array([v]))) for v in x])
        value = (lambda x: np.where(x >= 0, one(np.abs(x)), np.inf)) if positive else one
        prox = lambda x, step: np.array([float(pen.prox_1d(v, step, 0)) for v in x])
        grid = GRID[GRID >= 0] if positive else GRID
        separable(spec, f"skglm.{origin}", value, prox, grid=grid)

    add("l1(l1=0.8)", "L1(0.8)", sk.L1(0.8))
    add("non-negative-l1(l1=0.8)", "L1(0.8, positive=True)", sk.L1(0.8, positive=True), positive=True)
    add("elastic-net(l1=0.24,l2=0.56)", "L1_plus_L2(0.8, 0.3)", sk.L1_plus_L2(0.8, 0.3))
    add("l2(l2=0.8)", "L2(0.8)", sk.L2(0.8)) if hasattr(sk.L2(0.8), "prox_1d") else None
    add("mcp(lambda=0.8,gamma=3)", "MCPenalty(0.8, 3)", sk.MCPenalty(0.8, 3.0))
    add("scad(lambda=0.8,gamma=3.7)", "SCAD(0.8, 3.7)", sk.SCAD(0.8, 3.7))
    add("l-half(lambda=0.8)", "L0_5(0.8)", sk.L0_5(0.8))
    add("l-two-thirds(lambda=0.8)", "L2_3(0.8)", sk.L2_3(0.8))
    add("log-sum(lambda=0.8,epsilon=0.3)", "LogSumPenalty(0.8, 0.3)", sk.LogSumPenalty(0.8, 0.3))
    add("non-negative", "PositiveConstraint()", sk.PositiveConstraint(), positive=True)


def tensors():
    rng = np.random.default_rng(4)
    x = rng.normal(size=12)
    op = pp.L21(ndim=3, sigma=0.8)
    # their groups are the columns of (ndim, n)
    groups = "|".join(f"{i}+{i + 4}+{i + 8}" for i in range(4))
    whole(f"group-lasso(lambda=0.8,groups={groups})", "pyproximal.L21(ndim=3, sigma=0.8)", x, op, op.prox)
    op = pp.Euclidean(0.8)
    whole("group-lasso(lambda=0.8,groups=0-11)", "pyproximal.Euclidean(0.8)", x, op, op.prox)
    op = pp.HuberCircular(0.7)
    spec = f"group-huber(lambda={1 / 0.7!r},delta=0.7,groups=0-11)"
    for scale in (0.1, 0.4, 2.0):
        whole(spec, "pyproximal.HuberCircular(0.7)", scale * x, op, op.prox)
    # PyProximal calls a set by whether the argument is in it
    op = pp.EuclideanBall(0.0, 1.5)
    whole("l2-ball(radius=1.5)", "pyproximal.EuclideanBall(0, 1.5)", x, None, op.prox)
    fine = dict(maxiter=200, xtol=1e-14)
    ball = pp.L1Ball(12, 2.5, **fine)
    whole("l1-ball(radius=2.5)", "pyproximal.L1Ball(12, 2.5)", x, None, ball.prox)
    simplex = pp.Simplex(12, 1.5, **fine)
    whole("simplex(total=1.5)", "pyproximal.Simplex(12, 1.5)", x, None, simplex.prox)
    op = pp.L0Ball(3)
    whole("top-k(k=3)", "pyproximal.L0Ball(3)", x, None, op.prox)
    op = pp.HalfSpace(np.ones(12), -4.0)
    whole("half-space(b=-4)", "pyproximal.HalfSpace(1, -4)", x, None, op.prox)
    matrix = rng.normal(size=(4, 3))
    flat = lambda f: lambda m, step: f(m.ravel(), step).reshape(4, 3)
    op = pp.Nuclear((4, 3), 0.8)
    whole("nuclear(lambda=0.8)", "pyproximal.Nuclear((4, 3), 0.8)", matrix, lambda m: op(m.ravel()), flat(op.prox))
    low = pp.NuclearBall((4, 3), 2.0, **fine)
    whole("nuclear-ball(radius=2)", "pyproximal.NuclearBall((4, 3), 2)", matrix, None, flat(low.prox))
    geman = pp.SingularValuePenalty((4, 3), pp.Geman(0.8, 1.3))
    origin = "pyproximal.SingularValuePenalty((4, 3), Geman(0.8, 1.3))"
    spec = "singular-geman(lambda=0.8,gamma=1.3)"
    whole(spec, origin, matrix, lambda m: geman(m.ravel()), flat(geman.prox))
    falling = 0.3 + 0.05 * np.arange(11, -1, -1)
    slope = sk.SLOPE(falling)
    whole("oscar(l1=0.3,l2=0.05)", "skglm.SLOPE(0.3 + 0.05 (12 - i))", x, slope.value, slope.prox_vec)


def conditions():
    rng = np.random.default_rng(5)
    # enough for both to leave nothing but rounding
    fine = dict(niter=20000, rtol=0.0)
    for shape, iterations in [((4, 5), 100), ((3, 2, 4), 150)]:
        x = rng.normal(size=shape)
        tv = pp.TV(shape, 0.8, **fine)
        prox = lambda m, step: tv.prox(m.ravel(), step).reshape(shape)
        whole(f"tv-nd(lambda=0.8,iterations={iterations})", f"pyproximal.TV({shape}, 0.8)", x, lambda m: tv(m.ravel()), prox)
    x = rng.normal(size=12)
    tv = pp.TV((12,), 0.8, **fine)
    whole("fused-lasso(lambda=0.8)", "pyproximal.TV((12,), 0.8)", x, tv, tv.prox)
    a, b = rng.integers(-3, 4, size=(3, 12)).astype(float), np.array([1.0, -2.0, 0.5])
    op = pp.AffineSet(MatrixMult(a), b, niter=500)
    rows = "|".join(" ".join(f"{v:g}" for v in row) for row in a)
    spec = f"affine(a={rows},b={'|'.join(f'{v:g}' for v in b)})"
    whole(spec, "pyproximal.AffineSet(A, b)", x, None, op.prox)
    matrix = rng.normal(size=(4, 3))
    op = pp.Hankel((4, 3))
    prox = lambda m, step: op.prox(m.ravel(), step).reshape(4, 3)
    whole("hankel", "pyproximal.Hankel((4, 3))", matrix, None, prox)


pyproximal()
skglm()
tensors()
conditions()
made = {name: version(name) for name in ("pyproximal", "pylops", "skglm", "numpy")}
text = json.dumps({"made_with": {"python": platform.python_version(), **made}, "cases": CASES}, indent=1)
# one list of numbers per line
lines, row = [], None
for line in text.splitlines():
    bare = line.strip()
    if bare.endswith("[") and bare != '"cases": [':
        row = [line]
    elif row is not None:
        row.append(bare)
        if bare.startswith("]"):
            lines.append(" ".join(row))
            row = None
    else:
        lines.append(line)
with open("penalty.json", "w") as file:
    file.write("\n".join(lines) + "\n")
for case in CASES:
    if case["worse"]:
        print(f'{case["origin"]}, step {case["step"]}: {case["worse"]} of {len(case["x"])} are no minimisers')
