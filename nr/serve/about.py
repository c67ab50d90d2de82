"""The server as its clients ask for it: INFO, CONFIG, MODULE, ACL, TIME, and what it has not."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time as clock
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import nr
from nr.engine.resp import Answer
from nr.errors import CommandError
from nr.serve.greeting import MODULE, NAME, SERVED_AS

if TYPE_CHECKING:
    from nr.serve.session import Session


def _sections(session: Session, networks: int) -> dict[str, dict[str, Any]]:
    server = session.server
    seconds = int(server.time() - server.started)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "server": {
            "redis_version": SERVED_AS,
            "redis_mode": "standalone",
            "nr_version": nr.__version__,
            "os": f"{platform.system()} {platform.release()}",
            "arch_bits": sys.maxsize.bit_length() + 1,
            "process_id": os.getpid(),
            "tcp_port": server.port,
            "uptime_in_seconds": seconds,
            "uptime_in_days": seconds // 86400,
        },
        "clients": {
            "connected_clients": len(server.sessions()),
            "maxclients": server.most_clients,
        },
        "memory": {
            "used_memory": _used_memory(),
            "used_memory_rss": _used_memory(),
            "client_memory": server.counted,
            "maxmemory": 0,
            "maxmemory_policy": "noeviction",
        },
        "persistence": {"loading": 0},
        "stats": {
            "total_connections_received": server.connections,
            "total_commands_processed": server.commands_ran,
            "rejected_connections": server.rejected,
        },
        "replication": {"role": "master", "connected_slaves": 0},
        "modules": {"module": f"name={NAME},ver={MODULE[b'ver']},api=1"},
        "cluster": {"cluster_enabled": 0},
        "cpu": {"used_cpu_sys": usage.ru_stime, "used_cpu_user": usage.ru_utime},
        "keyspace": {"db0": f"keys={networks},expires=0,avg_ttl=0"} if networks else {},
    }


def _used_memory() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def info(session: Session, argv: Sequence[bytes]) -> Answer:
    networks = await session.server.commands.run(b"NR.LIST")
    sections = _sections(session, len(networks))  # type: ignore[arg-type]
    wanted = {word.decode("ascii", "replace").lower() for word in argv[1:]}
    if wanted & {"all", "everything", "default"} or not wanted:
        wanted = set(sections)
    parts = [
        f"# {name.capitalize()}\r\n" + "".join(f"{k}:{v}\r\n" for k, v in told.items())
        for name, told in sections.items()
        if name in wanted
    ]
    return "\r\n".join(parts).encode()


def config(session: Session, argv: Sequence[bytes]) -> Answer:
    word = argv[1].upper()
    if word != b"GET":
        shown = argv[1][:64].decode("ascii", "backslashreplace")
        raise CommandError(
            f"ERR unknown subcommand '{shown}' of CONFIG: there is CONFIG GET, settings are "
            "options of nr serve"
        )
    if len(argv) < 3:
        raise CommandError("ERR wrong number of arguments for 'config|get' command")
    patterns = [pattern.decode("utf-8", "replace").lower() for pattern in argv[2:]]
    return {
        name.encode(): str(value).encode()
        for name, value in _settings(session).items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def _settings(session: Session) -> dict[str, Any]:
    return {
        "appendonly": "no",
        "databases": 1,
        "maxclients": session.server.most_clients,
        "maxmemory": 0,
        "maxmemory-policy": "noeviction",
        "port": session.server.port,
        "proto-max-bulk-len": 1 << 29,
        "save": "",
        "timeout": 0,
    }


def module(session: Session, argv: Sequence[bytes]) -> Answer:
    if argv[1].upper() != b"LIST":
        shown = argv[1][:64].decode("ascii", "backslashreplace")
        raise CommandError(f"ERR unknown subcommand '{shown}' of MODULE: there is MODULE LIST")
    return [MODULE]


_NOTHING: dict[bytes, dict[bytes, Answer]] = {
    b"LATENCY": {b"HISTORY": [], b"LATEST": []},
    b"SLOWLOG": {b"GET": [], b"LEN": 0},
}


def nothing(session: Session, argv: Sequence[bytes]) -> Answer:
    """What is not recorded here, as a server tells it that has recorded none."""
    known = _NOTHING[argv[0].upper()]
    if (word := argv[1].upper()) in known:
        return known[word]
    shown, name = argv[1][:64].decode("ascii", "backslashreplace"), argv[0].decode().upper()
    there = ", ".join(one.decode() for one in known)
    raise CommandError(f"ERR unknown subcommand '{shown}' of {name}: there are {there}")


def acl(session: Session, argv: Sequence[bytes]) -> Answer:
    if argv[1].upper() != b"WHOAMI":
        shown = argv[1][:64].decode("ascii", "backslashreplace")
        raise CommandError(f"ERR unknown subcommand '{shown}' of ACL: there is ACL WHOAMI")
    return session.user.name.encode() if session.user else None


def cluster(session: Session, argv: Sequence[bytes]) -> Answer:
    raise CommandError("ERR This instance has cluster support disabled")


def time(session: Session, argv: Sequence[bytes]) -> Answer:
    seconds, micros = divmod(clock.time_ns() // 1000, 10**6)
    return [str(seconds).encode(), str(micros).encode()]
