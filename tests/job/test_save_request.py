"""`--save-request`: what is written to the folder, and that its script sends what `compose` sends."""

import io
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import loopback
import pytest
from conftest import SAMPLES, TOKEN, Done, Run, disk, need
from PIL import Image
from tables import rows, table

from prodia_compose import errors
from prodia_compose.sandbox import server

LINE = ("product.jpg", "scene.jpg", "-p", "put the first image on the second image")
PICTURE = (SAMPLES / "product.jpg").read_bytes()

SHELLS = {
    "dash": ("dash",),
    "bash": ("bash",),
    "bash-posix": ("bash", "--posix"),
    "ash": ("busybox", "ash"),
    "zsh": ("zsh",),
    "zsh-sh": ("zsh", "--emulate", "sh"),
}

AWKWARD: dict[str, str] = table("job/awkward_names")


def send(
    script: Path | str,
    *arguments: str,
    by: Sequence[str] = (),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    **environment: str,
) -> Done:
    """Run a saved script, by its own shebang or by a shell, with a token unless told otherwise."""
    done = subprocess.run(
        [*by, script, *arguments],
        cwd=cwd,
        env={**os.environ, "PRODIA_TOKEN": TOKEN, **(env or {}), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr.decode())


def names(folder: Path) -> list[str]:
    """Return all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return all files under a folder with their bytes, and its folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture(params=SHELLS.values(), ids=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> Sequence[str]:
    """Return each of the shells."""
    found: Sequence[str] = request.param
    need(found[0], is_there=shutil.which(found[0]) is not None)
    return found


@pytest.fixture
def api() -> Iterator[loopback.Server]:
    """Serve a picture to everybody."""
    with loopback.serve([loopback.multipart_ok(PICTURE)]) as serving:
        yield serving


@pytest.fixture
def script(run: Run, work: Path) -> Path:
    """Return the script of a request that was saved to the folder `saved`."""
    assert run("compose", *LINE, "--save-request", "saved").code == 0
    return work / "saved/send.sh"


# What is sent


LINES: dict[str, list[str]] = table("job/lines")


@pytest.fixture
def pictures(work: Path) -> None:
    """Put pictures of odd names and several formats beside the samples."""
    for name in ("a b.jpg", "-x;type=y.jpg", "Ü.jpg"):
        shutil.copy("product.jpg", name)
    Image.new("RGBA", (70, 50), (200, 30, 30, 90)).save("alpha.png")
    Image.new("RGB", (70, 50), (30, 200, 30)).save("photo.webp")
    # Of more than 1 MB curl would ask first whether it may (Expect: 100-continue).
    Image.effect_noise((1400, 1000), 120).convert("RGB").save("large.jpg", quality=98)
    assert Path("large.jpg").stat().st_size > 1 << 20


def headers(request: loopback.Received) -> dict[str, str]:
    """Return a request's headers, but for what only the boundary's choice makes different."""
    found = {name.lower(): str(value) for name, value in request.headers.items()}
    del found["content-length"]
    found["content-type"] = found["content-type"].replace(boundary(request), "BOUNDARY")
    return found


def boundary(request: loopback.Received) -> str:
    """Return what divides the parts of a request."""
    found = request.headers.get_boundary()
    assert found
    return found


def content(request: loopback.Received) -> bytes:
    """Return a request's whole body, its boundary replaced by a word."""
    return request.body.replace(boundary(request).encode(), b"BOUNDARY")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_the_script_sends_what_compose_sends(
    run: Run, work: Path, pictures: None, *, line: list[str], tls: bool
) -> None:
    """Method, path, query, every header and every byte of every part are equal, in the same order."""
    refusal = loopback.json_answer({"error": "no"}, 400)
    with loopback.serve([refusal], tls=tls) as api:
        trusted = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if tls else ()
        trust = dict.fromkeys(trusted, str(api.ca_file))
        there = {"PRODIA_BASE_URL": api.url, "PRODIA_TOKEN": TOKEN, **trust}
        saved = run("compose", "--save-request", "saved", *line, **there)
        assert (saved.code, api.connections) == (0, 0)
        composed = run("compose", *line, **there)
        ran = send("saved/send.sh", env=trust)

    assert (composed.code, ran.code) == (5, 22)
    ours, theirs = api.requests
    assert (theirs.method, theirs.target) == (ours.method, ours.target)
    assert headers(theirs) == headers(ours)
    assert content(theirs) == content(ours)
    for one, other in zip(ours.parts(), theirs.parts(), strict=True):
        assert one == other


def test_the_digest_is_that_of_compose(run: Run, work: Path, api: loopback.Server) -> None:
    """The digest that the report and the script name is the one `compose` reports later."""
    there = {"PRODIA_BASE_URL": api.url, "PRODIA_TOKEN": TOKEN}
    saved = run("validate", *LINE, "--save-request", "saved", "--json", **there)
    digest = json.loads(saved.text)["digest"]
    composed = run("compose", *LINE, "--json", **there)

    assert json.loads(composed.text)["digest"] == digest
    assert digest in Path("saved/send.sh").read_text()


def test_the_sandbox_takes_the_scripts_request(script: Path, sandbox: server.Sandbox) -> None:
    """The sandbox, which parses for itself, draws a picture from what the script sends."""
    ran = send(script, "answer")

    (record,) = sandbox.jobs
    assert (ran.code, ran.out, ran.err) == (0, b"answer\n", "")
    assert record.status == 200
    assert [one.filename for one in record.inputs] == ["product.jpg", "scene.jpg"]


def test_the_picture_comes_out_of_the_answer(script: Path, api: loopback.Server) -> None:
    """The command in the script's comment takes the picture out of the answer, byte for byte."""
    (line,) = (line for line in script.read_text().splitlines() if "perl" in line)
    there = {"PRODIA_BASE_URL": api.url}
    send(script, "ANSWER", env=there)
    command = line.removeprefix("#").replace("FILE", "ANSWER")
    taken = subprocess.run(["sh", "-c", command], capture_output=True, check=True)

    assert taken.stdout == PICTURE


@pytest.mark.parametrize(("name", "picture"), [("out.jpg", "JPEG"), ("out.webp", "WEBP")])
def test_the_bare_picture_can_be_asked_for(
    run: Run, work: Path, sandbox: server.Sandbox, name: str, picture: str
) -> None:
    """With the variable that the script's comment names, the answer is the picture alone."""
    run("compose", *LINE, "-o", name, "--save-request", "saved")
    text = Path("saved/send.sh").read_text()
    accept = text.partition("PRODIA_ACCEPT=")[2].split()[0]
    ran = send("saved/send.sh", "-", PRODIA_ACCEPT=accept)

    with Image.open(io.BytesIO(ran.out)) as image:
        assert image.format == picture


# How the script behaves


def test_any_posix_shell_runs_the_script(
    script: Path, api: loopback.Server, shell: Sequence[str]
) -> None:
    """The script parses and runs in the shells that a /bin/sh is made of."""
    subprocess.run([*shell, "-n", script], check=True)
    there = {"PRODIA_BASE_URL": api.url}
    ran = send(script, "answer", by=shell, env=there)
    again = send(script, "answer", by=shell, env=there)
    streamed = send(script, "-", by=shell, env=there)

    assert (ran.code, ran.out, ran.err) == (0, b"answer\n", "")
    assert (again.code, again.out, again.err.count("\n")) == (2, b"", 1)
    assert (streamed.code, streamed.out) == (0, Path("answer").read_bytes())
    assert api.submissions == 2


def test_shellcheck_has_nothing_to_say(run: Run, work: Path, script: Path) -> None:
    """The script, also that of an async job, holds nothing a linter of shell scripts minds."""
    need("shellcheck", is_there=shutil.which("shellcheck") is not None)
    run("compose", *LINE, "--async", "--save-request", "later")
    subprocess.run(["shellcheck", script, "later/send.sh"], check=True)


@pytest.mark.parametrize("name", AWKWARD.values(), ids=AWKWARD.keys())
def test_folders_of_any_name(run: Run, work: Path, api: loopback.Server, name: str) -> None:
    """The script finds its parts from anywhere, and puts the answer where it was called."""
    done = run("compose", *LINE, f"--save-request={name}")
    assert done.code == 0
    elsewhere = work / "elsewhere" / name
    elsewhere.mkdir(parents=True)
    there = {"PRODIA_BASE_URL": api.url, "CDPATH": "/", "OLDPWD": "/"}
    runs = [
        send(work / name / "send.sh", f"./{name}", cwd=elsewhere, env=there),
        send(f"../../{name}/send.sh", cwd=elsewhere, env=there),
        send("send.sh", by=("sh",), cwd=work / name, env=there),
        send(f"{name}/send.sh", "here", by=("sh", "--"), env=there),
    ]

    assert [(ran.code, ran.err) for ran in runs] == [(0, "")] * 4
    assert runs[0].out == os.fsencode(f"./{name}\n")
    assert names(elsewhere) == sorted([name, "answer.multipart"])
    assert Path(name, "answer.multipart").exists()
    assert Path("here").exists()
    assert len({content(request) for request in api.requests}) == 1
    assert not (work / "x").exists()


@pytest.fixture
def beside(run: Run, script: Path) -> Path:
    """Return the script of the folder `saved`, called from one that holds another request."""
    assert run("compose", "scene.jpg", "-p", "another", "--save-request", "other").code == 0
    return script


def test_the_folder_one_is_in_is_not_sent(
    beside: Path, work: Path, api: loopback.Server, shell: Sequence[str]
) -> None:
    """Called from the folder of another saved request, in any shell, the script sends its own."""
    for path in (str(beside), "../saved/send.sh"):
        ran = send(path, "-", by=shell, cwd=work / "other", PRODIA_BASE_URL=api.url)
        assert (ran.code, ran.err) == (0, "")

    for request in api.requests:
        names = [part.filename for part in request.parts()]
        assert names == ["job.json", "product.jpg", "scene.jpg"]


@pytest.mark.parametrize("link", ["absolute", "relative", "beside-another", "to-a-link"])
def test_a_link_to_the_script_sends_nothing(
    beside: Path, work: Path, api: loopback.Server, link: str, shell: Sequence[str]
) -> None:
    """The folder of a link is not the script's: it is refused in one line, nothing sent or made."""
    called = work / ("other/go" if link == "beside-another" else "go")
    called.symlink_to("saved/send.sh" if link == "relative" else beside)
    if link == "to-a-link":
        called.rename(work / "first")
        called.symlink_to("first")
    before = [names(work), names(work / "other")]
    for path, by in ((str(called), shell), (called.name, shell), (called, ())):
        ran = send(path, by=by, cwd=called.parent, PRODIA_BASE_URL=api.url)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
        assert f"{path}: a link, or not this script; run send.sh itself" in ran.err

    assert api.connections == 0
    assert [names(work), names(work / "other")] == before


def test_a_link_to_the_folder_will_do(
    beside: Path, work: Path, api: loopback.Server, shell: Sequence[str]
) -> None:
    """By way of links to folders, `..` included, the parts are those beside the script."""
    deep = work / "deep"
    (deep / "in").mkdir(parents=True)
    (work / "link").symlink_to("deep/in")
    (deep / "saved").symlink_to("../saved")
    shutil.copytree(work / "other", work / "decoy")
    (deep / "decoy").symlink_to("../saved")
    for path in ("../saved/send.sh", "../decoy/send.sh"):
        # A shell that takes the `..` of `link/..` back by name ends in the decoy.
        command = f'cd "{work}/link" && exec "$@"'
        ran = send(path, "-", by=("sh", "-c", command, "sh", *shell), PRODIA_BASE_URL=api.url)
        assert (ran.code, ran.err) == (0, "")

    for request in api.requests:
        assert [part.filename for part in request.parts()][1:] == ["product.jpg", "scene.jpg"]


@pytest.mark.parametrize(
    "command",
    [". ./send.sh", "sh < ../saved/send.sh", "cat ../saved/send.sh | sh", "bash send.sh"],
    ids=["sourced", "redirected", "piped", "on-the-path"],
)
def test_a_script_that_cannot_tell_where_it_is_sends_nothing(
    beside: Path, work: Path, api: loopback.Server, command: str
) -> None:
    """Where `$0` is no script's path, the parts of the folder one is in are not taken for its own."""
    if command == "bash send.sh":
        (work / "other/send.sh").unlink()  # bash goes on to the PATH
    path = f"{beside.parent}:{os.environ['PATH']}"
    ran = send(command, by=("bash", "-c"), cwd=work / "other", PRODIA_BASE_URL=api.url, PATH=path)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
    assert "not this script; run send.sh itself, by its path" in ran.err
    assert api.connections == 0


@pytest.mark.parametrize(("arguments", "environment", "code", "words"), rows("job/unsendable"))
def test_what_is_found_before_sending(
    script: Path,
    work: Path,
    api: loopback.Server,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    code: int,
    words: str,
) -> None:
    """No place for the answer, no usable token or URL: one line, and nothing sent or made."""
    (work / "taken").write_bytes(b"theirs")
    (work / "folder").mkdir()
    before = tree(work)
    dead = f"http://127.0.0.1:{loopback.closed_port()}"
    there = {"PRODIA_BASE_URL": api.url, "http_proxy": dead, "HTTPS_PROXY": dead, **environment}
    ran = send(script, *arguments, env=there)

    assert (ran.code, ran.out, ran.err.count("\n")) == (code, b"", 1)
    assert words in ran.err
    assert api.connections == 0
    assert tree(work) == before


@pytest.mark.parametrize("name", ["job.json", "scene.jpg"])
def test_a_missing_part_is_told(script: Path, work: Path, api: loopback.Server, name: str) -> None:
    """A part that is gone is named in one line before anything is sent, and no file is made."""
    (script.parent / name).unlink()
    before = tree(work)
    ran = send("saved/send.sh", PRODIA_BASE_URL=api.url)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
    assert f"send.sh: ./saved/{name}: missing, or not readable; save the request" in ran.err
    assert (api.connections, tree(work)) == (0, before)


def test_a_copy_elsewhere_is_told_that_it_is_alone(
    script: Path, work: Path, api: loopback.Server
) -> None:
    """A copy of the script alone sends nothing, and says which part it misses."""
    (work / "bin").mkdir()
    shutil.copy(script, work / "bin/send.sh")
    ran = send(work / "bin/send.sh", PRODIA_BASE_URL=api.url)

    assert (ran.code, ran.err.count("\n"), api.connections) == (2, 1, 0)
    assert f"{work}/bin/job.json: missing" in ran.err


def test_the_token_is_seen_by_nobody(script: Path, work: Path, api: loopback.Server) -> None:
    """The token reaches the service whatever it holds, by no argument, file or trace."""
    token = "to\"ken\\with$odd`things'#&%s\\n"
    spy = work / "spy/curl"
    spy.parent.mkdir()
    spy.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{work}/argv"\nexec {shutil.which("curl")} "$@"\n'
    )
    spy.chmod(0o755)
    ran = send(
        script,
        "-",
        by=("sh", "-x"),
        PATH=f"{spy.parent}:{os.environ['PATH']}",
        PRODIA_TOKEN=f" {token}\r\n",
        PRODIA_BASE_URL=api.url,
    )

    assert ran.code == 0
    assert api.requests[0].headers["Authorization"] == f"Bearer {token}"
    assert "-K\n-\n" in (work / "argv").read_text()
    for seen in ((work / "argv").read_text(), ran.err, script.read_text()):
        assert "to" + '"ken' not in seen
        assert 'to\\"ken' not in seen


def test_curls_own_settings_do_not_interfere(
    script: Path, api: loopback.Server, tmp_path: Path
) -> None:
    """A curlrc, a netrc and a proxy of the user's change nothing on the way to loopback."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".curlrc").write_text("header = X-Odd: yes\nlocation\nnetrc\n")
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    dead = f"http://127.0.0.1:{loopback.closed_port()}"
    ran = send(script, PRODIA_BASE_URL=api.url, http_proxy=dead, ALL_PROXY=dead)

    assert ran.code == 0
    assert "X-Odd" not in api.requests[0].headers
    assert api.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("ending", ["", "/", "/v2", "/v2/", "//", "/ \n"])
def test_the_base_url_is_read_as_the_tool_reads_it(
    script: Path, api: loopback.Server, ending: str
) -> None:
    """A trailing slash, `/v2` and white space around the URL are tolerated."""
    ran = send(script, PRODIA_BASE_URL=api.url + ending)

    assert (ran.code, api.requests[0].target) == (0, "/v2/job?price=true")


def test_the_place_is_that_of_the_save(run: Run, work: Path, api: loopback.Server) -> None:
    """A request saved for another service goes there, unless the environment names one."""
    run("compose", *LINE, "--save-request", "saved", PRODIA_BASE_URL=f"{api.url}/v2/")
    assert send("saved/send.sh", "one").code == 0
    with loopback.serve([loopback.multipart_ok(PICTURE)]) as other:
        assert send("saved/send.sh", "two", PRODIA_BASE_URL=other.url).code == 0

    assert (api.submissions, other.submissions) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (loopback.text("token is invalid", 401), 22, "token is invalid"),
        (loopback.busy("1"), 22, "no capacity"),
        (loopback.busy("1", 503), 22, "no capacity"),
        (loopback.json_answer({"error": "no good"}, 400), 22, "no good"),
        (loopback.early(loopback.text("too large", 413)), 22, "too large"),
        (loopback.text("oh", 500), 22, "oh"),
        (loopback.redirect(302, "/elsewhere"), 47, "redirects"),
        (loopback.drop("after"), 52, "may be billed"),
    ],
    ids=["401", "429", "503", "400", "413", "500", "302", "dropped"],
)
def test_a_refusal_is_told_once(
    script: Path, answer: loopback.Answer, code: int, words: str
) -> None:
    """A refusal ends in a failure with the service's words, sent once, with no file in the way."""
    with loopback.serve([answer]) as api:
        ran = send(script, PRODIA_BASE_URL=api.url)

    assert (ran.code, ran.out, len(api.requests)) == (code, b"", 1)
    assert words in ran.err
    assert not Path("answer.multipart").exists()


def test_no_connection_leaves_nothing(script: Path) -> None:
    """Where nothing was sent, curl's word is the only one, and no file is left."""
    ran = send(script, PRODIA_BASE_URL=f"http://127.0.0.1:{loopback.closed_port()}")

    assert (ran.code, ran.err.count("\n")) == (7, 1)
    assert not Path("answer.multipart").exists()


def test_what_came_of_a_cut_answer_is_kept(script: Path) -> None:
    """An answer that breaks off, which may be paid for, stays as far as it came."""
    whole = loopback.multipart_ok(PICTURE)
    with loopback.serve([loopback.cut(whole, "length")]) as api:
        ran = send(script, PRODIA_BASE_URL=api.url)

    assert ran.code == 18
    assert "may be billed; answer.multipart has what came" in ran.err
    assert whole.body.startswith(Path("answer.multipart").read_bytes())


# What is written


@pytest.mark.parametrize("command", ["compose", "validate"])
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o755), (0o077, 0o700), (0o002, 0o775)])
def test_what_is_in_the_folder(
    run: Run, work: Path, api: loopback.Server, command: str, umask: int, mode: int
) -> None:
    """The folder holds the exact parts and the script, executable as far as the umask lets it."""
    before = os.umask(umask)
    try:
        done = run(command, *LINE, "--save-request", "saved", PRODIA_BASE_URL=api.url)
    finally:
        os.umask(before)
    run("compose", *LINE, PRODIA_BASE_URL=api.url, PRODIA_TOKEN=TOKEN)

    assert (done.code, api.connections) == (0, 1)
    assert names(work / "saved") == ["job.json", "product.jpg", "scene.jpg", "send.sh"]
    for part in api.requests[0].parts():
        assert part.filename is not None
        assert (work / "saved" / part.filename).read_bytes() == part.data
    assert (work / "saved/send.sh").stat().st_mode & 0o777 == mode
    assert (work / "saved/job.json").stat().st_mode & 0o777 == mode & 0o666
    assert (work / "saved").stat().st_mode & 0o777 == mode


def test_nothing_else_is_made(run: Run, work: Path, tmp_path: Path) -> None:
    """No output, no record and no other folder comes of saving a request."""
    run("compose", *LINE, "-o", "a/b.jpg", "--create-dirs", "--save-request", "c/saved")

    assert names(work) == ["c", "product.jpg", "scene.jpg"]
    assert names(work / "c") == ["saved"]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("name", "report", "document"),
    [
        ("a b", "a b; send it with 'a b/send.sh'\n", {"saved_request": "a b"}),
        (
            os.fsdecode(b"red\x1b[31m\xff"),
            "red\\x1b[31m\\xff; send",
            {"saved_request": "red\\x1b[31m\\xff", "saved_request_b64": "cmVkG1szMW3/"},
        ),
    ],
    ids=["plain", "odd"],
)
def test_the_report_names_the_folder(
    run: Run, work: Path, name: str, report: str, document: dict[str, str]
) -> None:
    """Report and JSON say where the request is, with nothing in it that a terminal obeys."""
    done = run("compose", *LINE, "--save-request", name)
    as_json = run("validate", *LINE, "--save-request", name, "-f", "--json")
    unsaved = run("validate", *LINE, "--json")

    assert f"saved    {report}" in done.text
    assert document.items() <= json.loads(as_json.text).items()
    assert json.loads(unsaved.text)["saved_request"] is None


def test_no_part_takes_the_name_of_another_file(run: Run, work: Path, api: loopback.Server) -> None:
    """Pictures that are called as the job and the script are go by other names."""
    for name in ("job.json", "send.sh"):
        shutil.copy("product.jpg", name)
    line = ("job.json", "send.sh", "-p", "the first image and the second image")
    done = run("compose", *line, "--save-request", "saved")

    assert done.code == 0
    assert names(work / "saved") == ["job.jpg", "job.json", "send.jpg", "send.sh"]
    assert send("saved/send.sh", PRODIA_BASE_URL=api.url).code == 0
    assert api.requests[0].job() == json.loads((work / "saved/job.json").read_text())


# Where it is written


@pytest.fixture
def places(work: Path) -> Path:
    """Make folders and files of every kind to write to."""
    for name in ("empty", "full", "holding", "clashing/product.jpg"):
        (work / name).mkdir(parents=True)
    (work / "full/theirs.txt").write_bytes(b"theirs")
    (work / "clashing/send.sh").write_bytes(b"theirs")
    shutil.copy("scene.jpg", "holding")
    (work / "file").write_bytes(b"theirs")
    (work / "linked").symlink_to("empty")
    (work / "loop").symlink_to("loop")
    return work


@pytest.mark.parametrize("arguments", rows("job/places_that_will_do"), ids=" ".join)
def test_places_that_will_do(run: Run, places: Path, arguments: tuple[str, ...]) -> None:
    """A new or empty folder, any folder with -f, and one in missing folders with --create-dirs."""
    done = run("compose", *LINE, "--save-request", *arguments)

    assert done.code == 0
    saved = Path(arguments[0])
    assert {"job.json", "product.jpg", "scene.jpg", "send.sh"} <= set(names(saved))
    assert (places / "full/theirs.txt").read_bytes() == b"theirs"


@pytest.mark.parametrize(("arguments", "code", "words"), rows("job/places_that_will_not_do"))
def test_places_that_will_not_do(
    run: Run, places: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """What cannot become such a folder is refused in one line that names it; nothing is changed."""
    before = tree(places)
    done = run("compose", *LINE, "--save-request", *arguments)

    assert done.code == code
    assert f"error: --save-request {arguments[0]}: " in done.messages
    assert words in done.messages
    assert tree(places) == before


def test_an_address_is_told_without_its_password(run: Run, work: Path) -> None:
    """A folder that is an address is named without password and query, in JSON too."""
    typed = "https://me:p@secret@host/new?key=secret"
    done = run("compose", *LINE, "--save-request", typed)
    as_json = run("compose", *LINE, "--save-request", typed, "--json")

    assert "error: --save-request https://host/new?...: is an address" in done.err
    assert "secret" not in done.err + done.text + as_json.err + as_json.text


def test_a_folder_without_permission(run: Run, work: Path) -> None:
    """A folder that may not be written to is refused before the pictures are looked at."""
    (work / "locked").mkdir(mode=0o555)
    if os.access(work / "locked", os.W_OK):
        pytest.skip("root may write anywhere")
    for folder in ("locked", "locked/new"):
        done = run("compose", *LINE, "--save-request", folder)
        assert (done.code, "not writable; choose another folder" in done.err) == (8, True)


def test_told_together_with_all_else(run: Run, work: Path) -> None:
    """A folder that will not do is told along with other problems, and the first kind decides."""
    done = run("validate", "missing.jpg", "-p", "x", "--save-request", "a/b", "-o", "c/d.jpg")

    assert done.code == 3
    for words in ("missing.jpg", "--save-request a/b", "-o c/d.jpg", "result   3 problems"):
        assert words in done.err + done.text


@pytest.mark.parametrize("options", [("--strict",), ("-o", "no/such.jpg"), ("--max-cost", "0")])
def test_nothing_is_written_where_anything_is_wrong(
    run: Run, work: Path, options: tuple[str, ...]
) -> None:
    """A plan with an error, whatever it is about, leaves no folder behind."""
    done = run("compose", *LINE, "--save-request", "saved", *options)

    assert done.code != 0
    assert names(work) == ["product.jpg", "scene.jpg"]


def test_saving_over_an_earlier_request(run: Run, work: Path, api: loopback.Server) -> None:
    """With -f the same names are replaced, even links; others stay and are not sent."""
    (work / "kept.jpg").write_bytes(b"theirs")
    run("compose", *LINE, "--save-request", "saved")
    (work / "saved/job.json").unlink()
    (work / "saved/job.json").symlink_to("../kept.jpg")
    done = run("compose", "scene.jpg", "-p", "in winter", "--save-request", "saved", "-f")
    ran = send("saved/send.sh", PRODIA_BASE_URL=api.url)

    assert (done.code, ran.code) == (0, 0)
    assert names(work / "saved") == ["job.json", "product.jpg", "scene.jpg", "send.sh"]
    assert [part.filename for part in api.requests[0].parts()] == ["job.json", "scene.jpg"]
    assert (work / "kept.jpg").read_bytes() == b"theirs"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own that has room for one of the pictures only."""
    with disk(tmp_path / "disk", "24k") as folder:
        yield folder


def test_a_full_disk_leaves_nothing(run: Run, work: Path, small_disk: Path) -> None:
    """When the disk fills up the request is not saved, in one line, and new folders are gone."""
    done = run("compose", *LINE, "--save-request", small_disk / "a/b", "--create-dirs")
    as_json = run("compose", *LINE, "--save-request", small_disk / "a", "--json")

    assert (done.code, as_json.code) == (8, 8)
    assert done.messages.count("error:") == 1
    assert f"--save-request {small_disk}/a/b: No space left on device; choose" in done.messages
    assert "result   1 problem" in done.text
    assert json.loads(as_json.text)["saved_request"] is None
    assert json.loads(as_json.text)["ok"] is False
    assert names(small_disk) == []


def test_a_full_disk_leaves_an_earlier_request_whole(
    run: Run, work: Path, small_disk: Path
) -> None:
    """When the disk fills up under -f, all of the request that was there before still is."""
    line = ("product.jpg", "-p", "in winter", "--save-request", str(small_disk))
    assert run("compose", *line).code == 0
    before = tree(small_disk)
    done = run("compose", *LINE, "--save-request", small_disk, "-f")

    assert done.code == 8
    assert tree(small_disk) == before


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (OSError(5, "Input/output error"), 8, "Input/output error; choose another folder"),
        (errors.Interrupted(signal.SIGTERM), 143, "stopped by SIGTERM"),
    ],
    ids=["error", "signal"],
)
def test_a_failure_in_the_last_step_is_undone(
    run: Run,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: BaseException,
    code: int,
    words: str,
) -> None:
    """Files that had their names already go again when another cannot have its own."""
    replace = Path.replace

    def failing(path: Path, target: Path) -> Path:
        if path.name == "scene.jpg":
            raise problem
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    done = run("compose", *LINE, "--save-request", "saved")

    assert (done.code, words in done.messages) == (code, True)
    assert names(work) == ["product.jpg", "scene.jpg"]


def test_a_variable_is_named_in_the_error(run: Run, work: Path) -> None:
    """A folder that came from the environment is told by its variable."""
    done = run("compose", *LINE, PRODIA_COMPOSE_SAVE_REQUEST="a/b")

    assert done.code == 8
    assert "PRODIA_COMPOSE_SAVE_REQUEST a/b: there is no folder" in done.err
