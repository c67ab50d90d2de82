"""Who may come, and what they may do: by one password, or by a file of users.

The file has a line a user, worded as Redis words them in its own, but for the least: what nr has
to protect are networks, so a user may read them or do everything, and only those whose keys are
like a pattern.

    user default off
    user app on >secret ~app:* +@all
    user dashboard on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~* +@read
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from nr.engine.texts import like
from nr.errors import ArgumentError

DEFAULT = "default"


@dataclass(frozen=True)
class User:
    """Someone who may come."""

    name: str
    hashes: tuple[bytes, ...] = ()
    """SHA-256 of each password that will do."""
    enabled: bool = True
    writes: bool = True
    patterns: tuple[bytes, ...] = (b"*",)
    passwords: tuple[str, ...] = field(default=(), repr=False)
    """Those that the file has in the clear: bearer tokens over HTTP."""

    def knows(self, password: bytes) -> bool:
        """Whether it is one of the passwords; takes as long for any."""
        given = sha256(password).digest()
        matches = [hmac.compare_digest(given, known) for known in self.hashes]
        return self.enabled and any(matches)

    def may_use(self, key: bytes) -> bool:
        """Whether it is a key for this user."""
        return any(like(pattern, key) for pattern in self.patterns)


class Users:
    """All who may come, by name."""

    def __init__(self, users: list[User]) -> None:
        self._users = {user.name: user for user in users}

    def find(self, name: str, password: bytes) -> User | None:
        """The user of that name and password."""
        user = self._users.get(name) or User(name, (b"",), enabled=False)
        return user if user.knows(password) else None

    def all(self) -> list[User]:
        """Those who may come."""
        return [user for user in self._users.values() if user.enabled]


EVERYBODY = User(DEFAULT)


def users_of(password_file: Path | None, acl: Path | None) -> Users | None:
    """The users of either file; None: there is neither. Raises ArgumentError."""
    if password_file:
        return Users([_of_password(password_file)])
    return Users(_of_acl(acl)) if acl else None


def _read(option: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{option} {path}: {error}") from error


def _of_password(path: Path) -> User:
    password = _read("--password-file", path).rstrip("\r\n")
    if not password or "\n" in password:
        raise ArgumentError(f"--password-file {path}: one line is needed, the password")
    return _with_password(User(DEFAULT), password)


def _with_password(user: User, password: str) -> User:
    known = (*user.hashes, sha256(password.encode()).digest())
    return _changed(user, hashes=known, passwords=(*user.passwords, password))


def _of_acl(path: Path) -> list[User]:
    users: list[User] = []
    for number, line in enumerate(_read("--acl", path).splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            users.append(_user(words))
        except ValueError as error:
            raise ArgumentError(f"--acl {path}, line {number}: {error}") from error
    if not any(user.enabled for user in users):
        raise ArgumentError(f"--acl {path}: no user is on, so nobody could come")
    return users


def _user(words: list[str]) -> User:
    if len(words) < 2 or words[0] != "user":
        raise ValueError("a line is: user NAME on|off >password ~pattern +@all|+@read")
    user = User(words[1], enabled=False, writes=False, patterns=())
    for word in words[2:]:
        user = _told(user, word)
    if user.enabled and not user.hashes:
        raise ValueError(f"{user.name} is on, but has no password: >password, or #SHA-256")
    return user


def _told(user: User, word: str) -> User:
    first, rest = word[0], word[1:]
    if word in ("on", "off"):
        return _changed(user, enabled=word == "on")
    if word in ("+@all", "+@read", "-@write"):
        return _changed(user, writes=word == "+@all")
    if first == ">" and rest:
        return _with_password(user, rest)
    if first == "#" and len(rest) == 64:
        return _changed(user, hashes=(*user.hashes, bytes.fromhex(rest)))
    if first == "~" and rest:
        return _changed(user, patterns=(*user.patterns, rest.encode()))
    raise ValueError(f"{word!r} is none of on, off, >password, #SHA-256, ~pattern, +@all, +@read")


def _changed(user: User, **fields: object) -> User:

    return replace(user, **fields)  # type: ignore[arg-type]
