"""Data sets that have names because they ship inside scikit-learn. Its files are read; it is not imported."""

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...core.errors import InputError

_IRIS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
_WINE = tuple(
    """alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols
    proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline""".split()  # noqa: SIM905
)
_CANCER = tuple(
    f"{how} {what}" if how == "mean" else f"{what} {how}" if how == "error" else f"{how} {what}"
    for how in ("mean", "error", "worst")
    for what in (
        "radius", "texture", "perimeter", "area", "smoothness",
        "compactness", "concavity", "concave points", "symmetry", "fractal dimension",
    )
)  # fmt: skip
_DIGITS = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
_DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


@dataclass(frozen=True)
class NamedSet:
    """One data set with a name. columns counts the target too.

    picture: height, width and what is white, where the features are the pixels of one.
    """

    name: str
    rows: int
    columns: int
    target: str
    what: str
    task: str
    file: str
    features: tuple[str, ...]
    labels: tuple[str, ...] = ()
    separator: str = ","
    picture: tuple[int, int, int] | None = None
    header: bool = False  # whether the first line is scikit-learn's own count of rows and columns


NAMED = {
    s.name: s
    for s in (
        NamedSet(
            "iris", 150, 5, "species", "irises of three species, measured by hand", "classify",
            "iris.csv", _IRIS, ("setosa", "versicolor", "virginica"), header=True,
        ),
        NamedSet(
            "wine", 178, 14, "cultivar", "wines of three grape cultivars, by chemical analysis", "classify",
            "wine_data.csv", _WINE, ("class_0", "class_1", "class_2"), header=True,
        ),
        NamedSet(
            "digits", 1797, 65, "digit", "handwritten digits of 8 × 8 pixels", "classify",
            "digits.csv.gz", _DIGITS, picture=(8, 8, 16),
        ),
        NamedSet(
            "breast-cancer", 569, 31, "diagnosis", "breast tumours, malignant or benign, by their cells", "classify",
            "breast_cancer.csv", _CANCER, ("malignant", "benign"), header=True,
        ),
        NamedSet(
            "diabetes", 442, 11, "progression", "progress of diabetes one year after the measurements", "regress",
            "diabetes_data_raw.csv.gz", _DIABETES, separator=" ",
        ),
    )
}  # fmt: skip


def named() -> list[tuple[str, int, int, str, str, str]]:
    """(name, rows, columns, target, what it is, task) of every data set with a name."""
    return [(s.name, s.rows, s.columns, s.target, s.what, s.task) for s in NAMED.values()]


def load_named(name: str) -> pl.DataFrame:
    """The data set as a typed frame, target last. Raises InputError where scikit-learn's files are not there."""
    about = NAMED[name]
    spec = importlib.util.find_spec("sklearn")
    folder = Path(str(spec.origin)).parent / "datasets" / "data" if spec and spec.origin else None
    if folder is None or not (folder / about.file).is_file():
        raise InputError(f"The data set {name!r} ships with scikit-learn, whose data files are not installed here.")
    values = _matrix(folder / about.file, about)
    if name == "diabetes":
        values = [*values, *_matrix(folder / "diabetes_target.csv.gz", about)]
    columns = []
    for column, series in zip((*about.features, about.target), values, strict=True):
        if column == about.target and about.labels:
            series = series.cast(pl.Int64).cast(pl.String).replace({str(i): v for i, v in enumerate(about.labels)})
        elif (series == series.round()).all():
            series = series.cast(pl.Int64)
        columns.append(series.alias(column))
    return pl.DataFrame(columns)


def _matrix(path: Path, about: NamedSet) -> list[pl.Series]:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    options = {"separator": about.separator, "has_header": False, "infer_schema_length": None}
    return pl.read_csv(data, skip_rows=int(about.header), **options).cast(pl.Float64).get_columns()  # type: ignore[arg-type]
