"""Pictures through the whole command: what is refused, how, and what the report says."""

import json
import os
from pathlib import Path

import heif
import origins
import pictures as make
import pytest
from conftest import Run
from PIL import Image

from prodia_compose.sandbox import server

NO_PICTURES: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "empty"),
    "page.jpg": (b"<!DOCTYPE html><html><title>404</title></html>", "HTML"),
    "error.jpg": (b'{"error": "not found"}', "JSON"),
    "pointer.jpg": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
        "LFS",
    ),
    "book.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "film.jpg": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64), "video"),
    "._photo.jpg": (b"\0\x05\x16\x07\0\x02\0\0" + bytes(64), "AppleDouble"),
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC"),
    "vector.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "text.jpg": (b"just some words\n" * 9, "text"),
    "noise.jpg": (bytes(range(7, 256)) * 3, ""),
}


@pytest.mark.parametrize("name", [*NO_PICTURES, *make.bombs()])
def test_what_is_no_picture_is_named(run: Run, work: Path, name: str) -> None:
    """Every file that is no usable picture: exit 3, one line with its name and the reason."""
    data, word = NO_PICTURES.get(name) or (make.bombs()[name], "damaged")
    (work / name).write_bytes(data)
    done = run("validate", name, "product.jpg", "-p", "both", PRODIA_TOKEN="any")
    errors = [line for line in done.messages.splitlines() if "error: " in line]

    assert done.code == 3
    assert len(done.messages.splitlines()) == len(errors) == 1
    assert name in errors[0]
    assert word.lower() in errors[0].lower()


@pytest.mark.parametrize("kind", ["fifo", "device", "loop", "dangling", "socket", "unreadable"])
def test_what_is_no_file_does_not_hang(run: Run, work: Path, kind: str) -> None:
    """FIFOs, devices, sockets and bad links are refused by their kind, without opening them."""
    name = "odd.jpg"
    if kind == "fifo":
        os.mkfifo(name)
    elif kind == "device":
        name = "/dev/zero"
    elif kind == "loop":
        Path(name).symlink_to(name)
    elif kind == "dangling":
        Path(name).symlink_to("gone")
    elif kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
    else:
        Path(name).write_bytes(b"")
        Path(name).chmod(0)
        if os.access(name, os.R_OK):
            pytest.skip("root can read anything")
    done = run("validate", name, "-p", "x", PRODIA_TOKEN="any")

    assert done.code == 3
    assert [
        line for line in done.messages.splitlines() if name in line
    ] == done.messages.splitlines()


def test_one_bad_image_does_not_hide_the_next(run: Run, work: Path) -> None:
    """Each bad image is told, and the good one is in the report."""
    (work / "page.jpg").write_bytes(NO_PICTURES["page.jpg"][0])
    (work / "cut.jpg").write_bytes((work / "scene.jpg").read_bytes()[:9000])
    done = run("validate", "page.jpg", "product.jpg", "cut.jpg", "-p", "x", "--json")
    plan = json.loads(done.out)

    assert done.code == 3
    assert [error["path"] for error in plan["errors"]] == ["page.jpg", "cut.jpg"]
    assert [image["path"] for image in plan["images"]] == ["product.jpg", "cut.jpg"]


def test_a_picture_too_long_for_a_jpeg_is_named(run: Run, work: Path) -> None:
    """Where it has to be encoded anew in its own size; a little smaller, it is sent."""
    Image.new("RGBA", (66_000, 2), (255, 0, 0, 99)).save(work / "long.png")
    command = ("validate", "long.png", "-p", "this", "-m", "seedream-5-lite", "--max-side")

    done = run(*command, "70000", PRODIA_TOKEN="any")

    assert done.code == 3
    assert done.messages.splitlines()[-1] == (
        "prodia-compose: error: long.png: would be a JPEG of 66000x2 pixels, and none is longer "
        "than 65500; let it be resized, with --max-side 65500 or less"
    )
    assert run(*command, "65500", PRODIA_TOKEN="any").code == 0


def test_every_change_is_reported(run: Run, work: Path) -> None:
    """`validate` tells what was found, what is sent, and each change with its reason."""
    sideways = make.photo((3000, 2500))
    sideways.save(work / "phone.jpg", exif=make.exif(6))
    Image.new("RGBA", (50, 40), (255, 0, 0, 99)).save(work / "logo.png")
    done = run("validate", "phone.jpg", "logo.png", "-p", "both", PRODIA_TOKEN="any")
    plan = json.loads(
        run("validate", "phone.jpg", "logo.png", "-p", "both", "--json", PRODIA_TOKEN="any").out
    )

    assert done.code == 0
    assert "1 phone.jpg 2500x3000 -> 1707x2048 (" in done.text
    phone, logo = (" | ".join(image["changes"]) for image in plan["images"])
    assert "2500x3000 -> 1707x2048 (limit: 2048 px a side)" in phone
    assert "rotated" in phone
    assert "metadata removed" in phone
    assert "white" in logo
    assert plan["images"][0]["sent_width"] == 1707


def test_a_heic_needs_no_extra(run: Run, work: Path) -> None:
    """It is read with what every installation has, and told as what it is."""
    (work / "phone.heic").write_bytes(heif.heic(heif.nclx(12, 13), heif.rotation(3)))
    done = run("validate", "phone.heic", "-p", "this", PRODIA_TOKEN="any")

    assert done.code == 0
    assert "1 phone.heic 64x128 HEIF: rotated, Display P3 -> sRGB, HEIC -> JPEG" in done.text


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        (("-m", "flux-2-pro"), None),
        (("-m", "nano-banana"), [(2048, 1536), (800, 600)]),
        (("-m", "nano-banana", "--max-side", "1000"), [(1000, 750), (800, 600)]),
        (("-m", "nano-banana", "--max-side", "4000"), [(4000, 3000), (800, 600)]),
        (("-m", "nano-banana", "--max-pixels", "120000"), [(400, 300), (400, 300)]),
        (("-m", "nano-banana", "--no-resize"), [(4000, 3000), (800, 600)]),
    ],
)
def test_caps_and_the_options_that_move_them(
    run: Run, work: Path, options: tuple[str, ...], sizes: list[tuple[int, int]] | None
) -> None:
    """Options may lower any cap and raise the house's; small images stay whole."""
    Image.new("RGB", (4000, 3000), (1, 2, 3)).save(work / "large.png")
    Image.new("RGB", (800, 600), (1, 2, 3)).save(work / "small.png")
    done = run("validate", "large.png", "small.png", "-p", "x", "--json", *options)
    sent = [(i["sent_width"], i["sent_height"]) for i in json.loads(done.out)["images"]]

    assert done.code == 0
    if sizes is not None:
        assert sent == sizes
    else:
        assert sum(width * height for width, height in sent) <= 9_000_000
        assert sent[1] == (800, 600)


def test_no_resize_refuses_only_documented_caps(run: Run, work: Path) -> None:
    """Over 9 MP for FLUX.2 [pro] is an error under `--no-resize`, over a house cap a warning."""
    Image.new("RGB", (4000, 3000), (1, 2, 3)).save(work / "large.png")
    common = ("validate", "large.png", "product.jpg", "-p", "x", "--no-resize", "--json")
    pro = json.loads(run(*common, "-m", "flux-2-pro").out)
    nano = json.loads(run(*common).out)

    assert [error["exit_code"] for error in pro["errors"]] == [3]
    assert "9 MP" in pro["errors"][0]["message"]
    assert "over-cap" in [warned["code"] for warned in nano["warnings"]]
    assert nano["ok"] is True


def test_small_images_are_warned_of_and_never_enlarged(run: Run, work: Path) -> None:
    """Below the vendor's smallest side a warning comes; the image goes as it is."""
    Image.new("RGB", (40, 30), (1, 2, 3)).save(work / "tiny.png")
    plan = json.loads(
        run("validate", "tiny.png", "-p", "x", "-m", "flux-2-pro", "--json", PRODIA_TOKEN="t").out
    )

    assert [warned["code"] for warned in plan["warnings"]] == ["small-image"]
    assert (plan["images"][0]["sent_width"], plan["images"][0]["sent_height"]) == (40, 30)


def test_marks_of_origin_that_are_not_sent_are_told_once(run: Run, work: Path) -> None:
    """Inputs with C2PA are named in one warning, the same one twice or not; others are not."""
    for name in origins.FORMATS:
        (work / f"marked.{name.lower()}").write_bytes(origins.carrying(name, origins.store()))
    broken = origins.carrying("PNG", origins.store()[:-1])
    (work / "broken.png").write_bytes(broken)
    marked = ["marked.jpeg", "marked.png", "marked.webp"]
    line = ("product.jpg", *marked, "marked.png", "broken.png", "-p", "x", "-m", "seedream-5-lite")
    done = run("validate", *line, "--no-lint", PRODIA_TOKEN="t")
    strict = run("validate", *line, "--no-lint", "--strict", PRODIA_TOKEN="t")

    assert done.err == (
        "prodia-compose: warning: marked.jpeg, marked.png, marked.webp: C2PA marks of origin are "
        "not in what is sent [c2pa-not-sent]\n"
    )
    assert (done.code, strict.code) == (0, 3)
    assert "c2pa-not-sent" not in run("validate", "product.jpg", "-p", "x").err


@pytest.mark.parametrize(
    ("options", "is_told"),
    [
        ((), True),
        (("--keep-metadata",), False),
        (("--keep-metadata", "--max-side", "20"), True),
    ],
)
def test_marks_of_origin_that_are_sent_are_not_told(
    run: Run, work: Path, options: tuple[str, ...], *, is_told: bool
) -> None:
    """Where the bytes go as they lie, the marks go with them; made smaller, they do not."""
    for name in origins.FORMATS:
        (work / "marked").write_bytes(origins.carrying(name, origins.store()))
        done = run("validate", "marked", "-p", "x", *options, "--json", PRODIA_TOKEN="t")
        codes = [warned["code"] for warned in json.loads(done.out)["warnings"]]

        assert ("c2pa-not-sent" in codes) is is_told


def test_a_batch_tells_of_marks_of_origin_once(run: Run, work: Path) -> None:
    """Before its rows are sent, and not for each of them again."""
    (work / "marked.jpg").write_bytes(origins.carrying("JPEG", origins.store()))
    (work / "rows.jsonl").write_text(
        "".join(f'{{"images": ["marked.jpg"], "prompt": "{n}", "id": "{n}"}}\n' for n in range(3))
    )
    done = run("batch", "rows.jsonl", "--sandbox")

    assert done.code == 0, done.err
    assert done.err.count("c2pa-not-sent") == 1


def test_nothing_private_leaves(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """What is sent holds none of the secrets of the file, unless it is asked to."""
    (work / "told.jpg").write_bytes(make.talkative_jpeg(make.quarters()))
    private = run("compose", "told.jpg", "-p", "x", "--json")
    kept = run("compose", "told.jpg", "-p", "x", "--json", "-f", "--keep-metadata")
    one, two = (json.loads(done.out)["images"][0] for done in (private, kept))

    assert one["sent_bytes"] < two["sent_bytes"]
    assert "metadata removed" in one["changes"]
    assert "metadata removed" not in two["changes"]
