"""Pictures: every kind of file read rightly, every broken one named; rows and pixels learn from training alone."""

import gzip
import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ungated.core.algorithm import State
from ungated.core.errors import InputError
from ungated.core.numbers import Change, Form, Takes
from ungated.modalities.duplicates import near_duplicates
from ungated.modalities.picture import (
    PicturePart,
    PixelEncoder,
    confirmed,
    decode,
    fingerprints,
    labels_beside,
    mosaic,
    pack,
    preview,
    read_idx,
    read_npz,
    survey,
    unpack,
)
from ungated.modalities.picture.hog import cells, gradients, normalised

HOW = {"height": 32, "width": 32, "channels": 3}
GREY_HOW = {"height": 32, "width": 32, "channels": 1}


def scene(side: int = 32, seed: int = 0) -> np.ndarray:
    """A smooth picture in colour, the same for the same seed: uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def saved(picture: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(out, kind, **options)
    return out.getvalue()


def one(data: bytes | Path, how: dict = HOW) -> np.ndarray:
    """The only picture, which must be whole."""
    found, broken = decode([data], how)
    assert not broken, broken
    assert found[0] is not None
    return unpack(found[0])


def why(data: bytes | Path) -> str:
    """Why the only picture is broken."""
    found, broken = decode([data], HOW)
    assert found == [None]
    return broken[0].why


@pytest.mark.parametrize(
    ("kind", "options", "off"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
        ("JPEG", {"quality": 95}, 12),
        ("JPEG", {"quality": 95, "progressive": True}, 12),
        ("GIF", {}, 40),
    ],
)
def test_each_kind_of_file_gives_back_what_was_saved(kind: str, options: dict, off: int, tmp_path: Path) -> None:
    data = saved(scene(), kind, **options)
    path = tmp_path / "picture.dat"  # the name says nothing; the first bytes do
    path.write_bytes(data)
    for source in (data, path):
        difference = np.abs(one(source).astype(int) - scene())
        assert difference.mean() <= off / 3
        if not off:
            assert difference.max() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK"])
def test_each_mode_is_read_in_colour_and_in_grey(mode: str) -> None:
    image = Image.fromarray(scene()).convert(mode)
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    close = np.abs(one(data).astype(int) - np.asarray(image.convert("RGB")))
    assert close.max() <= 2
    assert one(data, GREY_HOW).shape == (32, 32, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_sets_pictures_upright(kind: str, orientation: int) -> None:
    upright = np.zeros((48, 32, 3), np.uint8)
    upright[:24, :16], upright[:24, 16:], upright[24:, :16] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpositions that the camera's holding amounts to
    held = Image.fromarray(upright)
    if orientation > 1:
        held = held.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(held, kind, exif=exif)
    how = survey([data], 10**6, 1)
    assert (how["height"], how["width"]) == (48, 32)
    assert np.abs(one(data, {"height": 48, "width": 32, "channels": 3}).astype(int) - upright).mean() < 8


def test_sixteen_bits_keep_their_shades() -> None:
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32)
    for kind in ("PNG", "TIFF"):
        got = one(saved(Image.fromarray(ramp.astype(np.uint16)), kind), GREY_HOW)[..., 0]
        assert np.abs(got - ramp / 257).max() <= 1
    twelve = [saved(Image.fromarray((ramp / 16 / k).astype(np.uint16)), "PNG") for k in (1, 2)]
    how = survey(twelve, 10**6, 2)
    assert how["white"] == 4095  # a camera's 12 bits are not 15/16 black, and a dark picture stays dark beside a bright
    bright, dark = (one(t, how).mean() for t in twelve)
    assert 120 < bright < 135
    assert 55 < dark < 70


def test_numbers_of_other_widths_are_scaled() -> None:
    fractions = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    fractions[0, 0] = np.nan
    got = one(saved(Image.fromarray(fractions), "TIFF"), GREY_HOW)[..., 0]
    assert np.abs(got - np.nan_to_num(fractions) * 255).max() <= 1


def test_what_is_transparent_lies_over_mid_grey() -> None:
    clear = np.zeros((32, 32, 4), np.uint8)
    clear[8:24, 8:24] = (250, 10, 10, 255)
    for kind in ("PNG", "WEBP"):
        got = one(saved(clear, kind, lossless=True))
        assert np.abs(got[0, 0].astype(int) - 128).max() <= 1
        assert np.abs(got[16, 16].astype(int) - (250, 10, 10)).max() <= 1
    palette = Image.fromarray(scene()).convert("P")
    assert (one(saved(palette, "PNG", transparency=palette.getpixel((0, 0))))[0, 0] == 128).all()


def test_the_first_frame_of_a_film_is_read() -> None:
    frames = [Image.new("RGB", (32, 32), c) for c in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (one(data)[5, 5] == (255, 0, 0)).all()


def test_other_shapes_are_cut_a_little_and_never_squeezed() -> None:
    disc = Image.new("L", (400, 100), 30)
    y, x = np.mgrid[:100, :400]
    ring = np.where((y - 50) ** 2 + (x - 200) ** 2 < 40**2, 220, 30).astype(np.uint8)
    got = one(saved(ring, "PNG"), {"height": 80, "width": 80, "channels": 1})[..., 0]
    inside = got > 125
    high, wide = inside.any(1).sum(), inside.any(0).sum()
    assert abs(int(high) - int(wide)) <= 2  # a circle stays one
    assert (got[0] == 30).all()  # what is filled up has the edge's colour
    assert disc.size == (400, 100)
    nearly = one(saved(scene(64)[:, :56], "PNG"), HOW)
    assert np.abs(nearly.astype(int) - np.asarray(Image.fromarray(scene(64)[4:60, :56]).resize((32, 32)))).mean() < 6


def bomb(width: int = 40_000, height: int = 40_000) -> bytes:
    """A PNG of a few hundred bytes that says it has 1.6 billion pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(10_000))) + part(b"IEND", b"")


def test_broken_files_are_named_with_a_plain_reason(tmp_path: Path) -> None:
    whole = saved(scene(128), "JPEG")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.jpg")  # must not wait for someone to write
    assert why(b"") == "is empty"
    assert why(bomb()) == "would unpack to 1.6 billion pixels"
    assert why(
        saved(scene(128), "GIF")[:6] + struct.pack("<HH", 60_000, 60_000) + saved(scene(8), "GIF")[10:]
    ).startswith("would")
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"):
        data = saved(scene(128), kind)
        assert why(data[: len(data) // 2]) in ("is cut short", "is damaged"), kind
    assert why(whole[: len(whole) // 2]) == "is cut short"
    assert why(b"<html>not found</html>") == "is text, not a picture"
    assert "SVG" in why(b'<?xml version="1.0"?><svg></svg>')
    assert "PDF" in why(b"%PDF-1.7 ...")
    assert why(bytes(1000)) == "holds nothing but zeros"
    assert why(tmp_path / "folder.jpg") == "is a folder, not a picture"
    assert why(tmp_path / "dangling.jpg") == "is a link to nothing"
    assert why(tmp_path / "absent.jpg") == "is not there"
    assert why(tmp_path / "pipe.jpg") == "is not a plain file"


def test_broken_files_cost_only_themselves() -> None:
    files = [saved(scene(40, k), "PNG") for k in range(12)]
    files[3], files[7] = b"no picture", files[7][:60]
    found, broken = decode([*files, None], HOW, names=[f"{k}.png" for k in range(13)])
    assert [b.file for b in broken] == ["3.png", "7.png"]
    assert [k for k, c in enumerate(found) if c is None] == [3, 7, 12]
    assert all((unpack(c) == one(f)).all() for c, f in zip(found, files, strict=False) if c)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]),
    at=st.lists(st.floats(0, 0.999), max_size=6),
    put=st.binary(min_size=6, max_size=6),
    cut=st.floats(0.05, 1),
)
def test_damaged_bytes_never_raise_and_never_warn(kind: str, at: list[float], put: bytes, cut: float) -> None:
    data = bytearray(saved(scene(24), kind))
    for place, byte in zip(at, put, strict=False):
        data[int(place * len(data))] = byte
    data = data[: max(1, int(cut * len(data)))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        survey([bytes(data)], 10**6, 1)
        found, broken = decode([bytes(data)], HOW)
    assert (found[0] is None) == (len(broken) == 1)
    if found[0] is not None:
        assert unpack(found[0]).shape == (32, 32, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"BM", b"GIF89a"]),
)
def test_noise_is_broken(noise: bytes, start: bytes) -> None:
    found, broken = decode([start + noise], HOW)
    assert (found[0] is None) == (len(broken) == 1)


def test_decoders_say_nothing_on_the_terminal(tmp_path: Path) -> None:
    tiff = bytearray(saved(scene(64), "TIFF", compression="tiff_lzw"))
    for k in range(40, len(tiff), 7):
        tiff[k] ^= 0x55
    (tmp_path / "a.tif").write_bytes(tiff)
    (tmp_path / "b.jpg").write_bytes(saved(scene(64), "JPEG")[:-200])
    (tmp_path / "c.png").write_bytes(bomb(12_000, 12_000))
    code = (
        "import sys; from pathlib import Path; from ungated.modalities.picture import decode, survey\n"
        "files = sorted(Path(sys.argv[1]).iterdir()); how = survey(files, 10**6, 3)\n"
        "cells, broken = decode(files, how); assert len(broken) == 3, broken"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_sizes_follow_pictures_memory_and_number() -> None:
    digits = [pack(np.full((28, 28), k, np.uint8)) for k in range(5)]
    assert [survey(digits, 10**9, 60_000)[k] for k in ("height", "width", "channels")] == [28, 28, 1]
    photographs = [saved(scene(200, k)[:150], "JPEG") for k in range(4)]
    wide = survey(photographs, 10**9, 100)
    assert (wide["height"], wide["width"], wide["channels"]) == (72, 96, 3)
    many = survey(photographs, 10**9, 100_000)
    assert 32 <= many["width"] < 64
    little = survey(photographs, 200_000, 100)
    assert little["height"] * little["width"] * 3 * 100 <= 200_000
    grey = survey([saved(np.repeat(scene(50, k)[..., :1], 3, axis=2), "PNG") for k in range(3)], 10**9, 3)
    assert grey["channels"] == 1
    assert survey([b"", b"text"], 10**9, 2)["height"] == 16


def test_packed_pictures_come_to_size_too() -> None:
    large = pack(scene(64))
    assert one(large).shape == (32, 32, 3)
    assert one(large, GREY_HOW).shape == (32, 32, 1)
    exact = pack(scene(32))
    assert decode([exact], HOW)[0][0] is exact


def idx(path: Path, array: np.ndarray, code: int = 8) -> None:
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_and_its_labels(end: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (7, 5, 6), dtype=np.uint8)
    idx(tmp_path / f"train-images-idx3-ubyte{end}", x)
    assert read_idx(tmp_path / f"train-images-idx3-ubyte{end}").labels is None
    idx(tmp_path / "train-labels-idx1-ubyte", np.arange(7, dtype=np.uint8))
    read = read_idx(tmp_path / f"train-images-idx3-ubyte{end}")
    assert (read.pictures == x[..., None]).all()
    assert read.labels is not None
    assert read.labels.tolist() == list(range(7))
    assert labels_beside(tmp_path / "train-labels-idx1-ubyte") is None


def test_idx_headers_that_lie_are_refused(tmp_path: Path) -> None:
    x = np.zeros((7, 5, 6), np.uint8)
    for name in ("a", "a.gz"):
        idx(tmp_path / name, x)
        whole = gzip.decompress((tmp_path / name).read_bytes()) if name == "a.gz" else (tmp_path / name).read_bytes()
        for lie in (
            whole[:4] + struct.pack(">I", 2**32 - 1) + whole[8:],
            whole[:4] + struct.pack(">I", 8) + whole[8:],
            whole[:4] + struct.pack(">I", 6) + whole[8:],
            whole[:9],
            b"text, not numbers",
            b"",
        ):
            (tmp_path / name).write_bytes(gzip.compress(lie) if name == "a.gz" else lie)
            with pytest.raises(InputError):
                read_idx(tmp_path / name)
    (tmp_path / "a.gz").write_bytes(gzip.compress(whole)[:-9])
    with pytest.raises(InputError):
        read_idx(tmp_path / "a.gz")


def test_npz_of_every_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8)
    y = np.arange(9)
    path = tmp_path / "a.npz"
    for pictures in (x, x.transpose(0, 3, 1, 2), np.asfortranarray(x), x / 255.0, x / 127.5 - 1, x.astype(np.int32)):
        np.savez(path, images=pictures, labels=y)
        read = read_npz(path)[""]
        assert np.abs(read.pictures.astype(int) - x).max() <= 1
        assert read.labels is not None
        assert read.labels.tolist() == y.tolist()
    np.savez_compressed(
        path, x_train=x, y_train=np.eye(9)[y], test_images=x[:4] // 2, test_labels=np.array(["a", "b", "c", "d"])
    )
    parts = read_npz(path)
    assert set(parts) == {"train", "test"}
    assert parts["train"].labels is not None
    assert parts["train"].labels.tolist() == y.tolist()
    assert parts["test"].labels is not None
    assert parts["test"].labels.tolist() == ["a", "b", "c", "d"]
    assert (parts["test"].pictures == x[:4] // 2).all()
    np.savez(path, mine=x[..., 0], answers=y)
    assert read_npz(path)[""].pictures.shape == (9, 6, 5, 1)
    np.save(tmp_path / "b.npy", x[..., 0] > 128)
    assert set(np.unique(read_npz(tmp_path / "b.npy")[""].pictures)) == {0, 255}


def test_npz_that_cannot_be_trusted_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for arrays in (
        {"x": np.array([{"run": "me"}], dtype=object)},
        {"x": np.zeros((4, 9))},
        {"x": np.full((4, 9, 9), np.nan)},
        {"x": np.zeros((4, 9, 9)), "y": np.zeros(3)},
    ):
        np.savez(path, **arrays)
        with pytest.raises(InputError):
            read_npz(path)
    np.save(tmp_path / "b.npy", np.zeros((3, 4, 4), np.uint8))
    data = (tmp_path / "b.npy").read_bytes()
    for lie in (data.replace(b"(3, 4, 4)", b"(9, 9, 9)"), data[:-5], data[:20], b"text"):
        (tmp_path / "b.npy").write_bytes(lie)
        with pytest.raises(InputError):
            read_npz(tmp_path / "b.npy")


def column(pictures: np.ndarray, missing: tuple[int, ...] = ()) -> pl.Series:
    cells = [None if k in missing else pack(p) for k, p in enumerate(pictures)]
    return pl.Series("picture", cells, dtype=pl.Binary)


def test_gradients_turn_and_mirror_with_the_picture() -> None:
    x = np.stack([scene(32, k) for k in range(3)])
    grid = normalised(cells(gradients(x), (4, 4)))
    turned = normalised(cells(gradients(x[:, ::-1, ::-1]), (4, 4)))
    assert np.allclose(turned[:, ::-1, ::-1], grid, atol=1e-5)  # half a turn keeps every direction without a sign
    mirrored = normalised(cells(gradients(x[:, :, ::-1]), (4, 4)))
    assert np.allclose(mirrored[:, :, ::-1][..., (-np.arange(9)) % 9], grid, atol=1e-5)
    shadow = normalised(cells(gradients((x // 2).astype(np.uint8)), (4, 4)))
    assert np.abs(shadow - grid).mean() < 0.03  # half the light, nearly the same edges
    upright = np.zeros((1, 16, 16, 1), np.uint8)
    upright[:, :, 8:] = 200
    votes = cells(gradients(upright), (1, 1))[0, 0, 0]
    assert votes.argmax() == 0
    assert votes[1:].max() == 0


@pytest.mark.parametrize(
    "shape", [(28, 28, 1), (32, 32, 3), (72, 96, 3), (64, 64, 1), (64, 5, 1), (1, 1, 1), (2, 3, 3), (9, 50, 3)]
)
def test_rows_of_every_size_are_finite_and_named(shape: tuple[int, int, int]) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    how = dict(zip(("height", "width", "channels"), shape, strict=True))
    for takes in (frozenset(), frozenset({Takes.RAW_SCALE}), frozenset({Takes.MISSING})):
        values = column(x, missing=(2,))
        part = PicturePart.fit(values, how, takes)
        names = [c.name for c in part.columns()]
        assert len(set(names)) == len(names)
        out = np.full((6, len(names)), np.inf, np.float32)
        part.fill(values, out)
        assert np.isfinite(out[[0, 1, 3, 4, 5]]).all()
        assert np.isnan(out[2]).all() == (Takes.MISSING in takes)
        assert ("picture: is missing" in names) == (Takes.MISSING not in takes)
        alone = np.empty((1, len(names)), np.float32)
        part.fill(values[4:5], alone)
        assert np.allclose(alone[0], out[4], atol=1e-4)
    if Takes.MISSING not in takes:
        assert np.abs(out[:, :-1].mean(0)).max() < 1e-3


def test_parts_learn_from_training_rows_alone_and_are_the_same_after_saving() -> None:
    x = np.stack([scene(28, k) for k in range(30)])
    how = {"height": 28, "width": 28, "channels": 3}
    part = PicturePart.fit(column(x[:20]), how, frozenset())
    saved_part = PicturePart(**{k: tuple(v) if isinstance(v, list) else v for k, v in vars(part).items()})
    first, second = (np.empty((30, len(part.columns())), np.float32) for _ in range(2))
    part.fill(column(x), first)
    saved_part.fill(column(x), second)
    assert (first == second).all()
    assert np.abs(first[:20].mean(0)).max() < 1e-3
    assert np.abs(first[20:].mean(0)).max() > 1e-2  # other rows had no say in the centre


def test_pixels_are_the_pictures_channels_first() -> None:
    x = np.stack([scene(24, k) for k in range(30)])
    how = {"height": 24, "width": 24, "channels": 3}
    encoder = PixelEncoder.fit(column(x[:20]), how)
    again = PixelEncoder.load(State(encoder.state().values, encoder.state().arrays))
    numbers = again.numbers(column(x, missing=(25,)), np.arange(30))
    assert (numbers.form, numbers.x.dtype, numbers.x.shape) == (Form.PIXELS, np.uint8, (30, 3, 24, 24))
    assert (numbers.x[7] == x[7].transpose(2, 0, 1)).all()
    assert np.abs(numbers.x[25].astype(float) - x[:20].mean(0).transpose(2, 0, 1)).max() <= 0.5
    assert again.size == (3, 24, 24)
    assert again.changes == encoder.changes == numbers.changes
    assert Change.SHIFT in numbers.changes
    with pytest.raises(ValueError, match="picture"):
        encoder.numbers(column(np.zeros((1, 8, 8, 3), np.uint8)), np.zeros(1))


def test_digits_in_their_frames_stay_as_they_are_and_photographs_may_change() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.rint(digits.images * 255 / 16).astype(np.uint8)[..., None]
    how = {"height": 8, "width": 8, "channels": 1}
    for y in (None, digits.target):
        assert PixelEncoder.fit(column(x), how, y).changes == set()
    photographs = np.stack([scene(32, k) for k in range(60)])
    assert PixelEncoder.fit(column(photographs), HOW, np.arange(60) % 2).changes == {
        Change.SHIFT, Change.MIRROR, Change.ZOOM, Change.LIGHT,
    }  # fmt: skip


def test_left_and_right_that_are_the_answer_are_not_swapped() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 40, (80, 24, 24, 1), dtype=np.uint8)
    y = np.arange(80) % 2
    x[y == 0, 8:16, 2:9] += 180
    x[y == 1, 8:16, 15:22] += 180
    encoder = PixelEncoder.fit(column(x), {"height": 24, "width": 24, "channels": 1}, y)
    assert Change.MIRROR not in encoder.changes


def test_fingerprints_find_the_same_photograph_saved_anew() -> None:
    prints, again = [], []
    for k in range(40):
        picture = scene(96, k)
        other = Image.fromarray(np.clip(picture * 0.9 + 12, 0, 255).astype(np.uint8)).resize((70, 70))
        prints.append(one(saved(picture, "PNG"), {"height": 96, "width": 96, "channels": 3}))
        again.append(one(saved(other, "JPEG", quality=60), {"height": 96, "width": 96, "channels": 3}))
    codes = fingerprints(pl.Series("p", [pack(p) for p in prints + again] + [None, pack(np.full((9, 9), 7, np.uint8))]))
    assert codes.dtype == np.uint64
    assert codes[80:].tolist() == [0, 0]
    values = pl.Series("p", [pack(p) for p in prints + again])
    groups = near_duplicates(codes[:80], 8)
    assert sum(groups[k] == groups[k + 40] for k in range(40)) >= 38
    surely = confirmed(values, groups)
    assert sum(surely[k] == surely[k + 40] for k in range(40)) >= 38
    assert len(np.unique(surely)) == 80 - sum(surely[k] == surely[k + 40] for k in range(40))
    all_one = confirmed(values, np.zeros(80, np.int64))
    assert len(np.unique(all_one)) >= 40, "what differs in pixels is no copy, whatever fingerprints say"
    assert confirmed(values[:0], groups[:0]).shape == (0,)


def test_previews_are_small_pictures() -> None:
    import base64

    for cell, side in ((pack(scene(28)[..., 0]), 84), (pack(scene(200)), 96)):
        kind, _, data = preview(cell).partition(",")
        assert kind.startswith("data:image/")
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) == side
    assert mosaic([pack(scene(28))] * 13, 30).startswith("data:image/")
