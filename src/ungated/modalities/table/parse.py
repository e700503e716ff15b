"""Strings as a person writes them, read as numbers, dates and truth values: whole columns at a time, in polars.

Nothing here decides what a column is (see `kinds`); it says what each cell would be, null where it would be nothing.
"""

from collections.abc import Iterable

import polars as pl

from .schema import MARKS

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
PAIRS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"))

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")
ORDERED = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
WORDED = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y", "%b-%d-%Y")
TIMES = (" %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S%.f", "T%H:%M")
ZONED = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M:%S%.f %z")
MONTHS = ("%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%m/%Y")
CLOCKS = ("%H:%M:%S%.f", "%H:%M", "%I:%M %p", "%I:%M:%S %p")

CURRENCY = r"(?:[$€£¥₹₽₩]|(?:USD|EUR|GBP|CHF|JPY|kr)\b)"


def strip(text: pl.Series) -> pl.Series:
    """Cells without the spaces around them; null where a cell is a mark of a missing value."""
    bare = text.str.strip_chars()
    return bare.set(bare.str.to_lowercase().is_in(list(MARKS)), None) if len(bare) else bare


def stripped(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """`strip` for many columns in one query."""
    if not names:
        return frame.select()
    bare = frame.select(pl.col(names).str.strip_chars())
    marked = bare.select(pl.all().str.to_lowercase().is_in(sorted(MARKS)))
    met = {n for n, k in marked.sum().row(0, named=True).items() if k}
    return bare.with_columns([bare[n].set(marked[n], None) for n in names if n in met])


def marks(text: pl.Series) -> list[str]:
    """The marks of missing values met among distinct cells, as written."""
    bare = text.drop_nulls().str.strip_chars()
    return sorted(bare.filter(bare.str.to_lowercase().is_in(list(MARKS))).unique().to_list())


def numbers(bare: pl.Series, decimal: str = ".", thousands: str = ",") -> pl.Series:
    """Stripped cells as float64; null where a cell is no number.

    Reads "1e-3", "1,234.5", "12%" (as 12), "$3", "€ 5", "(3.2)" (as -3.2), "inf"; with decimal "," also "1.234,5".
    """
    plain = bare.cast(pl.Float64, strict=False)
    if decimal == "." and plain.null_count() == bare.null_count():
        return plain.fill_nan(None)
    if decimal == ".":
        odd = bare.is_not_null() & plain.is_null()
        # Only the odd cells pay for the regular expressions.
        return plain.scatter(odd.arg_true(), _decorated(bare.filter(odd), decimal, thousands)).fill_nan(None)
    return _decorated(bare, decimal, thousands).fill_nan(None)


def _decorated(cells: pl.Series, decimal: str, thousands: str) -> pl.Series:
    """Cells with currency, percent, brackets or grouped digits as float64; null where what is left is no number."""
    frame = cells.alias("c").to_frame()
    c = pl.col("c")
    negative = c.str.contains(r"^\(.*\)$")
    bare = c.str.replace(r"^\((.*)\)$", "$1").str.replace(r"^([-+−]?)\s*" + CURRENCY + r"\s*", "$1")
    bare = bare.str.replace(r"\s*(?:%|" + CURRENCY + r")$", "").str.replace("−", "-", literal=True)
    bare = bare.str.replace(r"^([-+])\s+", "$1").str.strip_chars()
    point = r"\." if decimal == "." else ","
    groups = {",": ",", ".": r"\."}.get(thousands, "") if thousands != decimal else ""
    mark = f"[{groups}\u00a0\u202f '’_]"
    grouped = bare.str.contains(rf"^[-+]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d*)?$")
    loose = bare.str.contains(rf"^[-+]?(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?$")
    infinite = bare.str.to_lowercase().is_in(["inf", "-inf", "+inf", "infinity", "-infinity"])
    clean: pl.Expr = pl.when(grouped).then(bare.str.replace_all(mark, "")).when(loose | infinite).then(bare)
    if decimal == ",":
        clean = clean.str.replace(",", ".", literal=True)
    value = clean.cast(pl.Float64, strict=False)
    return frame.select(pl.when(negative).then(-value.abs()).otherwise(value)).to_series()


def number_style(bare: pl.Series, decimal: str = ".") -> tuple[str, str]:
    """(decimal mark, thousands mark) of distinct stripped cells; `decimal` is what the rest of the file uses."""
    digits = bare.str.replace_all(r"[^\d.,]", "")
    both = digits.filter(digits.str.contains(r"[.,].*[.,]"))
    comma_last = both.str.contains(r"\..*,\d*$").sum()
    point_last = both.str.contains(r",.*\.\d*$").sum()
    if comma_last != point_last:
        return (",", ".") if comma_last > point_last else (".", ",")
    commas = digits.filter(digits.str.contains(",", literal=True))
    if len(commas) and not digits.str.contains(".", literal=True).any():
        if decimal == "." and commas.str.contains(r"^\d{1,3}(,\d{3})+$").all():
            return ".", ","
        return (",", ".") if commas.str.contains(r"^\d*,\d*$").mean() > 0.5 else (".", ",")  # type: ignore[operator]
    points = digits.filter(digits.str.contains(".", literal=True))
    if decimal == "," and not len(commas) and len(points) and not points.str.contains(r"^\d{1,3}(\.\d{3})+$").all():
        return ".", ","
    return (decimal, "." if decimal == "," else ",")


def truths(bare: pl.Series) -> pl.Series:
    """Stripped cells as Boolean; null where a cell is neither."""
    low = bare.str.to_lowercase()
    frame = low.alias("c").to_frame()
    c = pl.col("c")
    yes, no = c.is_in(sorted(TRUE)), c.is_in(sorted(FALSE))
    return frame.select(pl.when(yes).then(True).when(no).then(False)).to_series()


def dates(bare: pl.Series, formats: Iterable[str]) -> pl.Series:
    """Stripped cells as Datetime(us), UTC where they carry a zone; null where none of `formats` fits."""
    parsed = [_one_format(bare, f) for f in formats]
    frame = pl.DataFrame([s.alias(str(i)) for i, s in enumerate(parsed)])
    return frame.select(pl.coalesce(pl.all())).to_series()


def _one_format(bare: pl.Series, form: str) -> pl.Series:
    if form == "%Y-%m" or form == "%Y/%m":
        return (bare + "-01").str.to_datetime(form + "-%d", strict=False, time_unit="us")
    if form in MONTHS:
        return ("1 " + bare).str.to_datetime("%d " + form, strict=False, time_unit="us")
    if form in CLOCKS:
        return ("1970-01-01 " + bare).str.to_datetime("%Y-%m-%d " + form, strict=False, time_unit="us")
    if "%z" in form:
        zoned = bare.str.replace(r"Z$", "+0000").str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        return zoned.dt.replace_time_zone(None)
    if "%H" in form or "%I" in form:
        return bare.str.to_datetime(form, strict=False, time_unit="us")
    return bare.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def date_formats(bare: pl.Series) -> tuple[list[str], float, bool]:
    """The formats that read distinct stripped cells best, the share they read, and whether day and month are in doubt.

    One format is preferred; a second is added where the first leaves cells that another reads.
    """
    sample = bare.gather_every(max(1, len(bare) // 300))
    if not len(sample) or sample.str.contains(r"\d[-/.: ,]|^\d{8}$|[A-Za-z]{3} \d").mean() < 0.9:  # type: ignore[operator]
        return [], 0.0, False
    if sample.str.len_chars().max() > 40:  # type: ignore[operator]
        return [], 0.0, False
    whole = sample.str.contains(r"^\d{8}$").all()
    candidates = ["%Y%m%d"] if whole else _candidates(sample)
    found = [(f, _share(sample, f)) for f in candidates]
    likely = [f for f, share in found if share > 0.05]
    if not likely:
        return [], 0.0, False
    shares = {f: _share(bare, f) for f in likely}
    first = max(likely, key=lambda f: (round(shares[f], 3), -candidates.index(f)))
    twin = first.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    doubt = twin != first and first[:2] != "%Y" and shares.get(twin, 0.0) >= shares[first]
    formats = [first] + [f for f in likely if f not in (first, twin) and shares[first] < 0.999]
    return formats, float(dates(bare, formats).is_not_null().mean()), doubt  # type: ignore[arg-type]


def _candidates(sample: pl.Series) -> list[str]:
    """Formats worth trying, by what the cells contain."""
    timed = sample.str.contains(":", literal=True).any()
    worded = sample.str.contains(r"[A-Za-z]{3}").any()
    days = DATES + (WORDED if worded else ORDERED)
    forms = list(days) + list(MONTHS)
    if timed:
        forms += list(ZONED) + [d + t for d in days for t in TIMES] + list(CLOCKS)
    return forms


def _share(cells: pl.Series, form: str) -> float:
    found = _one_format(cells, form)
    years = found.dt.year()
    ok = found.is_not_null() & ((years >= 1000) & (years <= 2999))
    return float(ok.mean() or 0.0)  # type: ignore[arg-type]
