"""The model folder: what goes in comes out, and whatever is not exactly what was written is refused with its reason."""

import hashlib
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ungated import store
from ungated.core.algorithm import State, plain
from ungated.core.errors import ModelError, UsageError

STATES = {
    "encoders/0": State({"means": [1.5, None], "names": ["age", "größe"]}, {"scale": np.arange(6.0).reshape(2, 3)}),
    "members/3/fold-1": State({}, {"codes": np.array([-1, 0, 7], dtype=np.int64)}, {"trees": "tree\nversion=v4\n"}),
    "members/3/fold-2": State({"depth": 3}),
}
DOCUMENT = {"task": "classify", "classes": ["a", "b"], "golden": [0.25, 0.75]}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "wine"
    store.write(folder, DOCUMENT, STATES, {"run.json": '{"seed": 0}'})
    return folder


def same(a: State, b: State) -> None:
    assert a.values == b.values
    assert a.texts == b.texts
    assert sorted(a.arrays) == sorted(b.arrays)
    for name, array in a.arrays.items():
        assert array.dtype == b.arrays[name].dtype
        np.testing.assert_array_equal(array, b.arrays[name])


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """What someone does who alters a model and computes the seal anew."""
    manifest = json.loads((folder / "model.json").read_bytes())
    del manifest["seal"]
    change(manifest)
    (folder / "model.json").write_bytes(store._sealed(manifest))


def listed(folder: Path, path: str, content: bytes) -> None:
    """Put a file into a model and list it, sealed."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    about = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    reseal(folder, lambda m: m["files"].update({path: about}))


def test_what_goes_in_comes_out(model: Path) -> None:
    contents = store.read(model)
    assert contents.document == DOCUMENT
    assert list(contents.states) == list(STATES)
    for name, state in STATES.items():
        same(state, contents.states[name])
    assert contents.files == {"run.json": b'{"seed": 0}'}
    assert store.is_model(model)
    assert not list(model.parent.glob(".*"))


ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int32, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
FIELDS = st.from_regex(r"[a-z][a-z_0-9]{1,8}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
SOME = st.builds(
    State,
    st.dictionaries(FIELDS, JSON, max_size=3),
    st.dictionaries(FIELDS, ARRAYS, max_size=3),
    st.dictionaries(FIELDS.filter(lambda f: store._safe(f"{f}.txt")), TEXT, max_size=2),
)
PATHS = st.lists(WORDS, min_size=1, max_size=3).map("/".join).filter(store._safe)


def apart(states: dict[str, State]) -> bool:
    """Whether no state lies inside another's folder."""
    return not any(b.startswith(f"{a}/") for a in states for b in states)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.dictionaries(st.text(), JSON, max_size=4), states=st.dictionaries(PATHS, SOME, max_size=3).filter(apart)
)
def test_any_document_and_any_states_come_back(
    tmp_path: Path, document: dict[str, Any], states: dict[str, State]
) -> None:
    store.write(tmp_path / "m", document, states)
    contents = store.read(tmp_path / "m")
    assert contents.document == plain(document)
    assert list(contents.states) == list(states)
    for name, state in states.items():
        same(state, contents.states[name])


def test_a_model_can_be_moved_and_copied(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "elsewhere" / "deeper")
    shutil.rmtree(model)
    assert store.read(tmp_path / "elsewhere" / "deeper").document == DOCUMENT


def test_a_look_by_a_file_manager_does_no_harm(model: Path) -> None:
    (model / ".DS_Store").write_bytes(b"\0")
    (model / "encoders" / "Thumbs.db").write_bytes(b"\0")
    assert store.read(model).document == DOCUMENT


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        store.read(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        store.read(tmp_path / "file")
    assert not store.is_model(tmp_path / "nothing")
    assert not store.is_model(tmp_path)


def test_a_missing_manifest(model: Path) -> None:
    (model / "model.json").unlink()
    with pytest.raises(ModelError, match=r"has no model\.json"):
        store.read(model)


@pytest.mark.parametrize("path", ["encoders/0/values.json", "members/3/fold-1/trees.txt", "run.json"])
def test_a_missing_file(model: Path, path: str) -> None:
    (model / path).unlink()
    with pytest.raises(ModelError, match=f"{path} is missing"):
        store.read(model)


@pytest.mark.parametrize("path", ["encoders/0/extra.txt", "notes.html", "members/3/fold-9/values.json"])
def test_a_file_that_is_not_listed(model: Path, path: str) -> None:
    (model / path).parent.mkdir(exist_ok=True)
    (model / path).write_text("{}")
    with pytest.raises(ModelError, match="does not belong"):
        store.read(model)


@pytest.mark.parametrize("name", ["model.pkl", "encoders/0/w.pt", "x.bin", "x.npy", "x.JOBLIB", "x.py", "x.so", "x"])
def test_a_file_that_could_run(model: Path, name: str) -> None:
    content = pickle.dumps(DOCUMENT)
    listed(model, name, content)
    with pytest.raises(ModelError, match=r"could run code|only what Ungated wrote"):
        store.read(model)
    reseal(model, lambda m: m["files"].pop(name))
    with pytest.raises(ModelError, match="does not list it"):
        store.read(model)


def test_a_pickle_under_another_name_never_runs(model: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "boom",))

    for name in ("values.json", "arrays.safetensors"):
        listed(model, f"encoders/0/{name}", pickle.dumps(Bomb()))
        with pytest.raises(ModelError):
            store.read(model)
    assert not (tmp_path / "boom").exists()


def test_a_newer_format(model: Path) -> None:
    reseal(model, lambda m: m.update(format=store.FORMAT + 1, ungated="9.9"))
    with pytest.raises(ModelError, match=r"format 2.*\n.*9\.9"):
        store.read(model)


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0, [1]])
def test_a_format_that_never_was(model: Path, version: Any) -> None:
    reseal(model, lambda m: m.update(format=version))
    with pytest.raises(ModelError, match="not the description"):
        store.read(model)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b"9" * 9999]
)
def test_a_manifest_that_is_not_one(model: Path, text: bytes) -> None:
    (model / "model.json").write_bytes(text)
    with pytest.raises(ModelError):
        store.read(model)
    assert not store.is_model(model)


@pytest.mark.parametrize(
    "path",
    [
        *("../secret.json", "/etc/passwd", "a/../../b.json", "C:/x.json", "C:x.json", "\\\\host\\x.json", "..", ""),
        *("a//b.json", "./run.json", "con.json", "x.json ", "x.json.", "a\x00.json", "é.json"),
    ],
)
def test_a_path_that_climbs_out(model: Path, path: str) -> None:
    (model.parent / "secret.json").write_text("{}")
    about = {"size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()}
    reseal(model, lambda m: m["files"].update({path: about}))
    with pytest.raises(ModelError, match="outside the folder"):
        store.read(model)


@pytest.mark.parametrize("name", ["../other", "/tmp", "", "..", 7, None])
def test_a_state_that_climbs_out(model: Path, name: Any) -> None:
    reseal(model, lambda m: m["states"].append(name))
    with pytest.raises(ModelError, match="outside the folder"):
        store.read(model)


@pytest.mark.skipif(sys.platform == "win32", reason="making a symbolic link needs a privilege on Windows")
@pytest.mark.parametrize("path", ["run.json", "model.json", "encoders/0/values.json", "encoders"])
def test_a_symbolic_link(model: Path, path: str) -> None:
    outside = model.parent / "outside"
    os.rename(model / path, outside)
    (model / path).symlink_to(outside)
    with pytest.raises(ModelError, match="link or a device"):
        store.read(model)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(model: Path) -> None:
    (model / "run.json").unlink()
    os.mkfifo(model / "run.json")
    with pytest.raises(ModelError, match="link or a device"):
        store.read(model)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(states={}),
        lambda m: m.update(files=[]),
        lambda m: m.update(document=None),
        lambda m: m.pop("states"),
        lambda m: m["files"].update({"run.json": 7}),
        lambda m: m["files"].update({"run.json": {"size": "11", "sha256": "0" * 64}}),
        lambda m: m["files"].update({"run.json": {"size": -1, "sha256": "0" * 64}}),
        lambda m: m["files"].update({"run.json": {"size": 11, "sha256": "zz"}}),
        lambda m: m["files"].update({"run.json": {"size": 10**18, "sha256": "0" * 64}}),
        lambda m: m["files"].update({"encoders/0/values.json": None}),
        lambda m: m["states"].append("ghost"),
        lambda m: m["states"].pop(),
    ],
)
def test_wrong_types_and_absurd_sizes(model: Path, change: Callable[[dict[str, Any]], None]) -> None:
    reseal(model, change)
    with pytest.raises(ModelError):
        store.read(model)


def test_a_manifest_of_absurd_size_is_not_even_read(model: Path) -> None:
    with (model / "model.json").open("r+b") as f:
        f.truncate(2**40)  # sparse
    with pytest.raises(ModelError, match="no model needs so many"):
        store.read(model)


def test_a_bottomless_folder(model: Path) -> None:
    (model / "/".join("d" * 40)).mkdir(parents=True)
    with pytest.raises(ModelError, match="deeper"):
        store.read(model)


def test_every_flipped_bit_is_noticed(model: Path) -> None:
    rng = random.Random(0)
    files = sorted(p for p in model.rglob("*") if p.is_file())
    for path in files:
        whole = path.read_bytes()
        where = range(len(whole)) if len(whole) < 60 else sorted(rng.sample(range(len(whole)), 60))
        for at in where:
            changed = bytearray(whole)
            changed[at] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(ModelError):
                store.read(model)
        for changed in (whole[:-1], whole + b"\n", b""):
            path.write_bytes(changed)
            with pytest.raises(ModelError):
                store.read(model)
        path.write_bytes(whole)
    assert store.read(model).document == DOCUMENT


def test_every_refusal_is_short_and_names_the_place(model: Path) -> None:
    (model / "run.json").write_text("{}")
    with pytest.raises(ModelError) as refusal:
        store.read(model)
    assert str(model / "run.json") in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 5


def test_a_model_replaces_a_model(model: Path) -> None:
    store.write(model, {"second": True}, {})
    contents = store.read(model)
    assert (contents.document, contents.states, contents.files) == ({"second": True}, {}, {})
    assert [p.name for p in model.parent.iterdir()] == ["wine"]


def test_an_empty_folder_may_become_a_model(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    store.write(tmp_path / "m", DOCUMENT, STATES)
    assert store.is_model(tmp_path / "m")


def test_what_is_not_a_model_is_not_overwritten(tmp_path: Path, model: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("1")
    for target in (tmp_path / "thesis", tmp_path / "thesis" / "chapter.tex", Path(tmp_path.anchor)):
        with pytest.raises(UsageError, match=r"--out|Choose"):
            store.write(target, {}, {})
    (model / "chapter.tex").write_text("2")
    with pytest.raises(UsageError, match=r"chapter\.tex"):
        store.write(model, {}, {})
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "1"
    assert (model / "chapter.tex").read_text() == "2"


def test_a_failed_write_leaves_the_old_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_flush", full)
    with pytest.raises(UsageError, match="No space left"):
        store.write(model, {}, {})
    assert store.read(model).document == DOCUMENT
    assert [p.name for p in model.parent.iterdir()] == ["wine"]


@pytest.mark.parametrize("name", ["../x", "A/", "nul", "a/con", "a\\b", "a:b", ".hidden"])
def test_a_state_needs_a_name_for_every_system(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        store.write(tmp_path / "m", {}, {name: State({"a": 1})})
    assert not list(tmp_path.iterdir())


def test_a_state_inside_a_state(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        store.write(tmp_path / "m", {}, {"a/b": State({"v": 1}), "a": State({"v": 2})})


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on every system"):
        store.write(tmp_path / "m", {}, {"a": State({"v": 1}), "A": State({"v": 2})})


def test_a_file_is_added_and_replaced(model: Path) -> None:
    store.add_file(model, "report.html", "<p>é</p>")
    store.add_file(model, "run.json", b'{"seed": 1}')
    assert store.read(model).files == {"run.json": b'{"seed": 1}', "report.html": "<p>é</p>".encode()}
    (model / "report.html").write_text("<p>e</p>")
    with pytest.raises(ModelError, match=r"report\.html is damaged"):
        store.read(model)
    for name in ("model.json", "encoders/0/values.json", "../x.html", "x.pkl"):
        with pytest.raises(ValueError, match="may stand beside"):
            store.add_file(model, name, "")
    with pytest.raises(ModelError):
        store.add_file(model.parent, "run.json", "")


@pytest.mark.parametrize("dies_at", [0, 1, 2])
def test_a_death_while_a_file_is_replaced_leaves_the_old_one_or_the_new(
    model: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    put, calls = store._put, []

    def mortal(folder: Path, name: str, data: bytes) -> None:
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        calls.append(name)
        put(folder, name, data)

    monkeypatch.setattr(store, "_put", mortal)
    with pytest.raises(KeyboardInterrupt):
        store.add_file(model, "run.json", '{"seed": 1}')
    contents = store.read(model)
    assert contents.document == DOCUMENT
    assert contents.files == {"run.json": b'{"seed": 1}' if dies_at == 2 else b'{"seed": 0}'}
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        store.add_file(model, "report.html", "<p>")
    assert store.read(model).files.get("report.html") is None  # one that is new is not trusted before it is done
    monkeypatch.setattr(store, "_put", put)
    store.add_file(model, "run.json", '{"seed": 1}')
    assert store.read(model).files == {"run.json": b'{"seed": 1}'}
    (model / "run.json").write_text('{"seed": 7}')
    with pytest.raises(ModelError, match="not those that were written"):
        store.read(model)


def dead() -> int:
    """The number of a process that has just ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("successor", [True, False])
def test_a_replacement_cut_short_is_finished(model: Path, successor: bool) -> None:
    token = f".wine.{store._HOST}-{dead()}-0123abcd"
    os.rename(model, model.parent / f"{token}.old")
    if successor:
        store.write(model.parent / f"{token}.new", {"second": True}, {})
    assert store.read(model).document == ({"second": True} if successor else DOCUMENT)


def test_what_the_dead_left_is_cleared_and_the_living_are_left_alone(model: Path) -> None:
    gone = model.parent / f".wine.{store._HOST}-{dead()}-0123abcd.new"
    here = model.parent / f".wine.{store._HOST}-{os.getpid()}-0123abcd.new"
    other = model.parent / f".wine.00000000-{dead()}-0123abcd.new"  # another machine's, on a shared disk
    for folder in (gone, here, other):
        folder.mkdir()
        (folder / "half").write_text("")
    store.write(model, DOCUMENT, STATES)
    assert (gone.exists(), here.exists(), other.exists()) == (False, True, True)


WRITER = """
import sys, numpy as np
from pathlib import Path
from ungated import store
from ungated.core.algorithm import State
print("ready", flush=True)
for i in range(10_000):
    states = {f"members/{k}": State({"i": i}, {"w": np.full(2000, i)}, {"t": str(i)}) for k in range(4)}
    store.write(Path(sys.argv[1]), {"i": i}, states)
    store.add_file(Path(sys.argv[1]), "run.json", str(i))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_a_killed_writer_leaves_a_whole_model_or_none(tmp_path: Path) -> None:
    rng, whole = random.Random(1), 0
    for attempt in range(20):
        if attempt % 5 == 0:
            shutil.rmtree(tmp_path / "m", ignore_errors=True)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "m")], stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if not (tmp_path / "m").exists() and not list(tmp_path.glob(".m.*.old")):
            with pytest.raises(ModelError, match="no model at"):  # killed before the first was complete
                store.read(tmp_path / "m")
            continue
        contents = store.read(tmp_path / "m")
        whole += 1
        i = contents.document["i"]
        assert all(s.values == {"i": i} and s.texts == {"t": str(i)} for s in contents.states.values())
        assert all((s.arrays["w"] == i).all() for s in contents.states.values())
        assert contents.files.get("run.json", str(i).encode()) == str(i).encode()
    assert whole
    store.write(tmp_path / "m", {}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
