"""Tables as nobody wants them: hand-made nasty files by name, and a strategy that makes more.

Whatever reads or fits these must give a result or an `UngatedError` of one to five lines; never a traceback or a hang.
"""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

from hypothesis import strategies as st

GOOD = b"a,b,y\n" + b"".join(b"%d,%d.5,%s\n" % (i, i * 7 % 13, b"yes" if i % 3 else b"no") for i in range(60))


def _rows(row: Callable[[int], str], n: int = 60, head: str = "a,b,y\n") -> bytes:
    return (head + "".join(row(i) + "\n" for i in range(n))).encode()


def _zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def _label(i: int) -> str:
    return "yes" if i % 3 else "no"


NASTY: dict[str, bytes] = {
    "empty": b"",
    "only spaces": b"   \n \n\t\n",
    "only newlines": b"\n\n\n\n",
    "only a BOM": b"\xef\xbb\xbf",
    "one byte": b"x",
    "one NUL": b"\0",
    "header only": b"a,b,y\n",
    "header of patterns": b"*,^a$,^.*$,y\n" + b"".join(b"%d,%d,x,%d\n" % (i, i % 7, i % 2) for i in range(40)),
    "header over two lines, no rows": b'"a\nb\nc\nd\ne\nf",y\n',
    "numbers at both ends": b"a,y\n" + b"1e-320,0\n0,1\n1e308,0\n" * 9,
    "header only, no newline": b"a,b,y",
    "one row": b"a,b,y\n1,2,yes\n",
    "two rows": b"a,b,y\n1,2,yes\n3,4,no\n",
    "one column": b"y\n" + b"yes\nno\n" * 30,
    "one class": _rows(lambda i: f"{i},{i % 7},yes"),
    "every row its own class": _rows(lambda i: f"{i},{i % 7},class{i}"),
    "all missing": _rows(lambda i: "?,NA,"),
    "target all missing": _rows(lambda i: f"{i},{i % 5},?"),
    "features all missing": _rows(lambda i: f",,{_label(i)}"),
    "features constant": _rows(lambda i: f"1,x,{_label(i)}"),
    "ragged short": _rows(lambda i: f"{i},{i}.5" if i % 9 == 4 else f"{i},{i}.5,{_label(i)}"),
    "ragged long, many": _rows(lambda i: f"{i},1,2,3,4" if i % 2 else f"{i},2,yes"),
    "ragged long, one": _rows(lambda i: f"{i},1,no,9" if i == 40 else f"{i},2,{_label(i)}", 400),
    "every row of another length": _rows(lambda i: ",".join("1" * (i % 11 + 1))),
    "trailing delimiter": _rows(lambda i: f"{i},{i % 5},{_label(i)},"),
    "R row names": _rows(lambda i: f"r{i},{i},{i % 5},{_label(i)}"),
    "duplicate headers": _rows(lambda i: f"{i},{i % 5},{_label(i)}", head="a,a,y\n"),
    "duplicate target": _rows(lambda i: f"{i},yes,{_label(i)}", head="a,y,y\n"),
    "empty headers": _rows(lambda i: f"{i},{i % 5},{_label(i)}", head=",,y\n"),
    "header of numbers": _rows(lambda i: f"{i},{i % 5},{_label(i)}", head="1,2,3\n"),
    "header repeated inside": _rows(lambda i: "a,b,y" if i == 30 else f"{i},{i % 5},{_label(i)}"),
    "header with quotes and newlines": b'"a\nline",b,"y"\n' + b"1,2,yes\n2,3,no\n" * 30,
    "header of 5,000 characters": b"a" * 5000 + b",b,y\n" + b"1,2,yes\n2,3,no\n" * 30,
    "NUL bytes": GOOD.replace(b"1", b"\0"),
    "NUL between all": b"".join(bytes([c, 0]) for c in GOOD),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 BE no BOM": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "UTF-8 BOM": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": GOOD.replace(b"yes", "straße".encode("latin-1")),
    "cp1252 quotes": GOOD.replace(b"yes", b"\x93yes\x94"),
    "mixed encodings": GOOD + "é,1,no\n".encode() + b"\xe9,2,yes\n",
    "invalid UTF-8 late": GOOD * 400 + b"\xff\xfe\x80,1,no\n",
    "truncated UTF-8": GOOD + "5,6,é".encode()[:-1],
    "control characters": _rows(lambda i: f"{i},\x01\x02{i % 5},{_label(i)}"),
    "Mac newlines": GOOD.replace(b"\n", b"\r"),
    "Windows newlines": GOOD.replace(b"\n", b"\r\n"),
    "mixed newlines": GOOD.replace(b"\n", b"\r\n", 20),
    "blank lines": GOOD.replace(b"\n", b"\n\n"),
    "blank lines with spaces": GOOD.replace(b"\n", b"\n   \n", 10),
    "no newline at the end": GOOD.rstrip(),
    "unclosed quote": GOOD + b'61,"never closed,yes\n' + GOOD[6:],
    "unclosed quote in header": b'a,"b,y\n1,2,yes\n2,3,no\n',
    "stray quote": GOOD + b'61,5" pipe,yes\n62,7" pipe,no\n',
    "quote after text": GOOD + b'61,x"y"z,yes\n',
    "text after quote": GOOD + b'61,"x"y,yes\n',
    "doubled quotes": GOOD + b'61,"say ""hi""",yes\n',
    "only quotes": b'"\n""\n"""\n""""\n',
    "newlines in quotes": _rows(lambda i: f'{i},"line one\nline two {i % 3}",{_label(i)}'),
    "delimiters in quotes": _rows(lambda i: f'{i},"a,b,{i % 3}",{_label(i)}'),
    "single quotes": _rows(lambda i: f"'{i}','{i % 5}','{_label(i)}'"),
    "spaces after delimiters": _rows(lambda i: f"{i}, {i % 5}, {_label(i)}"),
    "aligned by spaces": _rows(lambda i: f"{i:5d}  {i % 5:5d}   {i % 2}", head=""),
    "semicolons, decimal commas": _rows(lambda i: f"{i},5;{i % 5},25;{_label(i)}", head="a;b;y\n"),
    "all delimiters at once": _rows(lambda i: f"{i};1\t2|3,4", head="a;b\ty|z,w\n"),
    "no delimiter at all": b"just some words here\nand some more there\n" * 20,
    "infinities": _rows(lambda i: f"{'inf' if i % 5 == 0 else '-inf' if i % 7 == 0 else i},{i % 5},{_label(i)}"),
    "NaN in words": _rows(lambda i: f"{'nan' if i % 4 else i},{i % 5},{_label(i)}"),
    "huge numbers": _rows(lambda i: f"{i}e300,{'9' * 400},{_label(i)}"),
    "tiny numbers": _rows(lambda i: f"{i}e-320,{i % 5},{_label(i)}"),
    "mixed types": _rows(lambda i: f"{('x', i, '2020-01-01', '', 'True', '1,5')[i % 6]!r},{i % 5},{_label(i)}"),
    "booleans of all sorts": _rows(lambda i: f"{('yes', 'NO', 'True', 'f', '1', 'off')[i % 6]},{i % 5},{_label(i)}"),
    "dates of all sorts": _rows(
        lambda i: f"{('2020-01-02', '3/4/2020', '5 Jan 2020', '13:00')[i % 4]},{i},{_label(i)}"
    ),
    "impossible dates": _rows(lambda i: f"2020-02-{30 + i % 5},{i % 5},{_label(i)}"),
    "years 0 and 9999": _rows(lambda i: f"{'0000' if i % 2 else '9999'}-01-01,{i % 5},{_label(i)}"),
    "formulas": _rows(lambda i: f"=A{i}+1,@cmd|' /C calc'!A0,{_label(i)}"),
    "emoji": _rows(lambda i: f"{'😀' * (i % 4)},{i % 5},{'👍' if i % 3 else '👎'}", head="🐧,b,y\n"),
    "right to left": _rows(lambda i: f"{i},שלום{i % 3},{_label(i)}", head="מספר,b,y\n"),
    "brackets and braces": _rows(lambda i: f"[{i}],{{{i % 5}}},{_label(i)}", head="[a],{b},y\n"),
    "columns that look like ours": _rows(lambda i: f"{i},{i % 5},{_label(i)}", head="a is missing,a = x,y\n"),
    "10,000 columns": (",".join(f"c{i}" for i in range(9999)) + ",y\n").encode()
    + b"".join(b"1," * 5000 + b"%d," % i * 4999 + (b"yes\n" if i % 3 else b"no\n") for i in range(12)),
    "one long cell": GOOD + b"61," + b"x" * 2_000_000 + b",yes\n",
    "one long quoted cell": GOOD + b'61,"' + b"x,\n" * 700_000 + b'",yes\n',
    "300,000 columns": b",".join([b"1"] * 300_000) + b"\n",
    "duplicate rows": b"a,b,y\n" + b"1,2,yes\n" * 50 + b"1,2,no\n" * 10,
    "gzip": gzip.compress(GOOD),
    "gzip twice": gzip.compress(gzip.compress(GOOD)),
    "gzip cut short": gzip.compress(GOOD * 50)[:-30],
    "gzip with noise": gzip.compress(GOOD * 50)[:60] + b"\x55" * 40,
    "gzip of nothing": gzip.compress(b""),
    "gzip bomb": gzip.compress(b"0" * 50_000_000),
    "xz": lzma.compress(GOOD),
    "bzip2": bz2.compress(GOOD),
    "zip": _zip(t__csv=GOOD),
    "zip of two": _zip(a__csv=GOOD, b__csv=b"p,q\n1,2\n"),
    "zip of nothing": _zip(),
    "zip of pictures": _zip(a__png=b"\x89PNG\r\n\x1a\n", b__png=b"\x89PNG\r\n\x1a\n"),
    "zip cut short": _zip(t__csv=GOOD)[:-40],
    "spreadsheet": _zip(**{"xl/workbook.xml": b"<workbook/>", "[Content_Types].xml": b"<Types/>"}),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)),
    "web page": b"<!DOCTYPE html><html><body><table><tr><td>1</td></tr></table></body></html>",
    "XML": b"<?xml version='1.0'?><rows><row a='1'/></rows>",
    "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.",
    "Parquet cut short": b"PAR1" + b"\0" * 40,
    "Arrow cut short": b"ARROW1\0\0" + b"\0" * 40,
    "random bytes": bytes((i * 7919 + i * i * 31) % 256 for i in range(5000)),
    "JSON lines": b"".join(b'{"a": %d, "y": "%s"}\n' % (i, b"yes" if i % 3 else b"no") for i in range(60)),
    "JSON lines, nested": b'{"a": 1, "y": "no"}\n{"a": {"b": 2}, "y": "yes"}\n',
    "JSON lines, cut short": b'{"a": 1, "y": "no"}\n{"a": 2, "y": "y',
    "JSON lines, mixed": b'{"a": 1, "y": "no"}\n{"a": "x", "y": 3}\n{"b": true}\n' * 20,
    "JSON list": b'[{"a": 1, "y": "no"}, {"a": 2, "y": "yes"}]',
    "JSON list of lists": b"[[1, 2], [3, 4]]",
    "JSON too deep": b"[" * 100_000,
}

_CELLS = st.one_of(
    st.sampled_from(
        ["", "?", "NA", "1", "0", "-1.5", "1e999", "inf", "nan", "1,5", "$3", "12%", "yes", "no", "x", "2020-01-02"]
    ),
    st.text(max_size=6),
    st.integers(-1000, 1000).map(str),
    st.floats().map(str),
)


@st.composite
def nasty_csv(draw: st.DrawFn) -> bytes:
    """Bytes that begin as a table may, with faults sown in: ragged rows, stray quotes, odd bytes, cuts."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " ", "::"]))
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(_CELLS, min_size=width, max_size=width), max_size=25))
    if draw(st.booleans()):
        rows.insert(0, draw(st.lists(st.text(max_size=4), min_size=width, max_size=width)))
    if rows and draw(st.booleans()):
        rows[draw(st.integers(0, len(rows) - 1))] += draw(st.lists(_CELLS, max_size=3))
    end = draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
    quote = draw(st.sampled_from(["", '"', "'"]))
    text = end.join(delimiter.join(f"{quote}{c}{quote}" for c in row) for row in rows) + draw(
        st.sampled_from(["", end])
    )
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-8-sig"])), "surrogatepass")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from([b"\0", b'"', b"\xff", b"\n", b"'", b",", b"\r", b"\x1e"])) + data[at:]
    return gzip.compress(data) if draw(st.integers(0, 9)) == 0 else data
