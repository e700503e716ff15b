"""Pictures, sounds, texts and tables that hold them, through the command line from end to end."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import ungated as ug

sys.path.insert(0, str(Path(__file__).parent))
import media_folders as made

UNGATED = [sys.executable, "-m", "ungated"]
QUICK = ("--algorithms", "ridge,linear_discriminant,linear_svm", "--candidates", 3, "--time", "30s", "--memory", "2GB")


def run(*args: object, text: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [*UNGATED, *map(str, args)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, input=text, cwd=cwd)


def fit(folder: Path, out: Path, *more: object, quick: tuple[object, ...] = QUICK) -> dict:
    done = run("fit", folder, *quick, "--out", out, *more)
    assert done.returncode == 0, done.stderr + done.stdout
    return made.run_of(out)


def refused(*args: object) -> str:
    done = run("fit", *args, "--time", "5s", "--memory", "2GB")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert 1 <= len(done.stderr.strip().splitlines()) <= 5
    return done.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of pictures whose files are gone, and beside it new ones."""
    folder = tmp_path_factory.mktemp("pictures")
    made.pictures(folder / "old")
    said = fit(folder / "old", folder / "model")
    assert said["error"]["value"] <= 0.2
    shutil.rmtree(folder / "old")
    made.pictures(folder / "new", each=4, seed=1)
    return folder


def test_a_model_answers_files_and_folders_and_says_which_it_cannot_read(pictures: Path) -> None:
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (pictures / "words.txt").write_text("no picture")
    asked = ["new/upright/upright-1-000.png", "broken.png", "words.txt", "new/across"]
    done = run("predict", "model", *asked, cwd=pictures)
    assert done.returncode == 0, done.stderr
    said = pl.read_csv(io.StringIO(done.stdout))
    assert said.columns == ["file", "label", "P(across)", "P(upright)"]
    assert said["file"].to_list()[:3] == asked[:3]
    assert said["label"].to_list()[:3] == ["upright", None, None]
    assert said["label"].to_list()[3:].count("across") >= 3
    assert "2 of the files could not be read" in done.stderr
    assert "words.txt is text" in done.stderr
    scores = ug.load(pictures / "model").evaluate(pictures / "new")
    assert scores.error.rows == 8


def test_official_tests_are_kept_apart(tmp_path: Path) -> None:
    made.pictures(tmp_path / "p" / "train", each=16)
    made.pictures(tmp_path / "p" / "test", each=6, seed=1)
    said = fit(tmp_path / "p", tmp_path / "m")
    assert said["error"]["rows"] == 12
    assert "came as a test's" in said["split"]
    model = ug.load(tmp_path / "m")
    assert model.evaluate(tmp_path / "p").error.rows == 12
    assert len(model.predict(tmp_path / "p")) == 44


def test_arrays_of_pictures_are_learned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    x = np.stack([np.asarray(made.picture(rng, ("across", "upright")[k], 12).convert("L")) for k in labels])
    np.savez(tmp_path / "set.npz", x_train=x[:40], y_train=labels[:40], x_test=x[40:], y_test=labels[40:])
    assert fit(tmp_path / "set.npz", tmp_path / "m")["error"]["rows"] == 20


def test_sounds_keep_speakers_on_one_side_and_need_no_names_to_be_asked(tmp_path: Path) -> None:
    made.spoken(tmp_path / "s")
    said = fit(tmp_path / "s", tmp_path / "m", "--label-from", "{label}_{speaker}_{n}.wav", "--group", "speaker")
    assert "whole groups of speaker" in said["split"]
    roles = {c["name"]: c["role"] for c in said["data"]["columns"]}
    assert [name for name, role in roles.items() if role == "feature"] == ["sound"]
    clip = tmp_path / "any name.wav"
    clip.write_bytes(made.tone(np.random.default_rng(9), "low"))
    assert ug.load(tmp_path / "m").predict([clip])[0] == "low"


def test_texts_are_learned_and_answered_from_standard_input(tmp_path: Path) -> None:
    made.texts(tmp_path / "t")
    (tmp_path / "t" / "good" / "binary.txt").write_bytes(bytes(range(256)))
    said = fit(tmp_path / "t", tmp_path / "m")
    assert said["data"]["rows"] == 80
    assert [file for file, _ in said["broken"]] == ["good/binary.txt"]
    done = run("predict", tmp_path / "m", "-", text="a lovely kind day\n\nمروّع 太糟糕了 😡 dreadful awful sad\n")
    assert done.returncode == 0, done.stderr
    assert pl.read_csv(io.StringIO(done.stdout))["label"].to_list() == ["good", "bad"]


def test_what_weighs_words_learns_from_all_but_the_sealed_rows(tmp_path: Path) -> None:
    model = ug.fit(made.reviews(tmp_path / "reviews.csv"), "sentiment", algorithms="ridge,linear_svm", candidates=2)
    weighing = [m for m in model.members if m.algorithm.card.id != "baseline"]
    assert [len(m.fits) for m in weighing] == [1] * len(weighing) != []
    assert any("learned once more from all 72 rows" in note for note in model.run.notes)  # a fifth of 90 is sealed
    assert model.run.error.rows == 18


@pytest.mark.parametrize("medium", ["pictures", "sounds"])
def test_files_broken_in_every_way_are_skipped_counted_and_listed(medium: str, tmp_path: Path) -> None:
    if medium == "pictures":
        made.pictures(tmp_path / "d", each=60)
        ways = made.broken_pictures(tmp_path / "d" / "across", tmp_path / "outside" / "x.png")
    else:
        made.tones(tmp_path / "d", each=60)
        ways = made.broken_sounds(tmp_path / "d" / "low", tmp_path / "outside" / "x.wav")
    said = fit(tmp_path / "d", tmp_path / "m")
    told = {Path(file).name: why for file, why in said["broken"]}
    assert set(told) == set(ways)
    assert all(word in told[name] for name, word in ways.items())
    assert said["data"]["rows"] == 120
    assert any("6 of 126 files" in note for note in said["notes"])
    assert all(name in (tmp_path / "m" / "report.html").read_text(encoding="utf-8") for name in ways)


def test_too_many_broken_files_are_refused_unless_allowed(tmp_path: Path) -> None:
    made.pictures(tmp_path / "d", each=15)
    made.broken_pictures(tmp_path / "d" / "across", tmp_path / "outside" / "x.png")
    assert "--allow-broken" in refused(tmp_path / "d")
    assert fit(tmp_path / "d", tmp_path / "m", "--allow-broken")["data"]["rows"] == 30


def test_every_view_of_a_mixed_table_is_tried_and_its_parts_are_weighed(tmp_path: Path) -> None:
    path = made.listings(tmp_path / "l")
    few = ("--algorithms", "ridge,linear_svm", "--candidates", 8, "--time", "60s", "--memory", "2GB")
    said = fit(path, tmp_path / "m", "--target", "price", quick=few)
    names = {e["name"] for e in said["leaderboard"]}
    assert {"ridge regression", "ridge regression, without description and photo"} <= names
    assert any(name.endswith(", description") for name in names)
    assert "parts" in [f["kind"] for f in said["figures"]]
    assert run("predict", tmp_path / "m", path).stdout.count("\n") == 91


@pytest.mark.parametrize("wrong", ["empty", "one file", "one class", "no network to start from"])
def test_what_cannot_be_learned_is_refused_in_few_words(wrong: str, tmp_path: Path, pictures: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    if wrong == "one file":
        made.picture(np.random.default_rng(0), "across").save(folder / "a.png")
    elif wrong != "empty":
        made.pictures(folder, each=8)
    if wrong == "one class":
        shutil.rmtree(folder / "upright")
    more = ("--from", pictures / "model") if wrong.startswith("no network") else ()
    assert str(pictures / "model" if more else folder) in refused(folder, *more)


def test_odd_pictures_stand_side_by_side(tmp_path: Path) -> None:
    made.pictures(tmp_path / "d", each=12)
    plane = np.random.default_rng(0).integers(0, 65535, (24, 24)).astype(np.uint16)
    Image.fromarray(plane).save(tmp_path / "d" / "across" / "deep.png")
    Image.new("RGBA", (24, 24), (9, 9, 9, 0)).save(tmp_path / "d" / "across" / "alpha.png")
    Image.new("L", (1, 1)).save(tmp_path / "d" / "upright" / "dot.png")
    said = fit(tmp_path / "d", tmp_path / "m")
    assert said["data"]["rows"] == 27
    assert not said["broken"]


def test_networks_start_from_another_medium_and_say_whether_it_helped(tmp_path: Path) -> None:
    made.pictures(tmp_path / "p", each=10)
    made.tones(tmp_path / "t", each=10)
    lenet = ("--algorithms", "lenet", "--memory", "2GB", "--time", "60s")
    fit(tmp_path / "p", tmp_path / "first", quick=(*lenet, "--candidates", 2))
    said = fit(tmp_path / "t", tmp_path / "m", "--from", tmp_path / "first", quick=(*lenet, "--candidates", 3))
    assert {"LeNet", "LeNet, from first"} <= {e["name"] for e in said["leaderboard"]}
    assert any("to start from first" in note for note in said["notes"])
