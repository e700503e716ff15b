"""Corpora are read as a person means them, and become streams that lose nothing."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.core.errors import InputError
from ungated.modalities.reading import read
from ungated.modalities.text.corpus import Ignored, recognise
from ungated.modalities.text.parses import function, heads, parses
from ungated.modalities.text.stream import CHARACTERS, PAIRS, Speller, StreamEncoder

NOTHING = np.zeros(0)


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


class TestFolder:
    def test_what_nobody_wrote_is_left_out_and_said(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "a.py": "def f():\n    return 1\n",
                "copy.py": "def f():\n    return 1\n",
                "b/c.py": "x = 1\n",
                "b/.hidden.py": "secret = 1\n",
                ".git/config": "[core]\n",
                "node_modules/m/index.js": "var a\n",
                "pack.min.js": "var a=1;" * 100,
                "squeezed.js": "var a=1;" * 5000,
                "data.csv": "a,b\n1,2\n",
                "blob": b"\0\1\2\3" * 100,
                "large.txt": "word " * 300_000,
                "empty.py": "",
                "out/made.py": "y = 2\n",
                ".gitignore": "out/\n",
            },
        )
        found = recognise(tmp_path)
        assert found is not None
        assert sorted(found.frame["file"]) == ["a.py", "b/c.py"]
        said = found.notes[0]
        assert said.startswith("9 files left out")
        for why in ("packages", ".gitignore", "no text", "squeezed", "copies", "larger than 1 MB", "empty"):
            assert why in said
        assert found.hows["text"] == {"joined": False, "fills": True, "language": "Python"}
        assert not found.broken

    @pytest.mark.parametrize(
        ("patterns", "ignored", "kept"),
        [
            ("*.log\n!keep.log\n", ["a.log", "d/b.log"], ["keep.log", "d/keep.log", "a.py"]),
            ("/top.py\n", ["top.py"], ["d/top.py"]),
            ("build/\n", ["build/a.py", "d/build/e/f.py"], ["build.py"]),
            ("d/**/x.py\n", ["d/x.py", "d/e/x.py"], ["x.py"]),
            ("# none\n\n", [], ["# none"]),
        ],
    )
    def test_gitignore_is_read_as_git_reads_it(
        self, tmp_path: Path, patterns: str, ignored: list[str], kept: list[str]
    ) -> None:
        write(tmp_path, {".gitignore": patterns, ".git/HEAD": ""})
        asked = Ignored(str(tmp_path))
        assert [n for n in ignored if not asked(n)] == []
        assert [n for n in kept if asked(n)] == []

    def test_deeper_patterns_come_last_and_those_above_count(self, tmp_path: Path) -> None:
        write(tmp_path, {".git/HEAD": "", ".gitignore": "*.tmp\nsub/gone.py\n", "sub/.gitignore": "!own.tmp\n"})
        asked = Ignored(str(tmp_path / "sub"))
        assert asked("a.tmp")
        assert asked("gone.py")
        assert not asked("own.tmp")

    def test_pictures_with_a_text_beside_them_are_no_corpus(self, tmp_path: Path) -> None:
        write(tmp_path, {f"{i}.png": b"\x89PNG\r\n" for i in range(5)} | {"README.md": "About.\n"})
        assert recognise(tmp_path) is None

    def test_a_folder_of_which_all_is_left_out_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no text to learn from"):
            recognise(write(tmp_path, {"a.bin": b"\0\1", "e.txt": ""}))


class TestFile:
    def test_its_last_tenth_is_sealed_and_nothing_is_lost(self, tmp_path: Path) -> None:
        text = "".join(f"line {i}\n" for i in range(3000))
        path = tmp_path / "long.txt"
        path.write_text(text)
        raw = read(path, task="generate")
        assert raw.in_order
        assert raw.sealed is not None
        assert "".join(raw.frame["text"]) + "".join(raw.sealed["text"]) == text
        assert len(raw.sealed["text"][0]) == len(text) - int(len(text) * 0.9)
        encoder = StreamEncoder.fit(raw.frame["text"], raw.hows["text"])
        x = encoder.numbers(raw.frame["text"], NOTHING).x
        assert (x == 0).sum() == 1
        assert encoder.decode(x[1:]) == "".join(raw.frame["text"])

    def test_a_file_that_is_no_text_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        path.write_bytes(b"\0\1\2\3" * 500)
        assert recognise(path) is None


LEARNED = pl.Series("text", ["def read(path):\n    return open(path).read()\n", "größer als 3\n"] * 20)


@pytest.fixture(scope="module", params=[CHARACTERS, PAIRS])
def encoder(request: pytest.FixtureRequest) -> StreamEncoder:
    if request.param == PAIRS:
        pytest.importorskip("tokenizers")
    return StreamEncoder.fit(LEARNED, {"units": request.param, "fills": True})


class TestStream:
    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_every_text_is_written_and_read_back(self, encoder: StreamEncoder, text: str) -> None:
        codes = encoder.encode(text)
        assert encoder.decode(codes) == text
        assert codes.size == 0 or (codes.min() > 0 and codes.max() < encoder.levels - encoder.marks)

    @settings(deadline=None)
    @given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
    def test_every_byte_is_counted_once(self, encoder: StreamEncoder, texts: list[str]) -> None:
        numbers = encoder.numbers(pl.Series("text", texts), NOTHING)
        assert numbers.y.sum() == sum(len(t.encode()) for t in texts)
        assert (numbers.x == 0).sum() == len(texts)
        assert numbers.y[numbers.x == 0].sum() == 0
        assert numbers.marks == 3

    def test_it_is_the_same_again(self, encoder: StreamEncoder) -> None:
        assert StreamEncoder.load(encoder.state()) == encoder

    def test_no_character_is_cut(self, encoder: StreamEncoder) -> None:
        speller = Speller(encoder)
        pieces = [speller.take(int(c)) for c in encoder.encode("a日本🙂b")]
        assert "".join(pieces) == "a日本🙂b"
        assert all("\ufffd" not in p for p in pieces)

    def test_a_prompt_is_finished_as_it_was_begun(self, encoder: StreamEncoder) -> None:
        codes, begun = encoder.asked("def rea")
        assert encoder.decode(codes) + begun.decode() == "def rea"

    def test_a_gap_has_its_marks(self, encoder: StreamEncoder) -> None:
        codes, _ = encoder.asked("def f():\n", "\n    return 1\n")
        marks = [c for c in codes if c >= encoder.levels - 3]
        assert marks == [encoder.levels - 3, encoder.levels - 2, encoder.levels - 1]

    def test_a_small_corpus_is_read_by_characters(self) -> None:
        found = StreamEncoder.fit(LEARNED, {})
        assert found.units == CHARACTERS
        assert "too few" in found.why


def test_functions_are_cut_out_and_parsed() -> None:
    code = "import os\n\ndef f(x):\n    return x\n\n\ndef g(a, b=1):\n    return a\n"
    assert heads(code) == ["def f(x):\n", "def g(a, b=1):\n"]
    assert function("def f(x):\n", "    return x\n\ndef g():\n    pass\n") == "def f(x):\n    return x\n\n"
    assert function("def f(x):\n", "    y = x\n    retu", ended=False) == "def f(x):\n    y = x\n"
    assert parses("def f(x):\n    return x\n")
    assert not parses("def f(x:\n")
    assert not parses("\0")


def test_one_text_in_a_folder_is_that_text_without_the_notes_about_it(tmp_path: Path) -> None:
    text = "".join(f"Line {i} of a long tale.\n" for i in range(400))
    (tmp_path / "tale.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "SOURCE.md").write_text("Where it is from.")
    found = recognise(tmp_path)
    assert found is not None
    assert found.sealed is not None
    assert "".join([*found.frame["text"], *found.sealed["text"]]) == text
    assert any("SOURCE.md" in note for note in found.notes)
