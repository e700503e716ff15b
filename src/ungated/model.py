"""A model: what a person keeps of a run, and asks.

It holds the schema of the table it was trained on, one encoder for each fold and way of preparing rows, and the fitted
algorithms of the final ensemble with their weights. A row goes through the encoders, each fitted algorithm answers, and
the answer is the weighted mean. Everything is plain JSON values and arrays, so that a model folder cannot run code.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from . import algorithms, store, tasks
from .core.algorithm import Algorithm, Fitted, State, plain
from .core.errors import InputError, ModelError, UsageError
from .core.numbers import Answer, Array, Column, Form, Numbers
from .core.run import ErrorRecord, Run
from .modalities import table, views
from .modalities.broken import Broken
from .modalities.reading import read

CHUNK = 50_000  # rows answered at a time, so that memory does not grow with the file
GOLDEN_ROWS, FEW_GOLDEN = 12, 3  # the few where rows hold pictures or sounds
GOLDEN_LETTERS = 400  # of the one text whose letters are foretold
GOLDEN_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Member:
    """A candidate in the ensemble: its share, and for each fold the encoder it reads through and what it learned."""

    algorithm: Algorithm
    weight: float
    fits: tuple[tuple[int, Fitted], ...]


@dataclass(frozen=True)
class Scores:
    """How a model does on labelled rows: its error beside the baseline's, and every measure of the task."""

    error: ErrorRecord
    metrics: dict[str, float]


@dataclass(frozen=True)
class Answered:
    """The answers, float64 (n, outputs), NaN where there is none.

    names: of the files that were asked about, where rows are files, or of the baskets, where they have any; named: the
    column that they came in. broken: files that could not be read.
    """

    answer: Answer
    names: list[str]
    broken: list[Broken]
    named: str = "file"


class Model:
    """A trained model. Made by `ungated.fit` or `ungated.load`."""

    def __init__(self, contents: store.Contents, run: Run, folder: Path | None = None) -> None:
        self._contents, self.run, self.folder = contents, run, folder
        document = contents.document
        self.task = tasks.from_json(document["task"])
        self.target: str = document["target"]
        self.schema = table.Schema.from_json(document["schema"])
        self.features: tuple[str, ...] = tuple(document["features"])
        self._by: float = document["temperature"]
        self.encoders = [views.load(contents.states[name]) for name in document["encoders"]]
        self.members = [_member(m, contents.states) for m in document["members"]]

    # -- asking --------------------------------------------------------------------------------------------------------

    def predict(self, data: Any) -> Any:
        """What the target is, for each row of `data`, in the caller's kind (a Series, an array, a list).

        Without a target, a table of what the task says of each row: its cluster, how unusual it is, its place.

        data: a path, several of them, or a pandas, polars, Arrow or NumPy table with the training columns in any order.
        Of a row whose file cannot be read nothing is said (None).
        Raises InputError when a column is missing or cannot be read as its kind.
        """
        answer = self._answered(data).answer
        if isinstance(self.task, tasks.Supervised):
            return table.give_back(self._said(self.task, answer), self.target, data)
        return table.give_back_table(self._found(answer), data)

    def predict_proba(self, data: Any) -> Any:
        """The probability of each class, one column a class, in the caller's kind of table. UsageError for amounts."""
        if self.task.id != "classify":
            raise UsageError(f"This model says how much {self.target} is; only a classifier gives probabilities.")
        answer = self._answered(data).answer
        return table.give_back_table({str(c): answer[:, i] for i, c in enumerate(self.classes)}, data)

    def answers(self, data: Any, tell: Callable[[Broken], None] = lambda broken: None) -> pl.DataFrame:
        """What `predict` says, and for classes the probability of each as a column "P(class)", as a polars frame.

        Where the rows are files, or baskets with names, the first column names them. tell: called with each file that
        could not be read.
        """
        answered = self._answered(data)
        for broken in answered.broken:
            tell(broken)
        columns = [pl.Series(answered.named, answered.names)] if answered.names else []
        if not isinstance(self.task, tasks.Supervised):
            found = self._found(answered.answer)
            return pl.DataFrame([*columns, *(pl.Series(k, list(v)) for k, v in found.items())])
        columns += [pl.Series(self.target, list(self._said(self.task, answered.answer)))]
        columns += [pl.Series(f"P({c})", answered.answer[:, i]).fill_nan(None) for i, c in enumerate(self.classes)]
        return pl.DataFrame(columns)

    def evaluate(self, data: Any, label_from: str | None = None) -> Scores:
        """The error on labelled rows, with its 95% interval, beside the trivial baseline's. Raises InputError.

        Where no answers are given, the rows become an exam, as the sealed ones did.
        """
        raw = read(data, label_from=label_from, task=self.task.id, said=self._layout)
        if raw.sealed is not None:  # its official test rows: others may be what the model has learned from
            raw = replace(raw, frame=raw.sealed)
        cast = table.cast(
            raw.frame, self.schema, where=raw.source, optional=self._needless - {self.target}, base=raw.base
        )
        typed = cast.frame.filter(~pl.Series(cast.lost))
        if isinstance(self.task, tasks.Unsupervised):
            return self.judge(*self.examined(typed), self.task.counted.removeprefix("sealed "))
        typed = typed.filter(pl.col(self.target).is_not_null())
        if not typed.height:
            raise InputError(f"{raw.source}: no row has a value in {self.target!r}: there is nothing to compare with.")
        return self.judge(*self.examined(typed), "rows")

    def examined(self, typed: pl.DataFrame, seed: int = 0) -> tuple[Array, Answer]:
        """(what is true, what the ensemble answers) of rows whose target is given, or of the exam that they become."""
        if isinstance(self.task, tasks.Supervised):
            return self.task.encode(typed[self.target].to_list()), self.answer(typed)
        assert isinstance(self.task, tasks.Unsupervised)
        y = np.zeros(typed.height)
        parts: list[Answer] = []
        shares: list[float] = []
        for encoder, fits in self._fits():
            exam = self.task.exam(encoder.numbers(self._as_read(encoder, typed), np.zeros(typed.height)), seed)
            y = exam.y if exam.form is self.task.form or not parts else y  # rather than of none, of another form
            parts += [fitted.answer(exam.x) for _, fitted in fits]
            shares += [share for share, _ in fits]
        return y, self.task.adjust(self.task.blend(parts, np.array(shares)), self._by)

    def judge(self, y: Array, answer: Answer, rows: str | None = None) -> Scores:
        """How answers do against what is true, y as the task encodes it. rows: what they are called."""
        rows = rows or str(getattr(self.task, "counted", "sealed rows"))
        constant = np.tile(np.array(self._contents.document["baseline"]), (len(y), 1))
        measure = self.task.measure
        low, high = measure.interval(y, answer)
        error = ErrorRecord(measure.id, measure(y, answer), low, high, measure(y, constant), len(y))
        error.words = in_words(error, measure.show, rows)
        return Scores(error, self.task.all_measures(y, answer))

    def answer(self, typed: pl.DataFrame) -> Answer:
        """The ensemble's answers, float64 (n, outputs), to rows already read by this model's schema."""
        parts = [self._answer(typed[i : i + CHUNK]) for i in range(0, max(typed.height, 1), CHUNK)]
        return np.concatenate(parts)

    def _answer(self, typed: pl.DataFrame) -> Answer:
        parts: list[Answer] = []
        shares: list[float] = []
        described = table.Described(typed, self.schema)
        for encoder, fits in self._fits():
            texts = described.counted(encoder.texts) if isinstance(encoder, table.RowEncoder) else {}
            rows = self._as_read(encoder, typed, described)
            x = encoder.numbers(rows, np.zeros(typed.height), table.counted({}, texts)).x
            parts += [fitted.answer(x) for _, fitted in fits]
            shares += [share for share, _ in fits]
        return self.task.adjust(self.task.blend(parts, np.array(shares)), self._by)

    def _fits(self) -> list[tuple[views.Encoder, list[tuple[float, Fitted]]]]:
        """Each encoder with what reads through it: shares in the ensemble, and what was learned."""
        by_encoder: dict[int, list[tuple[float, Fitted]]] = {}
        for member in self.members:
            for place, fitted in member.fits:
                by_encoder.setdefault(place, []).append((member.weight / len(member.fits), fitted))
        return [(self.encoders[place], fits) for place, fits in by_encoder.items()]

    def _as_read(
        self, encoder: views.Encoder, typed: pl.DataFrame, described: table.Described | None = None
    ) -> pl.DataFrame:
        """Typed rows as an encoder takes them: for rows, with pictures and sounds described."""
        if not isinstance(encoder, table.RowEncoder):
            return typed
        return (described or table.Described(typed, self.schema)).rows(encoder.sources)

    def numbers(self, typed: pl.DataFrame) -> Numbers:
        """Typed rows as the numbers that the member with the largest share sees."""
        encoder, _ = max(self._fits(), key=lambda found: sum(share for share, _ in found[1]))
        return encoder.numbers(self._as_read(encoder, typed), np.zeros(typed.height))

    def _answered(self, data: Any) -> "Answered":
        if self.task.id == "generate":
            raise UsageError(
                "This model makes new things; it does not say anything of old ones.\n"
                "Ask it for some with `ungated generate`, or how well it foretells others with `ungated evaluate`."
            )
        raw = read(data, task=self.task.id, said=self._layout)
        if raw.sealed is not None:  # a split is for learning, not for asking
            raw = replace(raw, frame=pl.concat([raw.frame, raw.sealed], how="diagonal_relaxed"))
        answer, broken = self._answer_table(raw.frame, raw.source, raw.base)
        answer[raw.unread] = np.nan
        named = next((n for n in ("file", "id") if n in raw.kinds and n in raw.frame.columns), "")
        names = [str(f) for f in raw.frame[named]] if named else []
        return Answered(answer, names, [*raw.broken, *broken], named)

    def answer_table(self, frame: pl.DataFrame, where: str = "the table", base: Path | None = None) -> Answer:
        """The ensemble's answers, float64 (n, outputs), to rows as read; NaN where a row's file cannot be read.

        Raises InputError that names `where`.
        """
        return self._answer_table(frame, where, base)[0]

    def _answer_table(self, frame: pl.DataFrame, where: str, base: Path | None) -> tuple[Answer, list[Broken]]:
        cast = table.cast(frame, self.schema, where=where, optional=self._needless, base=base)
        if not cast.lost.any():
            return self.answer(cast.frame), cast.broken
        read = self.answer(cast.frame.filter(~pl.Series(cast.lost))) if not cast.lost.all() else None
        answer = np.full((frame.height, self.task.outputs or 1 if read is None else read.shape[1]), np.nan)
        if read is not None:
            answer[~cast.lost] = read
        return answer, cast.broken

    def _found(self, answer: Answer) -> dict[str, Array]:
        """What the answers say where there is no target, by column; None where there is no answer."""
        assert isinstance(self.task, tasks.Unsupervised)
        unsaid = np.asarray(np.isnan(answer).any(axis=1))
        said = self.task.said(np.where(unsaid[:, None], 0.0, answer), self.columns)
        if unsaid.any():
            said = {name: values.astype(object) for name, values in said.items()}
            for values in said.values():
                values[unsaid] = None
        return said

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each column of the numbers means that the member with the largest share sees."""
        return self.numbers(_from_plain(self._contents.document["golden"]["rows"], self.schema)).columns

    def _said(self, task: tasks.Supervised, answer: Answer) -> Array:
        """What the answers say, in the target's own type; None where there is no answer."""
        unsaid = np.asarray(np.isnan(answer).any(axis=1))
        said = task.decode(np.where(unsaid[:, None], 0.0, answer))
        if self.task.id == "classify":
            said = _typed(said, self.schema[self.target].how.get("dtype", "text"))
        if unsaid.any():
            said = said.astype(object)
            said[unsaid] = None
        return said

    @property
    def _layout(self) -> dict[str, Any]:
        """How the baskets that were learned from were laid out: others are read alike."""
        return {k: v for c in self.schema.columns if c.kind == "basket" for k, v in c.how.items()}

    @property
    def _needless(self) -> set[str]:
        """Columns that predictions can do without."""
        return {c.name for c in self.schema.columns} - set(self.features)

    @property
    def supervised(self) -> tasks.Supervised:
        """The task, where it has a target. Raises UsageError where it has none."""
        if not isinstance(self.task, tasks.Supervised):
            raise UsageError(f"This model answers no target: its task is {self.task.id}.")
        return self.task

    # -- knowing -------------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> Sequence[Any]:
        """The classes, in the order of `predict_proba`'s columns; empty for amounts and where there is no target."""
        if self.target not in self.schema:
            return []
        labels = np.array(getattr(self.task, "classes", ()), object)
        return list(_typed(labels, self.schema[self.target].how.get("dtype", "text")))

    @property
    def error(self) -> ErrorRecord:
        """The one honest number: error on the sealed rows, with its 95% interval, beside the baseline's."""
        if self.run.error is None:
            raise ModelError(
                "This model was saved before its sealed rows were opened. Use evaluate with labelled rows."
            )
        return self.run.error

    @property
    def leaderboard(self) -> pl.DataFrame:
        """Every candidate: algorithm, era, year, validation error with its interval, and what it took."""
        shown = (
            "algorithm",
            "era",
            "year",
            "error",
            "low",
            "high",
            "seconds",
            "peak_bytes",
            "predict_us",
            "size_bytes",
        )
        rows = [{k: getattr(e, k) for k in (*shown, "weight", "fate")} for e in self.run.leaderboard]
        return pl.DataFrame(rows, infer_schema_length=None)

    def __repr__(self) -> str:
        said = self.run.error.words if self.run.error else "its sealed rows are not opened yet"
        return f"<ungated model of {self.target or self.task.id}: {said}>"

    # -- keeping -------------------------------------------------------------------------------------------------------

    @property
    def report(self) -> str:
        """The run as one self-contained HTML page."""
        from . import report

        return report.html(self.run)

    def save(self, folder: str | Path, *, report: bool = True) -> Path:
        """Write the model folder, its record and its report; returns its path. Raises UsageError if it may not."""
        folder = Path(folder)
        self.run.model = str(folder)
        store.write(folder, self._contents.document, self._contents.states, self._papers(report))
        self.folder = folder
        return folder

    def report_page(self) -> Path:
        """Where the report is; written if it is not there yet. Raises UsageError before the model is saved."""
        if self.folder is None or not (self.folder / "report.html").exists():
            self.save_papers()
        assert self.folder is not None
        return self.folder / "report.html"

    def save_papers(self) -> None:
        """Write the record and the report anew beside a model that is saved already."""
        if self.folder is None:
            raise UsageError("The model is not saved yet. Call save with the folder that it shall have.")
        for name, text in self._papers(True).items():
            store.add_file(self.folder, name, text)

    def _papers(self, report: bool) -> dict[str, str | bytes]:
        papers: dict[str, str | bytes] = {"run.json": json.dumps(self.run.to_json(), ensure_ascii=False, indent=1)}
        if report:
            papers["report.html"] = self.report
            if self.task.id == "generate":
                from .report.card import card

                papers["MODEL.md"] = card(self.run)
        return papers

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model folder, and check that it answers as it did when it was saved. Raises ModelError."""
        contents = store.read(Path(folder))
        try:
            run = Run.from_json(json.loads(contents.files["run.json"]))
            model = cls(contents, run, Path(folder))
            golden = _from_plain(contents.document["golden"]["rows"], model.schema)
            said = model.answer(golden)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelError(f"{folder}: the model cannot be read ({type(error).__name__}: {error}).") from error
        told = np.array(contents.document["golden"]["answers"], np.float64)
        scale = np.abs(told).max() + 1e-12
        if said.shape != told.shape or np.abs(said - told).max() > GOLDEN_TOLERANCE * scale:
            then = ", ".join(f"{k} {v}" for k, v in run.versions.items())
            raise ModelError(
                f"{folder}: the model answers otherwise than when it was saved.\n"
                f"It was made with {then}. Install those versions, or train it again."
            )
        return model


def build(
    *,
    task: tasks.Task,
    target: str,
    schema: Any,
    features: Sequence[str],
    encoders: Sequence[Any],
    members: Sequence[tuple[Algorithm, float, Sequence[tuple[int, State]]]],
    temperature: float,
    baseline: Answer,
    sample: pl.DataFrame,
    run: Run,
) -> Model:
    """A model from its parts. sample: a few training rows, whose answers are rechecked whenever it is loaded."""
    states: dict[str, State] = {}
    for k, encoder in enumerate(encoders):
        states[f"encoders/{k}"] = encoder.state()
    described = []
    for i, (algorithm, weight, fits) in enumerate(members):
        names = [{"encoder": k, "state": f"members/{i}/{j}"} for j, (k, _) in enumerate(fits)]
        states |= {f"members/{i}/{j}": state for j, (_, state) in enumerate(fits)}
        described.append(
            {"algorithm": algorithm.card.id, "settings": algorithm.settings(), "weight": weight, "fits": names}
        )
    document = {
        "task": tasks.to_json(task),
        "target": target,
        "schema": schema.to_json(),
        "features": list(features),
        "encoders": [f"encoders/{k}" for k in range(len(encoders))],
        "members": described,
        "temperature": temperature,
        "baseline": baseline[0].tolist(),
        "golden": {"rows": {}, "answers": []},
    }
    model = Model(store.Contents(document, states), run)
    golden = _few(sample, schema, getattr(task, "form", None))
    document["golden"] = plain({"rows": _to_plain(golden), "answers": model.answer(golden).tolist()})
    return model


def _member(described: dict[str, Any], states: dict[str, State]) -> Member:
    known = algorithms.discover()
    if described["algorithm"] not in known:
        raise ModelError(
            f"The model uses the algorithm {described['algorithm']!r}, which is not here.\n"
            "Install the package that brought it, or a newer Ungated."
        )
    algorithm = known[described["algorithm"]](**described["settings"])
    fits = tuple((int(fit["encoder"]), algorithm.load(states[fit["state"]])) for fit in described["fits"])
    return Member(algorithm, float(described["weight"]), fits)


def _typed(labels: Array, dtype: str) -> Array:
    """Labels, which the task keeps as text, in the type that the caller's table had them in."""
    makers: dict[str, Any] = {"integer": int, "float": float, "boolean": lambda v: v.lower() == "true"}
    if dtype not in makers:
        return labels
    try:
        return np.array([makers[dtype](v) for v in labels])
    except ValueError:
        return labels


def _few(sample: pl.DataFrame, schema: table.Schema, form: Form | None) -> pl.DataFrame:
    """A few training rows, few enough to be answered whenever the model is loaded."""
    if form is Form.STREAM:
        texts = [n for n in sample.columns if schema[n].kind == "text"]
        return sample.head(1).with_columns(pl.col(n).str.head(GOLDEN_LETTERS) for n in texts)
    return sample.head(FEW_GOLDEN if pl.Binary in sample.dtypes else GOLDEN_ROWS)


def _to_plain(typed: pl.DataFrame) -> dict[str, list[Any]]:
    """Typed rows as JSON holds them: dates as whole microseconds, pictures and sounds in base64."""

    def plain_column(c: pl.Series) -> pl.Series:
        return c.to_physical() if c.dtype.is_temporal() else c.bin.encode("base64") if c.dtype == pl.Binary else c

    return {c.name: plain_column(c).to_list() for c in typed.get_columns()}


def _from_plain(rows: dict[str, list[Any]], schema: table.Schema) -> pl.DataFrame:
    """Typed rows again from `_to_plain`."""
    types = {"number": pl.Float64(), "date": pl.Datetime("us"), "basket": pl.List(pl.String)}
    columns = []
    for name, values in rows.items():
        kind = schema[name].kind
        if kind == "date":
            columns.append(pl.Series(name, values, pl.Int64).cast(types[kind]))
        elif kind in (*table.MEDIA, "tune"):
            columns.append(pl.Series(name, values, pl.String).str.decode("base64"))
        else:
            columns.append(pl.Series(name, values, types.get(kind, pl.String())))
    return pl.DataFrame(columns)


def in_words(error: ErrorRecord, show: Any, rows: str) -> str:
    """The error as one sentence, which says so where it is no better than the baseline's."""
    said = f"{error.metric} {show(error.value)} on {error.rows:,} {rows} (95% interval {show(error.low)} to "
    said += f"{show(error.high)}); the trivial baseline's is {show(error.baseline)}"
    worse = not error.high < error.baseline
    return f"{said}: no better than the baseline" if worse else said


def load(folder: str | Path) -> Model:
    """Read a model folder. Raises ModelError, with the reason, for one that is damaged, newer, or not a model."""
    return Model.load(folder)
