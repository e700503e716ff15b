"""Samples that are drawn while a network learns: seldom enough, of no weight, readable, and harmless in a terminal."""

import io
import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from rich.console import Console as Terminal

import ungated
from ungated.algorithms import discover
from ungated.algorithms.modern.flow_matching import FlowMatching
from ungated.console import Console
from ungated.core.algorithm import Algorithm, Entrant
from ungated.core.clock import Clock
from ungated.core.errors import InputError
from ungated.core.numbers import Form, Numbers
from ungated.core.run import Run
from ungated.engines import blocks
from ungated.engines.jobs import Done, Job, Shown, name_of
from ungated.engines.pool import Pool
from ungated.engines.sampling import CODES, PICTURES, sample
from ungated.listener import Listener, Progress
from ungated.modalities.music import StreamEncoder as TuneEncoder
from ungated.modalities.music import read_midi, recognise, unpack
from ungated.modalities.text.stream import StreamEncoder
from ungated.samples import MOST_BYTES, Album, Sample, decoded
from ungated.tasks.generate import Generate
from ungated.tasks.generate_pictures import GeneratePictures

SMALL = {"width": 64, "window": 32, "batch": 1024, "effort": 0.1}


def prose(letters: int) -> str:
    rng, words = np.random.default_rng(0), ["the", "king", "and", "queen", "of", "north", "came", "to", "hall"]
    return " ".join(rng.choice(words, letters // 3))[:letters]


def stream(letters: int, marks: int = 0) -> tuple[Numbers, StreamEncoder]:
    texts = pl.Series("text", [prose(letters)])
    encoder = StreamEncoder.fit(texts, {"units": "characters", "fills": bool(marks)})
    return encoder.numbers(texts, np.zeros(0)), encoder


def bars() -> Numbers:
    """Pictures of lines that lie (class 0) or stand (class 1)."""
    rng = np.random.default_rng(0)
    x, y = np.zeros((120, 1, 12, 12), np.uint8), rng.integers(2, size=120)
    for picture, label, at in zip(x, y, rng.integers(12, size=120), strict=True):
        picture[0, at, :] = 255 * (1 - label)
        picture[0, :, at] |= np.uint8(255 * label)
    return Numbers(Form.PIXELS, x, y)


# -- when --------------------------------------------------------------------------------------------------------------


def looks(monkeypatch: pytest.MonkeyPatch, seconds: float, took: float) -> list[float]:
    """The moments at which a job of so many seconds is shown, where showing takes `took`."""
    now, found = 0.0, []

    def show(fitted: Any) -> None:
        nonlocal now
        found.append(now)
        now += took

    monkeypatch.setattr("ungated.core.clock.time", SimpleNamespace(monotonic=lambda: now))
    clock = Clock(seconds, started=0.0, show=show, _looked=0.0)
    while not clock.expired:
        clock.shown(lambda: None)  # type: ignore[arg-type, return-value]
        now += 0.1
    return found


@pytest.mark.parametrize("seconds", [20.0, 60.0, 600.0])
@pytest.mark.parametrize("took", [0.01, 0.2, 1.0])
def test_it_is_shown_soon_and_then_seldom(monkeypatch: pytest.MonkeyPatch, took: float, seconds: float) -> None:
    at = looks(monkeypatch, seconds, took)
    assert 2.0 <= at[0] < 2.2
    assert 1 <= len(at) <= 30
    assert len(at) * took <= 0.02 * seconds + 3 * took
    assert (np.diff(at, 2) > -0.3).all()
    assert at[-1] > 0.4 * seconds or took == 1.0


def test_a_job_that_is_soon_over_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(monkeypatch, 4.0, 0.01) == []


# -- what --------------------------------------------------------------------------------------------------------------


def learned(algorithm: Algorithm, train: Numbers, task: Any, show: Callable[[Any], None] | None) -> Any:
    return algorithm.fit(train, task, Clock(seed=3, show=show)).state().arrays


@pytest.mark.parametrize("name", ["lstm", "guided_transformer", "flow_matching"])
def test_who_looks_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("ungated.core.clock.FIRST_LOOK", 0.0)
    monkeypatch.setattr("ungated.core.clock.CHEAP", 0.5)
    monkeypatch.setattr("ungated.core.clock.GROWING", 0.0)
    if name == "flow_matching":
        algorithm: Algorithm = FlowMatching(width=32, steps=6, effort=0.3)
        train, task = bars(), GeneratePictures(("disc", "ring"))
    else:
        algorithm = discover()[name](**SMALL)
        train, task = stream(4000, marks=3)[0], Generate.learn("text")
    seen: list[Any] = []

    def show(fitted: Any) -> None:
        seen.append(sample(fitted, seed=0))
        torch.rand(7)

    watched, alone = learned(algorithm, train, task, show), learned(algorithm, train, task, None)
    assert len(seen) > 1
    assert watched.keys() == alone.keys()
    for key in alone:
        np.testing.assert_array_equal(watched[key], alone[key], key)
    if name == "flow_matching":
        assert seen[0].shape == (PICTURES, 1, 12, 12)
    else:
        assert len(seen[0]) == CODES
        assert 0 <= seen[0].min() <= seen[0].max() < train.levels - train.marks


def test_the_same_seed_gives_the_same_sample_and_who_makes_nothing_gives_none() -> None:
    train, _ = stream(3000)
    writer = discover()["kneser_ney"]().fit(train, Generate.learn("text"), Clock())
    np.testing.assert_array_equal(sample(writer, 1), sample(writer, 1))
    assert (sample(writer, 1)[:50] != sample(writer, 2)[:50]).any()  # type: ignore[index]
    rows = Numbers(Form.ROWS, np.zeros((4, 1), np.float32), np.zeros(4))
    from jobs_for_workers import Regress

    from ungated.algorithms.theory.ridge import Ridge

    assert sample(Ridge().fit(rows, Regress(), Clock()), 0) is None


@pytest.mark.alone
def test_a_worker_leaves_samples_while_it_learns(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    blocks.write(tmp_path / "b", bars())
    task = GeneratePictures(("disc", "ring"))
    job = Job(
        id="flow",
        algorithm=name_of(FlowMatching),
        settings={"width": 32, "steps": 6, "effort": 4.0},
        task=name_of(GeneratePictures),
        task_values=task.to_json(),
        train=tmp_path / "b",
        valid=tmp_path / "b",
        out=tmp_path / "out",
        seconds=30.0,
        show=tmp_path / "shown" / "flow.npy",
    )
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    events: list[Any] = []
    with Pool(1, bytes=2**40, scratch=tmp_path / "pool") as pool:
        pool.submit(job)
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(isinstance(e, Done | Shown) for e in events):
            events += pool.wait(1)
    assert events[-1] == Shown(job)
    made = decoded(np.load(job.show, allow_pickle=False), None)  # type: ignore[arg-type]
    assert made.ending == ".png"
    assert Image.open(BytesIO(made.data)).size == (4 * (12 * 4 + 1), 4 * (12 * 4 + 1))


# -- what becomes of it ------------------------------------------------------------------------------------------------

ENTRANT = Entrant(FlowMatching())


def album_of(arrays: list[np.ndarray], encoder: Any, folder: Path | None, at: Path) -> tuple[Album, list[Any]]:
    album, told = Album(folder), []
    for k, array in enumerate(arrays):
        np.save(at / "a.npy", array)
        told.append(album.add(at / "a.npy", SimpleNamespace(encoder=encoder), ENTRANT, 12.0 * (k + 1)))
    return album, told


def test_text_is_read_document_by_document(tmp_path: Path) -> None:
    _, encoder = stream(3000)
    one, two = encoder.encode("the king"), encoder.encode("a é")
    arrays = [np.r_[0, one, 0, 0, two], one, np.zeros(4, np.int32)]
    album, told = album_of(arrays, encoder, tmp_path / "samples", tmp_path)
    assert [s and s.text for s in told] == ["the king\na é", "the king", None]
    assert (tmp_path / "samples" / "0012s-flow_matching.txt").read_text(encoding="utf-8") == "the king\na é"
    (figure,) = album.figures()
    assert [i["pieces"] for i in figure["items"]] == [[["the king\na é", 0]], [["the king", 0]]]
    run = Run("a", "", 0, "")
    run.figures = [figure]
    from ungated import report

    assert "How it learned" in report.html(run)


def test_a_tune_is_made_of_what_stands_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "song.json").write_text(json.dumps([[[48 + i, 55 + i, 64 + i, 72 + i] for i in (0, 2, 4, 5, 7, 5, 4)]]))
    found = recognise(tmp_path / "song.json")
    assert found is not None
    encoder = TuneEncoder.fit(found.frame["tune"], {"unit": "frame"})
    codes = encoder.encode(unpack(found.frame["tune"][0]))
    muddled = np.insert(codes, 2, [codes[0], codes[0]])
    made = decoded(muddled, SimpleNamespace(encoder=encoder))
    assert made.ending == ".mid"
    assert len(read_midi(made.data).notes) > 4
    assert Image.open(BytesIO(made.picture)).width == 720
    with pytest.raises(InputError):
        decoded(np.zeros(3, np.int64), SimpleNamespace(encoder=encoder))
    assert album_of([np.zeros(3, np.int64)], encoder, None, tmp_path)[1] == [None]


def test_the_report_stays_small_and_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), np.uint8)
    album, told = album_of([noise] * 30, None, None, tmp_path)
    assert told[0].path is None
    (figure,) = album.figures()
    assert 2 <= len(figure["items"]) <= 6
    assert len(json.dumps(figure)) < MOST_BYTES + 2000
    assert figure["items"][0]["caption"].startswith("12 s")
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    assert album.add(tmp_path / "b.npy", None, ENTRANT, 1.0) is None
    assert Album().figures() == []


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    out, told = io.StringIO(), Console()
    how = {"highlight": False, "markup": False, "emoji": False, "_environ": {"TERM": "xterm"}}  # not whoever tests here
    told.terminal = Terminal(file=out, force_terminal=terminal, width=60, **how)
    return told, out


@pytest.mark.parametrize("terminal", [True, False])
def test_the_terminal_shows_the_last_lines_and_obeys_none_of_them(terminal: bool, tmp_path: Path) -> None:
    told, out = console(terminal)
    run = Run("a", "", 0, "")
    text = "".join(f"line {i}\n" for i in range(9)) + "[bold]end\x1b]0;mine\x07\x1b[2J\u202e\r\x9b31m"
    for seconds in (12.0, 34.0):
        told.seen(run, Sample("language transformer", seconds, text, tmp_path / "samples" / "x.txt"))
    told.climbing(run, Progress(3, "", "", 20.0, 10**6, ("LanguageTransformer",)))
    assert told._live is not None or not terminal
    if told._live:
        told._live.stop()
    said = out.getvalue()
    if not terminal:
        assert said == ""
        return
    assert "language transformer after 34 s:" in said
    assert "line 8" in said
    assert "[bold]end" in said
    assert "line 4\n" not in said
    assert "0;mine" in said
    assert not any(bad in said for bad in ("\x1b]0", "\x07", "\x1b[2J\u202e", "\u202e", "\x9b"))
    assert said.count("what networks make") == 1


class Looking(Listener):
    """Looks twice, and has then seen enough."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def seen(self, run: Run, sample: Sample) -> None:
        self.samples.append(sample)
        if len(self.samples) == 2:
            raise KeyboardInterrupt


@pytest.mark.alone
def test_a_run_keeps_its_samples_beside_its_journal(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "tale.txt").write_text(prose(60_000))
    looking = Looking()
    model = ungated.fit(
        tmp_path / "tale.txt",
        task="generate",
        time="18s",
        algorithms="lstm",
        out=tmp_path / "model",
        listener=looking,
    )
    assert looking.samples
    last = looking.samples[-1]
    assert last.path is not None
    assert last.path.parent == tmp_path / "model.run" / "samples"
    assert last.path.read_text(encoding="utf-8") == last.text
    assert len(last.text) > 50
    titles = [f["title"] for f in model.run.figures]
    assert ("How it learned" in titles) == (len(looking.samples) > 1)
