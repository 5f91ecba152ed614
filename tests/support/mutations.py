"""Answers with pictures in them, each odd in its own way: legal ones, and damaged ones.

`answer(seed)` is the same for a seed whoever calls it. It shares no code with the package, so
that one cannot hide the other's mistakes.
"""

import base64
import functools
import gzip
import io
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

Make = Callable[[random.Random], bytes]


@dataclass(kw_only=True)
class Mutated:
    """An answer.

    Attributes:
        wire: Its bytes, to the end of the connection.
        pictures: Those that are whole in it.
        is_legal: Whether all of them must be saved; else, whether saved or kept.
        oddities: What is odd about it, for whoever looks into a failure.
    """

    wire: bytes
    pictures: list[bytes]
    is_legal: bool = True
    oddities: list[str] = field(default_factory=list)


@functools.cache
def pictures() -> tuple[bytes, ...]:
    """Return a few pictures, of 300 bytes to 150 kB."""
    noise = random.Random(7)
    found = []
    for format_, side in (("JPEG", 16), ("PNG", 16), ("WEBP", 24), ("JPEG", 90), ("PNG", 200)):
        image = Image.frombytes("RGB", (side, side), noise.randbytes(side * side * 3))
        file = io.BytesIO()
        image.save(file, format_)
        found.append(file.getvalue())
    return tuple(found)


class _Answer:
    """An answer in the making."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.oddities: list[str] = []
        several = self.chance.sample(pictures(), self.chance.choice([1, 1, 1, 2, 3]))
        self.pictures = several
        self.content_type = ""
        self.fields: list[bytes] = []

    def odd(self, name: str, probability: float = 0.15) -> bool:
        """Decide whether the answer is odd in this way."""
        is_odd = self.chance.random() < probability
        if is_odd:
            self.oddities.append(name)
        return is_odd

    def one(self, name: str, *choices: str) -> str:
        """Decide for one of several ways, mostly the first."""
        chosen = choices[0] if self.chance.random() < 0.5 else self.chance.choice(choices)
        if chosen != choices[0]:
            self.oddities.append(f"{name} {chosen}")
        return chosen

    # The body

    def body(self) -> bytes:
        """Return a bare picture, or several parts."""
        if len(self.pictures) == 1 and self.odd("bare", 0.35):
            self.content_type = self.one("type", "image/jpeg", "", "application/octet-stream", "text/html", "IMAGE/PNG; x=y")  # fmt: skip
            return self.pictures[0]
        return self._parts()

    def _parts(self) -> bytes:
        boundary = self.one("boundary", "BB", "B" * 70, "=_B/b:'(+)?", "a b", "----WebKit7MA4")
        shown = f'"{boundary}"' if self.odd("quoted", 0.4) or not boundary.isalnum() else boundary
        kind = self.one("multipart", "form-data", "mixed", "related", "FORM-DATA; charset=utf-8")
        self.content_type = f"multipart/{kind}; boundary={shown}"
        if self.odd("boundary not told", 0.05):
            self.content_type = "multipart/form-data"
        line = b"\n" if self.odd("line feeds only") else b"\r\n"
        mark = b"--" + boundary.encode()
        pad = b" \t" if self.odd("blanks behind the boundary") else b""
        parts = [self._part(picture, line) for picture in self.pictures]
        job = [b'Content-Disposition: form-data; name="job"', b"Content-Type: application/json"]
        record = line.join([*job, b"", b'{"id":"J","state":{"current":"completed"}}'])
        parts.insert(
            self.chance.randrange(len(parts) + 1) if self.odd("job elsewhere") else 0, record
        )
        if self.odd("a text"):
            parts.append(line.join([b"Content-Type: text/plain", b"", b"as you asked"]))
        body = b"".join(mark + pad + line + part + line for part in parts) + mark + b"--"
        if self.odd("preamble"):
            body = b"This is a message in MIME." + line + body
        if not self.odd("no last line break"):
            body += line
            body += b"the end" + line if self.odd("epilogue") else b""
        return body

    def _part(self, picture: bytes, line: bytes) -> bytes:
        disposition = self.one("disposition", 'form-data; name="output"; filename="o.jpg"', "", "attachment", "form-data; name=output", "inline; filename*=UTF-8''a")  # fmt: skip
        fields = [f"Content-Disposition: {disposition}".encode()] if disposition else []
        media_type = self.one(
            "part's type", "image/jpeg", "", "application/octet-stream", "image/png; a=b"
        )
        fields += [f"Content-Type: {media_type}".encode()] if media_type else []
        data = picture
        if self.odd("part in base64", 0.05):
            fields.append(b"Content-Transfer-Encoding: base64")
            data = base64.encodebytes(picture).replace(b"\n", line)
        elif self.odd("part in gzip", 0.05):
            fields.append(b"Content-Encoding: gzip")
            data = gzip.compress(picture)
        if self.odd("part's length"):
            wrong = self.chance.choice([0, 5, len(data), len(data) * 2])
            fields.append(b"Content-Length: %d" % wrong)
        if self.odd("part's headers many", 0.05):
            fields += [b"X-%d: y" % number for number in range(60)]
        if self.odd("part's headers in odd case"):
            fields = [one.swapcase().replace(b"IMAGE/JPEG", b"image/JPEG") for one in fields]
        if self.odd("header folded", 0.1):
            fields.append(b"X-Folded: a" + line + b"\tb")
        self.chance.shuffle(fields)
        return line.join([*fields, b"", data])

    # How it is sent

    def coded(self, body: bytes) -> bytes:
        """Return the body as it is coded, or said to be."""
        coding = self.one(
            "coding", "", "", "gzip", "deflate", "bare deflate", "gzip, gzip", "plain"
        )
        if not coding:
            return body
        if coding == "plain":
            shown = self.chance.choice(["gzip", "deflate", "br", "identity", "zstd, gzip"])
        else:
            shown = coding.removeprefix("bare ")
            for each in coding.split(", "):
                body = {
                    "gzip": gzip.compress,
                    "deflate": zlib.compress,
                    "bare deflate": lambda data: zlib.compress(data)[2:-4],
                }[each](body)
            if shown != "deflate" and self.odd("junk behind gzip", 0.2):
                body += b"junk" * 10
        self.fields.append(f"Content-Encoding: {shown}".encode())
        return body

    def framed(self, body: bytes) -> bytes:
        """Return the body as it is framed."""
        framing = self.one("framing", "length", "chunked", "close", "wrong length", "not chunked")
        if framing == "chunked":
            self.fields.append(b"Transfer-Encoding: chunked")
            most = self.chance.choice([7, 1000, 1 << 20])
            pieces = [body[at : at + most] for at in range(0, len(body), most)]
            more = b";a=b" if self.odd("chunk extension", 0.3) else b""
            trailer = b"X-T: 1\r\n" if self.odd("trailer", 0.3) else b""
            sent = b"".join(b"%x%b\r\n%b\r\n" % (len(one), more, one) for one in pieces)
            return sent + b"0\r\n" + trailer + b"\r\n"
        if framing == "not chunked":
            self.fields.append(b"Transfer-Encoding: chunked")
        if framing in ("length", "not chunked"):
            self.fields.append(b"Content-Length: %d" % len(body))
        if framing == "wrong length":
            wrong = self.chance.choice(
                [b"0", b"7", b"", b"x", b"-1", b"5, 6", b"%d" % (len(body) // 2)]
            )
            self.fields.append(b"Content-Length: " + wrong)
        return body

    def head(self) -> bytes:
        """Return the head, and whatever comes before it."""
        if self.content_type:
            self.fields.append(f"Content-Type: {self.content_type}".encode())
        if self.odd("many headers", 0.05):
            self.fields += [
                b"X-%d: v" % number for number in range(self.chance.choice([120, 5000]))
            ]
        if self.odd("a long header", 0.05):
            self.fields.append(b"X-Long: " + b"y" * 100_000)
        if self.odd("odd header", 0.1):
            self.fields.append(
                self.chance.choice([b"nonsense", b": x", b"X-\xc3\xa9: \xff", b"X: a\r\n b"])
            )
        self.chance.shuffle(self.fields)
        line = b"\n" if self.odd("head with line feeds", 0.05) else b"\r\n"
        status = self.one("status", "HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 201 Created", "HTTP/1.0 200 OK", "HTTP/1.1 200 \xff\xfe")  # fmt: skip
        head = line.join([status.encode("latin-1"), *self.fields, b"", b""])
        interim = self.one(
            "interim", "", "100 Continue", "102 Processing", "103 Early Hints", "199 Odd"
        )
        if interim:
            head = (
                f"HTTP/1.1 {interim}\r\nLink: <a>\r\n\r\n".encode() * self.chance.choice([1, 3])
                + head
            )
        return head

    # Damage

    def damaged(self, wire: bytes) -> bytes:
        """Return the answer with something wrong."""
        how = self.chance.choice(
            ["cut", "flip", "flip", "flip", "insert", "delete", "repeat", "head"]
        )
        at, size = self._place(wire), self.chance.choice([1, 2, 20, 2000])
        self.oddities.append(f"{how} {size} at {at}")
        if how == "cut":
            return wire[: self.chance.randrange(len(wire))]
        if how == "head":
            return wire[at:]
        if how == "flip":
            changed = bytes(
                byte ^ self.chance.choice([1, 2, 32, 128]) for byte in wire[at : at + size]
            )
            return wire[:at] + changed + wire[at + size :]
        if how == "insert":
            return wire[:at] + self.chance.randbytes(size) + wire[at:]
        if how == "delete":
            return wire[:at] + wire[at + size :]
        return wire[: at + size] + wire[at:]

    def _place(self, wire: bytes) -> int:
        """Return where the damage is: often where it matters, outside of pictures."""
        edges = [wire.find(picture) for picture in self.pictures]
        edges += [edge + len(picture) for edge, picture in zip(edges, self.pictures, strict=True)]
        edges = [0, *(edge for edge in edges if edge >= len(self.pictures[0]) // 99)]
        near = self.chance.choice(edges) + self.chance.randrange(-120, 120)
        anywhere = self.chance.randrange(len(wire))
        return min(len(wire) - 1, max(0, near)) if self.chance.random() < 0.7 else anywhere


def answer(seed: int) -> Mutated:
    """Return the answer of a seed; half of them are damaged."""
    made = _Answer(seed)
    body = made.framed(made.coded(made.body()))
    wire = made.head() + body
    if made.chance.random() < 0.5:
        return Mutated(wire=wire, pictures=made.pictures, oddities=made.oddities)
    wire = made.damaged(wire)
    whole = [picture for picture in made.pictures if picture in wire]
    return Mutated(wire=wire, pictures=whole, is_legal=False, oddities=made.oddities)
