"""What the environment says of TLS: what is trusted, and what keeps it from working."""

import os
import ssl
from pathlib import Path

import certifi
import loopback
import pytest
import submitting
from submitting import PICTURE

from prodia_compose.client.transport import trust


@pytest.fixture
def bundle() -> Path:
    """Return a file with a certificate in it."""
    with loopback.serve([loopback.ok(b"")], tls=True) as server:
        assert server.ca_file is not None
        Path("ca.pem").write_bytes(server.ca_file.read_bytes())
    return Path("ca.pem")


def test_nothing_is_wrong_with_what_is_there(bundle: Path) -> None:
    """A bundle with a certificate, a folder with one under its hash, and no bundle at all."""
    Path("hashed").mkdir()
    Path("hashed/0a1b2c3d.0").touch()

    assert [trust.fault(verify) for verify in (True, False, str(bundle), "hashed")] == [None] * 4


@pytest.mark.parametrize(
    "name", ["0a1b2c3d", "0a1b2c3d.pem", "0A1B2C3D.0", "x0a1b2c3d.0", "0a1b2c3d.0x"]
)
def test_a_folder_needs_names_by_hash(name: str) -> None:
    """Others are not looked at by OpenSSL."""
    Path("certs").mkdir()
    (Path("certs") / name).touch()

    shown = trust.fault("certs")
    assert shown is not None
    assert shown.endswith(
        "names certs, which holds no certificate under its hash (`openssl rehash` makes those names)"
    )


def test_a_pipe_is_not_read_again() -> None:
    """What was in it has been read: to open it would wait for ever."""
    os.mkfifo("pipe")

    assert trust.fault("pipe") is None


@pytest.mark.parametrize(
    "names",
    [("REQUESTS_CA_BUNDLE",), ("CURL_CA_BUNDLE",), ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")],
)
def test_the_variable_that_counts_is_named(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of those that are set."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, "gone.pem")

    assert trust.fault("gone.pem") == f"{names[0]} names gone.pem, which does not exist"


def test_a_file_for_keys_is_looked_at_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """With variables in its name; one that can be written is not emptied."""
    Path("keys").write_text("old", encoding="ascii")
    monkeypatch.setenv("WHERE", str(Path.cwd()))
    monkeypatch.setenv("SSLKEYLOGFILE", "$WHERE/keys")
    assert trust.fault(verify=True) is None
    assert Path("keys").read_text(encoding="ascii") == "old"

    monkeypatch.setenv("SSLKEYLOGFILE", "$WHERE/gone/keys")
    shown = f"SSLKEYLOGFILE names {Path.cwd()}/gone/keys, which cannot be written"
    assert trust.fault(verify=True) == f"{shown} (No such file or directory)"


def test_a_bundle_is_read_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    """It is a twentieth of a second for each job otherwise; one that is mended counts at once."""
    own = tmp_path / "bundle.pem"
    usual = Path(certifi.where()).read_bytes()
    own.write_bytes(usual)
    with loopback.serve([loopback.multipart_ok(PICTURE)], tls=True) as server:
        assert server.ca_file is not None
        with submitting.environment(own):
            assert "is not trusted" in submitting.submit(server.url).failure.message
            own.write_bytes(usual + server.ca_file.read_bytes())
            found = trust.context(str(own))
            for _ in range(2):
                assert submitting.submit(server.url).answer.outputs

    assert trust.context(str(own)) is found


def test_a_bundle_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """What cannot be read, or is damaged, is not taken for an empty one."""
    own = tmp_path / "bundle.pem"
    with pytest.raises(FileNotFoundError):
        trust.context(str(own))
    own.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    with pytest.raises(ssl.SSLError):
        trust.context(str(own))
