"""Wrong command lines of `compose`, each with its exit code and a pattern of its message."""

from pathlib import Path

GOOD = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

BAD_LINES: list[tuple[str, tuple[str, ...], int, str]] = [
    ("missing file", ("gone.jpg", "-p", "x"), 3, r"gone\.jpg: no such file"),
    ("not an image", ("page.jpg", "-p", "x"), 3, r"page\.jpg: .*HTML"),
    ("empty file", ("empty.jpg", "-p", "x"), 3, r"empty\.jpg: .*empty"),
    ("cut image", ("cut.jpg", "-p", "x"), 3, r"cut\.jpg: .*(cut short|truncated|damaged)"),
    ("folder", (".", "-p", "x"), 3, r"is a folder; .*find \. -type f -print0"),
    ("too many", (*["product.jpg"] * 4, "-p", "x"), 3, r"4 images; nano-banana takes at most 3"),
    ("missing list", ("-T", "gone.txt", "-p", "x"), 3, r"-T gone\.txt: no such file"),
    ("NUL without -0", ("-T", "nul.txt", "-p", "x"), 3, r"did you mean -0"),
    ("unknown model", (*GOOD, "-m", "nano-bananna"), 2, r"did you mean nano-banana\?"),
    (
        "single-input model",
        (*GOOD, "-m", "inference.flux-kontext.pro.img2img.v1"),
        2,
        r"takes one image only",
    ),
    (
        "bad width",
        (*GOOD, "-m", "flux-2-pro", "--width", "1023"),
        2,
        r"--width 1023: must be a multiple of 16; the nearest is 1024",
    ),
    (
        "steps out of range",
        (*GOOD, "-m", "flux-2-flex", "--steps", "60"),
        2,
        r"--steps 60: flux-2-flex takes 1 to 50",
    ),
    ("refused setting", (*GOOD, "--seed", "1"), 2, r"nano-banana does not take seed"),
    ("no prompt", ("product.jpg",), 2, r"no prompt"),
    ("empty prompt", ("product.jpg", "-p", " "), 2, r"the prompt is empty"),
    ("two prompts", (*GOOD, "--prompt-file", "list.txt"), 2, r"give one of them"),
    ("no images", ("-p", "x"), 2, r"no images"),
    ("two users of stdin", ("-", "-T", "-", "-p", "x"), 2, r"both read standard input"),
    ("-0 without a list", (*GOOD, "-0"), 2, r"-0: .*-T"),
    ("label of odd letters", ("-i", "1st=product.jpg", "-p", "x"), 2, r"-i NAME=PATH"),
    ("unknown label", ("-i", "mug=product.jpg", "-p", "{mgu}"), 2, r"did you mean \{mug\}"),
    ("bad suffix", (*GOOD, "-o", "out.gif"), 2, r"no such format as \.gif"),
    ("format clash", (*GOOD, "-o", "out.jpg", "--format", "png"), 2, r"asks for jpg"),
    ("reserved --set", (*GOOD, "--set", "prompt=x"), 2, r"--set prompt: not a setting"),
    (
        "--set twice",
        (*GOOD, "--set", "include_messages=true", "--set", "include_messages=true"),
        2,
        r"already given",
    ),
    ("unknown option", (*GOOD, "--promt", "x"), 2, r"--promt; did you mean --prompt\?$"),
    ("start of an option", (*GOOD, "--aspect", "16:9"), 2, r"did you mean --aspect-ratio\?$"),
    ("like no option", (*GOOD, "--bogus"), 2, r"--bogus; see prodia-compose \w+ --help$"),
    ("not a number", (*GOOD, "--width", "wide"), 2, r"--width"),
    ("not finite", (*GOOD, "--guidance", "nan", "-m", "flux-2-flex"), 2, r"must be a number"),
    ("bad colour", (*GOOD, "--background", "mauve"), 2, r"#RRGGBB"),
    ("force and fail", (*GOOD, "-f", "--if-exists", "fail"), 2, r"-f and --if-exists"),
    ("json and bytes", (*GOOD, "--json", "-o", "-"), 2, r"--json and -o -: both"),
    ("json and stdout", (*GOOD, "--json", "-o", "/dev/stdout"), 2, r"both write to stdout"),
    ("missing token file", (*GOOD, "--token-file", "gone"), 4, r"--token-file gone: no such file"),
    ("empty token file", (*GOOD, "--token-file", "empty.jpg"), 4, r"holds no token"),
    ("output taken", (*GOOD, "-o", "taken.jpg"), 8, r"taken\.jpg: exists already"),
    ("output is an input", (*GOOD, "-o", "scene.jpg"), 8, r"is the input scene\.jpg"),
    ("output is a folder", (*GOOD, "-o", "."), 8, r"-o \.: is a folder"),
    ("no such folder", (*GOOD, "-o", "no/out.jpg"), 8, r"--create-dirs"),
    ("too dear", (*GOOD, "--max-cost", "0.01"), 12, r"\$0\.039"),
    ("price unknown", (*GOOD, "-m", "seedream-5-lite", "--max-cost", "9"), 12, r"unknown"),
    ("strict", (*GOOD, "--width", "512", "--strict"), 3, r"\(--strict\)"),
    ("other address", ("ftp://h/a.jpg", "-p", "x"), 3, r"ftp addresses are not supported"),
    ("unexpanded home", ("~/a.jpg", "-p", "x"), 3, r"~ is not expanded here"),
    ("address as output", (*GOOD, "-o", "http://h/a.jpg"), 8, r"is an address; name a file"),
    ("prompt twice", (*GOOD, "-p", "y"), 2, r"--prompt: given 2 times"),
    ("prompt forgotten", ("product.jpg", "-p", "-f"), 2, r"--prompt -f: is an option"),
    ("empty model", (*GOOD, "-m", ""), 2, r"--model '': is empty"),
    ("empty operand", ("", "-p", "x"), 3, r"'': an empty name"),
    ("odd digits", (*GOOD, "--width", "1_024"), 2, r"--width 1_024: must be a whole number"),
    ("huge number", (*GOOD, "--set", "x=1e999"), 2, r"--set x: holds too large a number"),
    (
        "prefixed key",
        (*GOOD, "--set", "config.x=1"),
        2,
        r"--set config\.x: a KEY is without config\.; write x alone",
    ),
]


def litter(work: Path) -> None:
    """Put the files beside the samples that wrong lines name."""
    (work / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (work / "empty.jpg").write_bytes(b"")
    (work / "cut.jpg").write_bytes((work / "scene.jpg").read_bytes()[:20_000])
    (work / "taken.jpg").write_bytes(b"mine")
    (work / "nul.txt").write_bytes(b"product.jpg\0scene.jpg\0")
    (work / "list.txt").write_text("a prompt")
