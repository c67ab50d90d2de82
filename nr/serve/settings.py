"""What ``nr serve`` is told, checked before anything is opened."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from nr.errors import ArgumentError
from nr.serve.users import Users, users_of

_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s]+")


@dataclass(frozen=True)
class Settings:
    """Where to listen, and who may come."""

    url: str | None = None
    """The store, as for ``nr.connect``."""
    resp: int | None = None
    """The port for clients of Redis, 0: a free one; None: it is not served."""
    http: int | None = None
    host: str = "127.0.0.1"
    users: Users | None = None
    """None: whoever can reach it may do everything."""
    certificate: Path | None = None
    key: Path | None = None
    grace: float = 30.0
    """Seconds that commands and trainings have left after SIGTERM."""
    most_clients: int = 10000
    assistants_write: bool = False
    """Whether assistants that come over HTTP may change networks."""
    origins: frozenset[str] = frozenset()
    """Whose pages may ask over HTTP, too."""
    most_memory: int | None = None
    """Bytes for what clients have begun to send and have not yet read; None: a part of the
    machine's."""
    tls: ssl.SSLContext | None = field(default=None)


def settings_of(
    *,
    url: str | None,
    resp: int | None,
    http: int | None,
    host: str,
    password_file: Path | None,
    acl: Path | None,
    certificate: Path | None,
    key: Path | None,
    grace: float,
    most_clients: int,
    assistants_write: bool = False,
    cors: Sequence[str] = (),
) -> Settings:
    """The settings of these options. Raises ArgumentError, which names option and remedy."""
    if resp is None and http is None:
        raise ArgumentError("nothing is to be served: give --resp PORT, --http PORT or both")
    if password_file and acl:
        raise ArgumentError("--password-file and --acl both say who may come: give one of them")
    if (certificate is None) != (key is None):
        given, other = ("--tls-cert", "--tls-key") if certificate else ("--tls-key", "--tls-cert")
        raise ArgumentError(f"{given} needs {other}, too: the certificate and its key")
    users = users_of(password_file, acl)
    if users is None and not is_loopback(host):
        raise ArgumentError(
            f"--host {host} can be reached from other machines: give --password-file or --acl"
        )
    context = _context(certificate, key) if certificate and key else None
    return Settings(
        url, resp, http, host, users, certificate, key, grace, most_clients, assistants_write,
        origins=_origins(cors, users), tls=context,
    )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _origins(cors: Sequence[str], users: Users | None) -> frozenset[str]:
    """As browsers write them, in small letters."""
    for origin in cors:
        if origin == "*" and users is None:
            raise ArgumentError(
                "--cors '*' lets pages of anybody in: give --password-file or --acl, or the origins"
            )
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ArgumentError(
                f"--cors {origin}: an origin is scheme, host and port, as https://example.org"
            )
    return frozenset(origin.lower() for origin in cors)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ArgumentError(f"--tls-cert {certificate}, --tls-key {key}: {error}") from error
    return context
