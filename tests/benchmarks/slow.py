"""A service on loopback that takes its time, for hundreds of jobs at once, in a process of its own.

    python slow.py SECONDS

Prints its address, and answers each job with a picture after so many seconds. It stands on
asyncio, so that hundreds that wait cost it next to nothing beside what is measured.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parent.parent
_PIECE_BYTES: Final = 1 << 18


@contextmanager
def serve(seconds: float) -> Iterator[str]:
    """Give the address of a service that takes so long for each job."""
    argv = [sys.executable, str(Path(__file__)), str(seconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, answer: bytes
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    left = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while left and (piece := await reader.read(min(left, _PIECE_BYTES))):
        left -= len(piece)
    await asyncio.sleep(seconds)
    writer.write(answer)
    writer.close()


async def _main(seconds: float) -> None:
    sys.path.append(str(_TESTS / "support"))
    import loopback

    found = loopback.multipart_ok((_TESTS / "images/product.jpg").read_bytes())
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(found.body)}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in found.headers.items()]
    answer = "\r\n".join(head).encode() + b"\r\n\r\n" + found.body
    server = await asyncio.start_server(
        lambda reader, writer: _answer(reader, writer, seconds, answer),
        "127.0.0.1",
        limit=_PIECE_BYTES,
        backlog=1024,
    )
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
