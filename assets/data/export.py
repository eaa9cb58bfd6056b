"""Writes the CSV files of this folder from scikit-learn's copies (`pip install scikit-learn`; then run in this folder).

Raw columns, no scaling; the target is the last column, named `target`. Numbers are written in the shortest form that
reads back to the same double, so the files hold exactly what scikit-learn holds, class numbers included.
"""

import csv

from sklearn import datasets

SETS = {
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
}


def text(value):
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


for name, load in SETS.items():
    data = load()
    with open(f"{name}.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([str(c).replace(" ", "_") for c in data.feature_names] + ["target"])
        for row, target in zip(data.data, data.target):
            out.writerow([text(v) for v in row] + [text(target)])
