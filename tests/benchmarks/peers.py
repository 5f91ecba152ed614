"""What people would use instead, where it is installed, and whether it is what it says."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SDK_VERSION: Final = "1.6.0"


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to compare with; asked for its version, it `says` what no other program does."""

    name: str
    commands: tuple[str, ...]
    asked: str
    says: str
    package: str


VIPS: Final = Peer("vips", ("vipsthumbnail",), "--vips-version", "libvips", "libvips-tools")
IMAGEMAGICK: Final = Peer(
    "ImageMagick", ("magick", "convert"), "-version", "ImageMagick", "imagemagick"
)
GRAPHICSMAGICK: Final = Peer(
    "GraphicsMagick", ("gm",), "version", "GraphicsMagick", "graphicsmagick"
)
CURL: Final = Peer("curl", ("curl",), "--version", "libcurl", "curl")
NODE: Final = Peer("Node", ("node",), "--version", "v", "nodejs")


class Peers:
    """The peers that were looked for, each once, and a line for each that is `missing`."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._found: dict[str, str | None] = {}

    def path(self, peer: Peer) -> str | None:
        """Return where a program is, or None where there is none, or another of its name."""
        if peer.name not in self._found:
            self._found[peer.name] = next(_genuine(peer), None)
            if self._found[peer.name] is None:
                self.missing.append(f"{peer.name}: install {peer.package}")
        return self._found[peer.name]

    def sdk(self) -> str | None:
        """Return the folder of Node's modules that has the vendor's SDK, or None."""
        modules = Path(os.environ.get("PRODIA_JS_SDK", "nowhere"), "node_modules").absolute()
        manifest = modules / "prodia" / "package.json"
        if self.path(NODE) is None:
            return None
        if manifest.exists() and json.loads(manifest.read_text())["version"] == SDK_VERSION:
            return str(modules)
        line = f"SDK: npm install prodia@{SDK_VERSION}, and its folder in $PRODIA_JS_SDK"
        if line not in self.missing:
            self.missing.append(line)
        return None

    def reads_heic(self) -> bool:
        """Tell whether vips was built with HEIC; it can be left out."""
        vips = self.path(VIPS)
        if vips is None:
            return False
        listed = _output(str(Path(vips).with_name("vips")), "list", "classes")
        if "heifload" in listed:
            return True
        self.missing.append("vips with HEIC: install one built with libheif")
        return False


def _genuine(peer: Peer) -> Iterator[str]:
    """Yield the places of a program in PATH, without those that only go by its name."""
    for command in peer.commands:
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            path = shutil.which(command, path=folder)
            if path is not None and _is_binary(path) and peer.says in _output(path, peer.asked):
                yield path


def _is_binary(path: str) -> bool:
    """Tell whether a file is a program itself, not a script that stands in for one."""
    with Path(path).open("rb") as file:
        return file.read(2) != b"#!"


def _output(*command: str) -> str:
    """Return what a command says; nothing if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr
