"""Letters on their way to a real SMTP server."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fixtures.mail import MAIL_PASSWORD, USER, Postbox, guarded, open_postbox
from treadle.mail.smtp import Letter, MailRefused, SmtpServer, read_smtp_url, send

LETTER = Letter("0198f0a0", "ada@example.org", "Grüße", "Zeile eins\n.\nZeile drei — ß\n")
SENDER = "treadle@example.com"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def guarded_postbox(certificate: Path) -> Generator[Postbox]:
    """A server that takes letters only after STARTTLS and a login."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    found = Postbox()
    controller = open_postbox(found, **guarded(context))
    yield found
    controller.stop()


def server_of(postbox: Postbox, *, password: str = MAIL_PASSWORD) -> SmtpServer:
    url = f"smtp://{USER}:{quote(password, safe='')}@localhost:{postbox.port}?starttls"
    return read_smtp_url(url, sender=SENDER)


async def test_a_letter_arrives_as_it_was_written(postbox: Postbox) -> None:
    await send(postbox.mail.server, LETTER)
    (letter,) = postbox.letters
    assert postbox.recipients == [["ada@example.org"]]
    assert (letter["From"], letter["To"], letter["Subject"]) == (SENDER, LETTER.to, LETTER.subject)
    assert letter["Message-ID"] == "<0198f0a0@example.com>"
    assert letter.get_content().replace("\r\n", "\n") == LETTER.text


async def test_a_login_goes_over_tls_only_and_with_a_certificate_that_is_trusted(
    guarded_postbox: Postbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MailRefused, match=r"(?i)certificate"):
        await send(server_of(guarded_postbox), LETTER)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    await send(server_of(guarded_postbox), LETTER)
    with pytest.raises(MailRefused) as refused:
        await send(server_of(guarded_postbox, password="another"), LETTER)
    assert "another" not in str(refused.value)
    with pytest.raises(MailRefused):
        await send(replace(server_of(guarded_postbox), security="none"), LETTER)
    assert len(guarded_postbox.letters) == 1


@pytest.mark.parametrize("answer", ["451 later", "554 never"])
async def test_what_the_server_refuses_is_told_with_its_words(
    postbox: Postbox, answer: str
) -> None:
    postbox.answers.append(answer)
    with pytest.raises(MailRefused, match=answer.split()[1]):
        await send(postbox.mail.server, LETTER)


async def test_a_server_that_is_away_is_told(postbox: Postbox) -> None:
    with pytest.raises(MailRefused):
        await send(replace(postbox.mail.server, port=1), LETTER)


@pytest.mark.parametrize("to", ["x@y\r\nRCPT TO:<z@y>", "a@b\nSubject: c"])
async def test_an_address_cannot_smuggle_lines(postbox: Postbox, to: str) -> None:
    with pytest.raises(MailRefused):
        await send(postbox.mail.server, replace(LETTER, to=to))
    assert postbox.letters == []


def test_urls_say_host_port_login_and_protection() -> None:
    url = "smtp://user%40x:p%3Aw@mail.example:2525?starttls"
    assert read_smtp_url(url, sender=SENDER) == SmtpServer(
        "mail.example", 2525, "starttls", SENDER, "user@x", "p:w"
    )
    for url, port, security in (
        ("smtp://localhost", 25, "none"),
        ("smtp://mail.example/?starttls", 587, "starttls"),
        ("smtps://mail.example", 465, "tls"),
    ):
        found = read_smtp_url(url, sender=SENDER)
        assert (found.port, found.security, found.user) == (port, security, None)
    assert "p:w" not in repr(read_smtp_url("smtp://u:p%3Aw@h", sender=SENDER))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://host/path",
        "smtp://host?tls",
        "smtp://host#x",
        "smtp://user@host",
        "smtps://host?starttls",
        "smtp://host:99999",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_smtp_url(url, sender=SENDER)


@pytest.mark.parametrize("sender", ["", "treadle", "@x", "a b@c", "a@b\n", "Ä@x"])
def test_a_sender_is_a_plain_address(sender: str) -> None:
    with pytest.raises(ValueError, match="sender"):
        read_smtp_url("smtp://localhost", sender=sender)
