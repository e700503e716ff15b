"""Ungated beside what a person would write by hand for text: error against seconds on test rows.

    python benchmarks/text.py --sets mr,trec --time 15,60

TREC and SST-2 have official tests; movie-review-polarity has ten official folds; of the others a tenth is the test,
stratified, seed 42 (--folds 0,1,2 for more). logistic: TF-IDF into logistic regression, scikit-learn's defaults.
embedding: the mean of word embeddings into one layer, as PyTorch's tutorial on text classification has it.
"""

import csv
import gzip
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import beside
import numpy as np

Rows = list[tuple[str, str]]  # (label, text)


def _sentences(data: Path, name: str) -> Rows:
    raw = gzip.decompress((data / "sentence-classification" / name).read_bytes())
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    pairs = (line.partition(" ") for line in text.split("\n") if line.strip())
    return [(label, sentence.strip()) for label, _, sentence in pairs]


def _fixed(train: str, test: str, data: Path, folder: Path, fold: int) -> beside.Prepared:
    return _written(folder, _sentences(data, train), _sentences(data, test))


def _tenth(name: str, data: Path, folder: Path, fold: int) -> beside.Prepared:
    return _fold(_sentences(data, name), folder, fold)


def _sms(data: Path, folder: Path, fold: int) -> beside.Prepared:
    with gzip.open(data / "sms-spam" / "sms_spam.csv.gz", "rt", encoding="utf-8") as file:
        return _fold([(row["type"], row["text"]) for row in csv.DictReader(file)], folder, fold)


def _reviews(data: Path, folder: Path, fold: int) -> beside.Prepared:
    """The publisher's folds: the first digit of a file's number."""
    train, test = [], []
    with tarfile.open(data / "movie-review-polarity" / "review_polarity.tar.gz") as archive:
        for member in archive:
            if member.isfile() and (found := re.search(r"(pos|neg)/cv(\d)\d\d_", member.name)):
                text = archive.extractfile(member).read().decode("latin-1")  # type: ignore[union-attr]
                (test if int(found[2]) == fold else train).append((found[1], text))
    return _written(folder, train, test)


def _fold(rows: Rows, folder: Path, fold: int) -> beside.Prepared:
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(10, shuffle=True, random_state=42).split(rows, [label for label, _ in rows])
    train, test = list(folds)[fold]
    return _written(folder, [rows[i] for i in train], [rows[i] for i in test])


def _written(folder: Path, train: Rows, test: Rows) -> beside.Prepared:
    """The same CSV files for everybody."""
    files = folder / "train.csv", folder / "test.csv"
    for path, rows in zip(files, (train, test), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("label", "text"), *rows])
    fit = [str(files[0]), "--target", "label", "--task", "classify", "--test", str(files[1])]
    return beside.Prepared(fit, [label for label, _ in test], {"train": str(files[0]), "test": str(files[1])})


def load(file: str) -> tuple[list[str], np.ndarray]:
    csv.field_size_limit(1 << 30)
    with open(file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], np.array([row["label"] for row in rows])


def logistic(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts, y = load(job["train"])
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)).fit(texts, y)
    return lambda: list(model.predict(load(job["test"])[0]))


def embedding(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    """Ten epochs, or nine tenths of the time; SGD at 5, clipped at 0.1, batches of 64, as in the tutorial."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    whole = left()
    texts, y = load(job["train"])
    classes, codes = np.unique(y, return_inverse=True)
    split = re.compile(r"\w+|[^\w\s]").findall
    words = Counter(word for text in texts for word in split(text.lower()))
    place = {word: i for i, word in enumerate(words, 1)}

    def numbers(some: Sequence[str]) -> tuple[Any, Any]:
        rows = [[place.get(word, 0) for word in split(text.lower())] or [0] for text in some]
        ends = np.cumsum([0, *(len(row) for row in rows[:-1])])
        return torch.tensor([code for row in rows for code in row]), torch.from_numpy(ends)

    bag, top = nn.EmbeddingBag(len(place) + 1, 64), nn.Linear(64, len(classes))
    for weights in (bag.weight, top.weight):
        nn.init.uniform_(weights, -0.5, 0.5)
    nn.init.zeros_(top.bias)
    every = [*bag.parameters(), *top.parameters()]
    optimizer = torch.optim.SGD(every, lr=5.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9)
    for _ in range(10):
        for batch in torch.randperm(len(texts)).split(64):
            if left() < 0.1 * whole:
                break
            optimizer.zero_grad()
            said = top(bag(*numbers([texts[i] for i in batch])))
            nn.functional.cross_entropy(said, torch.from_numpy(codes[batch.numpy()])).backward()
            nn.utils.clip_grad_norm_(every, 0.1)
            optimizer.step()
        schedule.step()

    def predict() -> Sequence[str]:
        with torch.no_grad():
            return list(classes[top(bag(*numbers(load(job["test"])[0]))).argmax(1).numpy()])

    return predict


SETS: dict[str, Callable[[Path, Path, int], beside.Prepared]] = {
    "mr": partial(_tenth, "rt-polarity.all.gz"),
    "subj": partial(_tenth, "subj.all.gz"),
    "cr": partial(_tenth, "custrev.all.gz"),
    "trec": partial(_fixed, "TREC.train.all.gz", "TREC.test.all.gz"),
    "sst-2": partial(_fixed, "stsa.binary.train.gz", "stsa.binary.test.gz"),
    "sms-spam": _sms,
    "movie-review-polarity": _reviews,
}

if __name__ == "__main__":
    beside.main(beside.Benchmark(__file__, SETS, {"logistic": logistic, "embedding": embedding}, __doc__))
