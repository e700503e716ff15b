"""Folders, files and arrays as tables: what they are, what is left out by name, labels from names, near-duplicates."""

import gzip
import io
import os
import struct
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ungated.core.errors import UngatedError, UsageError
from ungated.engines import extras
from ungated.modalities import table
from ungated.modalities.broken import Broken
from ungated.modalities.folder import names, one_a_line, paths_kind, recognise, recognise_many, resolve
from ungated.modalities.folder.texts import tabular, wordy
from ungated.modalities.picture import pack_all
from ungated.modalities.reading import read

sys.path.insert(0, str(Path(__file__).parent))
from nasty import NASTY

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(24)
PROSE = "It was a dark night, and cold.\nNobody came, as ever.\nThen, slowly, a light\nIn the window went on.\n"
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def put(root: Path, *files: str, data: bytes = PNG) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


def refused(call: object, *args: object) -> str:
    with pytest.raises(UngatedError) as e:
        call(*args)  # type: ignore[operator]
    assert 1 <= len(str(e.value).splitlines()) <= 5
    return str(e.value)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    put(root, *(f"{k}/{i}.{end}" for k in ("ants", "bees") for i, end in enumerate(("png", "JPG", "jpeg"))))
    return root


def test_one_folder_a_class(photos: Path) -> None:
    put(photos, "ants/nest/deep/9.png", "ants/.hidden.png", "__MACOSX/ants/._1.png", ".git/x.png", "bees/Thumbs.db")
    put(photos, "README.md", "LICENSE", "bees/.DS_Store", "labels.csv", data=b"text")
    found = recognise(photos)
    assert found is not None
    assert (found.medium, found.target, found.sealed) == ("picture", "label", None)
    assert found.frame.columns == ["picture", "label", "file"]
    assert found.kinds == {"picture": "picture", "label": "category", "file": "identifier"}
    assert dict(found.frame["label"].value_counts().iter_rows()) == {"ants": 4, "bees": 3}
    assert found.broken == []
    assert found.files == 7
    assert "labels.csv" in found.notes[0]
    assert found.how == "a folder of 7 pictures in 2 folders, one a class"
    assert all(Path(p).is_absolute() and Path(p).is_file() for p in found.frame["picture"])
    assert "ants/nest/deep/9.png" in found.frame["file"].to_list()


def test_every_way_to_be_broken_is_named(photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret.png")
    put(photos, "ants/notes.txt", "bees/odd", data=b"plain words\n")
    put(photos, "ants/a.wav", "ants/hum", data=WAV)
    put(photos, "ants/paper.pdf", data=b"%PDF-1.7")
    put(photos, "ants/more.zip", data=b"PK\x03\x04")
    put(photos, "stray.png")
    (photos / "ants/out.png").symlink_to(outside / "secret.png")
    (photos / "ants/up.png").symlink_to("../../outside/secret.png")
    (photos / "elsewhere").symlink_to(outside)
    (photos / "ants/self").symlink_to(photos)
    (photos / "ants/x.png").symlink_to("y.png")
    (photos / "ants/y.png").symlink_to("x.png")
    (photos / "ants/gone.png").symlink_to("nowhere.png")
    (photos / "ants/same.png").symlink_to("0.png")
    (photos / "bees/again").symlink_to(photos / "ants")
    os.mkfifo(photos / "bees/pipe.png")
    odd = os.fsencode(photos / "bees") + b"/\xff.png"
    Path(os.fsdecode(odd)).write_bytes(PNG)
    found = recognise(photos)
    assert found is not None
    why = {b.file: b.why for b in found.broken}
    assert why == {
        "ants/notes.txt": "is text, not a picture",
        "bees/odd": "is text, not a picture",
        "ants/a.wav": "is sound, not a picture",
        "ants/hum": "is sound, not a picture",
        "ants/paper.pdf": "is not a picture",
        "ants/more.zip": "is a packed file, not a picture",
        "ants/out.png": "is a link out of the folder",
        "ants/up.png": "is a link out of the folder",
        "elsewhere": "is a link out of the folder",
        "ants/self": "is a link that leads in a circle",
        "ants/x.png": "is a link that leads in a circle",
        "ants/y.png": "is a link that leads in a circle",
        "ants/gone.png": "is a link to nothing",
        "bees/again": "is a link to a folder, not followed",
        "bees/pipe.png": "is no plain file",
        "bees/?.png": "has a name that is not UTF-8",
        "stray.png": "lies beside the folders that are the classes, in none",
    }
    assert len(found.frame) == 7
    assert "ants/same.png" in found.frame["file"].to_list()
    assert found.files == 7 + len(why)


def test_what_a_person_may_not_read_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: not str(p).endswith("0.png") and real(p, mode))
    found = recognise(photos)
    assert found is not None
    assert found.broken == [Broken(f"{k}/0.png", "may not be read by you") for k in ("ants", "bees")]


def test_official_splits_are_sealed(tmp_path: Path) -> None:
    root = tmp_path / "set"
    put(root, *(f"inner/{s}/{k}/{i}.png" for s in ("Train", "val", "test") for k in "ab" for i in range(2)))
    put(root, "inner/extra/a/1.png")
    found = recognise(root)
    assert found is not None
    assert found.sealed is not None
    assert len(found.frame) == 8
    assert len(found.sealed) == 4
    assert set(found.sealed["label"]) == {"a", "b"}
    assert all("/test/" in f for f in found.sealed["file"])
    assert "test/" in found.how
    assert any("val/" in n for n in found.notes)
    assert any("extra/" in n for n in found.notes)


def test_a_test_folder_without_classes_seals_nothing(tmp_path: Path) -> None:
    put(tmp_path, *(f"train/{k}/{i}.png" for k in "ab" for i in range(2)), "test/1.png", "test/2.png")
    found = recognise(tmp_path)
    assert found is not None
    assert found.sealed is None
    assert len(found.frame) == 4
    assert any("names no class" in n for n in found.notes)


def test_without_classes_there_is_no_label(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "2.png")
    found = recognise(tmp_path)
    assert found is not None
    assert found.target is None
    assert found.frame.columns == ["picture", "file"]


def test_labels_from_names(tmp_path: Path) -> None:
    put(tmp_path, *(f"{d}_{who}_{n}.WAV" for d in (0, 1) for who in ("jo", "al") for n in range(8)), data=WAV)
    found = recognise(tmp_path, "{label}_{speaker}_{n}.wav")
    assert found is not None
    assert found.target == "label"
    assert "label" not in found.kinds
    assert found.frame.columns == ["sound", "label", "speaker", "n", "file"]
    assert found.frame.row(0)[1:] == ("0", "al", "0", "0_al_0.WAV")
    put(tmp_path, "odd.wav", data=WAV)
    found = recognise(tmp_path, "{label}_{speaker}_{_}")
    assert found is not None
    assert found.broken == [Broken("odd.wav", "is not named as --label-from says")]
    assert len(found.frame) == 32
    assert "_" not in found.frame.columns
    said = refused(recognise, tmp_path, "{label}-{speaker}.wav")
    assert "0_al_0.WAV" in said
    assert "33 names" in said


def test_labels_from_folders_and_names(tmp_path: Path) -> None:
    put(tmp_path, *(f"deep/{who}/{label}-{n}.png" for who in ("jo", "al") for label in ("x", "y") for n in range(3)))
    found = recognise(tmp_path, "{who}/{label}-{n:d}.png")
    assert found is not None
    assert set(found.frame["who"]) == {"jo", "al"}
    assert set(found.frame["label"]) == {"x", "y"}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{a}{b}", "nothing stands between {a} and {b}"),
        ("label.wav", "names no part"),
        ("", "names no part"),
        ("{a_{b}", "names no part"),
        ("{}_{b}", "no name of a column"),
        ("{a:x}", "no name of a column"),
        ("{a}_{a}", "stands there twice"),
        ("{picture}_{b}", "is there anyway"),
    ],
)
def test_a_pattern_that_cannot_be_meant(photos: Path, pattern: str, says: str) -> None:
    with pytest.raises(UsageError) as e:
        recognise(photos, pattern)
    assert says in str(e.value)
    assert len(str(e.value).splitlines()) <= 5


def test_a_name_with_two_readings_is_refused(tmp_path: Path) -> None:
    put(tmp_path, *(f"black_cat_{i}.png" for i in range(5)))
    assert "two ways: label is 'black' or 'black_cat'" in refused(recognise, tmp_path, "{label}_{n}.png")
    found = recognise(tmp_path, "{label}_{n:d}.png")
    assert found is not None
    assert set(found.frame["label"]) == {"black_cat"}


WORD = st.text(st.characters(exclude_characters="/_-.\0", exclude_categories=["Cs"]), min_size=1, max_size=6)


@SOME
@given(st.lists(WORD, min_size=1, max_size=4), st.sampled_from("_-"), st.sampled_from([".png", ".WAV", ".txt"]))
def test_what_a_pattern_wrote_it_reads(values: list[str], between: str, end: str) -> None:
    fields = [f"f{i}" for i in range(len(values))]
    text = between.join(f"{{{f}}}" for f in fields)
    for pattern in (text, text + end.lower()):
        read = names.Pattern.of(pattern).match(f"some/folder/{between.join(values)}{end}")
        assert read == dict(zip(fields, values, strict=True))


@SOME
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_pattern_gives_values_or_words(pattern: str, name: str) -> None:
    try:
        read = names.Pattern.of(pattern + "{a}").match(name)
    except UsageError:
        return
    assert isinstance(read, str | dict)


def test_texts_in_folders(tmp_path: Path) -> None:
    for k in ("neg", "pos"):
        put(tmp_path, *(f"{k}/{i}.txt" for i in range(4)), data=PROSE.encode())
    put(tmp_path, "neg/latin.txt", data="ein großer Käse, sehr gut für müde Leute\n".encode("latin-1") * 3)
    put(tmp_path, "neg/wide.txt", data="\ufeffeins zwei".encode("utf-16-le"))
    put(tmp_path, "pos/binary.txt", data=bytes(range(256)) * 40)
    put(tmp_path, "pos/empty.txt", data=b" \n")
    put(tmp_path, "pos/code.py", data=b"if x:\n\tpass\n")
    put(tmp_path, "pos/p.png")
    found = recognise(tmp_path)
    assert found is not None
    assert found.medium == "text"
    assert found.target == "label"
    cells = dict(found.frame.select("file", "text").iter_rows())
    assert cells["neg/latin.txt"].startswith("ein großer Käse")
    assert cells["pos/code.py"] == "if x:\n\tpass\n"
    assert cells["neg/wide.txt"] == "eins zwei"
    assert cells["pos/binary.txt"] is None
    assert cells["pos/empty.txt"] is None
    assert found.broken == [
        Broken("pos/binary.txt", "is not text"),
        Broken("pos/empty.txt", "is empty"),
        Broken("pos/p.png", "is a picture, not text"),
    ]
    assert found.files == len(cells) + 1


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    put(tmp_path, "a/1.txt", "b/1.txt", data=b"word and " * 200_000)
    found = recognise(tmp_path)
    assert found is not None
    assert "left out" in found.notes[0]
    assert found.frame["text"].str.len_bytes().max() == 1 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"a,b,y\n1,2,yes\n3,4,no\n",
        b"1\t2\n3\t4\n",
        b"1 2 3\n4 5 6\n7 8 9\n",
        b"5.1\n4.2\n3.3\n",
        b"39, State-gov, 77516, Bachelors\n" * 6,
        b"emma\nolivia\nava\n",
        b"ham\tGo on, then\nspam\tYou won, call now\n",
    ],
)
def test_tables_stay_tables(tmp_path: Path, data: bytes) -> None:
    put(tmp_path, "t.txt", data=data)
    assert recognise(tmp_path / "t.txt") is None
    assert recognise(tmp_path) is None
    assert len(table.read(tmp_path / "t.txt").frame) > 1


def test_folders_of_tables_stay_tables(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "b.csv", data=b"a,y\n1,2\n")
    put(tmp_path, "notes.md", "logo.png", data=b"words")
    assert recognise(tmp_path) is None
    assert "read as a table" in refused(recognise, tmp_path, "{label}.csv")
    assert recognise(tmp_path / "nothing") is None


def test_one_text_a_line(tmp_path: Path) -> None:
    put(
        tmp_path,
        "t.txt",
        data=PROSE.encode() + b'"Go," he said, "now!"\n\n' + "走吧，我们现在就走。\n".encode(),
    )
    found = recognise(tmp_path / "t.txt")
    assert found is not None
    assert found.frame.columns == ["text", "file"]
    assert found.frame["file"][1] == "t.txt: 2"
    assert found.frame["text"][4:].to_list() == ['"Go," he said, "now!"', "走吧，我们现在就走。"]
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(PROSE.encode()))
    assert one_a_line(tmp_path / "t.txt.gz") == PROSE.splitlines()


def test_idx_files(tmp_path: Path) -> None:
    x, y = np.arange(5 * 6).reshape(5, 3, 2), np.arange(5) % 3
    put(tmp_path, "train-images-idx3-ubyte.gz", data=gzip.compress(idx(x)))
    put(tmp_path, "train-labels-idx1-ubyte", data=idx(y))
    put(tmp_path, "t10k-images-idx3-ubyte", data=idx(x[:2]))
    put(tmp_path, "t10k-labels-idx1-ubyte", data=idx(y[:2]))
    for named in (tmp_path, tmp_path / "train-images-idx3-ubyte.gz"):
        found = recognise(named)
        assert found is not None
        assert found.sealed is not None
        assert found.target == "label"
        assert found.frame["label"].to_list() == [0, 1, 2, 0, 1]
        assert len(found.sealed) == 2
        assert found.frame["picture"].dtype == pl.Binary
        assert found.frame["picture"][1] == b"\3\0\2\0\1\0" + bytes(range(6, 12))
    test = recognise(tmp_path / "t10k-images-idx3-ubyte")
    assert test is not None
    assert len(test.frame) == 2
    assert test.sealed is None
    both = recognise_many([tmp_path])
    assert both is not None
    assert len(both.frame) == 7
    assert both.sealed is None
    put(tmp_path, "t10k-images-idx3-ubyte", data=idx(x[:2])[:-3])
    assert "fewer numbers" in refused(recognise, tmp_path)
    put(tmp_path, "t10k-images-idx3-ubyte", data=idx(x[:3]))
    assert "3 pictures, but labels" in refused(recognise, tmp_path)


def test_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    x = np.linspace(0, 1, 4 * 12).reshape(4, 3, 2, 2)
    np.savez(path, x_train=x[..., :1], y_train=[["a"], ["b"], ["a"], ["b"]], x_test=x[:1, ..., :1], y_test=[["b"]])
    found = recognise(path)
    assert found is not None
    assert found.sealed is not None
    assert found.frame["label"].to_list() == ["a", "b", "a", "b"]
    assert found.sealed["label"].to_list() == ["b"]
    np.savez(path, images=np.zeros((4, 3, 8, 9), np.uint8), labels=np.arange(4))
    first = recognise(path)
    assert first is not None
    assert first.frame["picture"][0][:6] == b"\x08\0\x09\0\3\0"
    np.savez(path, x=np.zeros((4, 30)), y=np.zeros(4))
    assert "no array of pictures" in refused(recognise, path)
    np.savez(path, x=np.array([{}, {}], dtype=object))
    assert "Python objects" in refused(recognise, path)
    path.write_bytes(path.read_bytes()[:60])
    assert "cannot be read" in refused(recognise, path)


def test_packing_in_pieces_is_packing() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 3), np.uint8)
    cells = pack_all(pictures, most=3 * 42)
    assert cells.to_list() == [b"\3\0\4\0\3\0" + p.tobytes() for p in pictures]


def test_what_is_missing_to_see_pictures_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "PACKAGES", {"media": ("no_such_library",)})
    raw = read(photos)
    assert "pip install 'ungated[media]'" in refused(table.look, raw)


def test_a_column_of_paths(photos: Path, tmp_path: Path) -> None:
    put(tmp_path, "secret.png")
    inside = [f"ants/{i}" for i in ("0.png", "1.JPG", "2.jpeg")]
    assert paths_kind([*inside, None, ""], photos) == "picture"
    assert paths_kind([str(photos / f) for f in inside], photos) == "picture"
    assert paths_kind(["ants\\0.png"], photos) == "picture"
    assert paths_kind([*inside, "ants/none.png"], photos) is None
    assert paths_kind(["../secret.png", str(tmp_path / "secret.png")], photos) is None
    assert paths_kind(["a cat.", "a dog."], photos) is None
    assert paths_kind([None], photos) is None
    (photos / "ants/out.png").symlink_to(tmp_path / "secret.png")
    given = ["ants/0.png", None, "ants/none.png", "../secret.png", "/etc/nothing.png", "ants/out.png", "ants", "a\0b"]
    found, broken = resolve(given, photos)
    assert found == [str(photos.resolve() / "ants/0.png"), *[None] * 7]
    assert [b.why for b in broken] == [
        "is not there",
        *["lies outside the table's folder"] * 3,
        "is no file",
        "is no path",
    ]


def test_many_to_be_answered(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "cat.png", "dog.PNG")
    put(tmp_path, "a.wav", data=WAV)
    put(tmp_path, "t.csv", data=b"a,b\n1,2\n")
    found = recognise_many([tmp_path / "cat.png", photos, tmp_path / "a.wav"])
    assert found is not None
    assert len(found.frame) == 8  # whoever names a file gets a row for it
    assert found.target is None
    assert not found.broken  # the decoder says that the sound is no picture
    assert found.files == 8
    one = recognise_many([tmp_path / "dog.PNG"])
    assert one is not None
    assert one.frame.columns == ["picture", "file"]
    assert recognise_many([tmp_path / "t.csv"]) is None
    assert "one at a time" in refused(recognise_many, [tmp_path / "t.csv", tmp_path / "cat.png"])
    assert "no file or folder" in refused(recognise_many, [tmp_path / "none.png", tmp_path / "cat.png"])
    put(tmp_path, "1.txt", "2.md", data=PROSE.encode())
    texts = recognise_many([tmp_path / "1.txt", tmp_path / "2.md"])
    assert texts is not None
    assert texts.frame["text"].to_list() == [PROSE, PROSE]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("so so\n\nגדול 😀\r\n".encode())))
    said = recognise_many([Path("-")])
    assert said is not None
    assert said.frame["text"].to_list() == ["so so", "גדול 😀"]


@pytest.mark.parametrize("name", ["t.txt", "t", "t.npz", "t-idx3-ubyte", "t.txt.gz", "t.png", "t.md"])
def test_nasty_files_are_found_or_refused(tmp_path: Path, name: str) -> None:
    for data in NASTY.values():
        put(tmp_path, name, data=data)
        for named in (tmp_path, tmp_path / name):
            try:
                found = recognise(named)
                said = found.how if found is not None else "a table"
            except UngatedError as e:
                said = str(e)
            assert 1 <= len(said.splitlines()) <= 5


def test_fashion_mnist_as_published(data_dir: Path) -> None:
    found = recognise(data_dir / "fashion-mnist")
    assert found is not None
    assert found.sealed is not None
    assert (len(found.frame), len(found.sealed), found.broken) == (60_000, 10_000, [])
    assert found.frame["picture"].bin.size().unique().to_list() == [6 + 28 * 28]
    assert set(found.sealed["label"].value_counts()["count"]) == {1000}


def test_published_sentences_are_no_table(data_dir: Path) -> None:
    for file in sorted((data_dir / "sentence-classification").glob("*.gz")):
        lines = [line.partition(" ")[2] for line in gzip.decompress(file.read_bytes()).decode("latin-1").split("\n")]
        for some in (lines[:20], lines[100:500]):
            assert not tabular("\n".join(some))
            assert wordy("\n".join(some))
