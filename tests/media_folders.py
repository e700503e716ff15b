"""Small folders of pictures, tones and texts for end-to-end tests, and every way in which a file can be broken."""

import io
import json
import os
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

WORDS = {
    "good": ["lovely", "warm", "bright", "splendid", "happy", "kind", "sweet", "gentle", "cheerful", "fine"],
    "bad": ["dreadful", "cold", "dark", "awful", "sad", "cruel", "sour", "harsh", "gloomy", "poor"],
}
RATE = 8000


def picture(rng: np.random.Generator, label: str, side: int = 24) -> Image.Image:
    """Stripes across ("across") or upright ("upright"), of any phase, width and colour, with noise."""
    wave_ = np.sin(np.arange(side) * rng.uniform(0.9, 1.4) + rng.uniform(0, 6))
    plane = np.repeat(wave_[:, None], side, axis=1)
    plane = plane if label == "across" else plane.T
    colour = rng.uniform(40, 100, 3)
    pixels = 128 + plane[:, :, None] * colour + rng.normal(0, 12, (side, side, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def pictures(folder: Path, each: int = 24, seed: int = 0, suffix: str = "png") -> Path:
    """One folder a class, `each` pictures in both."""
    rng = np.random.default_rng(seed)
    for label in ("across", "upright"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            picture(rng, label).save(folder / label / f"{label}-{seed}-{i:03}.{suffix}")
    return folder


def tone(rng: np.random.Generator, label: str, seconds: float = 0.25, speaker: int = 0) -> bytes:
    """A WAV file: a low or a high tone, with overtones that tell the speaker."""
    t = np.arange(int(RATE * seconds)) / RATE
    hertz = rng.uniform(200, 320) if label == "low" else rng.uniform(900, 1300)
    voice = np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6)) + 0.3 * np.sin(
        2 * np.pi * hertz * (2 + 0.1 * speaker) * t
    )
    samples = 0.3 * voice + rng.normal(0, 0.02, len(t))
    return wav((samples.clip(-1, 1) * 32767).astype("<i2"))


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """int16 (n,) as a mono WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def tones(folder: Path, each: int = 24, seed: int = 0) -> Path:
    """One folder a class, `each` clips in both."""
    rng = np.random.default_rng(seed)
    for label in ("low", "high"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            (folder / label / f"{label}-{seed}-{i:03}.wav").write_bytes(tone(rng, label))
    return folder


def spoken(folder: Path, speakers: int = 5, each: int = 5, seed: int = 0) -> Path:
    """Clips named {label}_{speaker}_{n}.wav."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for label in ("low", "high"):
        for speaker in range(speakers):
            for n in range(each):
                (folder / f"{label}_s{speaker}_{n}.wav").write_bytes(tone(rng, label, speaker=speaker))
    return folder


def sentence(rng: np.random.Generator, label: str, words: int = 9) -> str:
    """Words of no meaning with a few that tell the label."""
    filler = rng.choice(["the", "film", "was", "a", "day", "and", "we", "saw", "it", "there", "again"], words)
    filler[rng.choice(words, 3, replace=False)] = rng.choice(WORDS[label], 3)
    return " ".join(filler)


def texts(folder: Path, each: int = 40, seed: int = 0) -> Path:
    """One folder a class, `each` .txt files in both."""
    rng = np.random.default_rng(seed)
    for label in WORDS:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            (folder / label / f"{label}-{seed}-{i:03}.txt").write_text(sentence(rng, label) + "\n")
    return folder


def reviews(path: Path, rows: int = 90, seed: int = 0) -> Path:
    """A CSV file: text, sentiment."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(list(WORDS), rows)
    lines = ["text,sentiment", *(f'"{sentence(rng, label)}",{label}' for label in labels)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def listings(folder: Path, rows: int = 90, seed: int = 0) -> Path:
    """listings.csv: numbers, a category, a text, the path of a picture: all tell of the price; some are gone."""
    rng = np.random.default_rng(seed)
    (folder / "photos").mkdir(parents=True)
    lines = ["rooms,district,description,photo,price"]
    for i in range(rows):
        mood, view = rng.choice(list(WORDS)), rng.choice(["across", "upright"])
        rooms = int(rng.integers(1, 7))
        price = 50 * rooms + 120 * (mood == "good") + 100 * (view == "across") + rng.normal(0, 8)
        picture(rng, view).save(folder / "photos" / f"{i}.png")
        said = "" if i % 11 == 0 else sentence(rng, mood)
        photo = "" if i % 13 == 0 else f"photos/{i}.png"
        lines.append(f'{"" if i % 17 == 0 else rooms},{rng.choice(["north", "south"])},"{said}",{photo},{price:.1f}')
    (folder / "listings.csv").write_text("\n".join(lines) + "\n")
    return folder / "listings.csv"


def broken_pictures(folder: Path, outside: Path) -> dict[str, str]:
    """Put one picture broken in every way into a folder; its name -> a word of what is to be said of it."""
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("These are my pictures.")
    (folder / "words.png").write_text("This is no picture at all.")
    (folder / "bomb.png").write_bytes(png_header(40_000, 40_000))
    outside.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 24)).save(outside)
    os.symlink(outside, folder / "link.png")
    return {"cut.jpg": "cut", "empty.png": "empty", "notes.txt": "text", "words.png": "text", "bomb.png": "pixels",
            "link.png": "link"}  # fmt: skip


def broken_sounds(folder: Path, outside: Path) -> dict[str, str]:
    """The same for sounds: an empty file, no samples, a header that lies, a text, a link out of the folder."""
    good = tone(np.random.default_rng(0), "low")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "nothing.wav").write_bytes(wav(np.zeros(0)))
    lying = bytearray(good[:60])
    struct.pack_into("<I", lying, 40, 2**31 - 1)
    (folder / "lies.wav").write_bytes(bytes(lying))
    (folder / "words.wav").write_text("This is no sound at all.")
    (folder / "nan.wav").write_bytes(float_wav(np.full(RATE // 4, np.nan, "<f4")))
    outside.parent.mkdir(parents=True, exist_ok=True)
    outside.write_bytes(good)
    os.symlink(outside, folder / "link.wav")
    return {
        "empty.wav": "empty",
        "nothing.wav": "",
        "lies.wav": "",
        "words.wav": "text",
        "nan.wav": "",
        "link.wav": "link",
    }


def float_wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """float32 (n,) as a mono WAV file of IEEE floats."""
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def png_header(width: int, height: int) -> bytes:
    """A PNG file whose header promises so many pixels, and a little data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def run_of(model: Path) -> dict:
    """What run.json says."""
    return json.loads((model / "run.json").read_text(encoding="utf-8"))
