"""Where a running gateway's time goes, by each function's own time: py-spy, from an environment of the bench's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from cells import Bench, Subject
from peers import System
from running import CACHE, AbsentError, Running, install

_PY_SPY: Final = System(name="py-spy", version="0.4.3", by="pip", packages=("py-spy==0.4.3",), command="py-spy")
_SECONDS: Final = 6
_SHOWN: Final = 15
_IDLE: Final = ("_worker (concurrent/futures/thread.py", "Condition.wait (threading.py")
"""Where threads wait for work, which py-spy takes for work."""


async def own_time(there: Bench, subject: Subject, place: Running, play: str) -> str:
    """Return the functions with the most time of their own while a load runs, with their shares."""
    spy = await asyncio.to_thread(install, _PY_SPY)
    file = CACHE / "profile.txt"
    command = ["record", "-p", str(place.session), "-d", str(_SECONDS), "-r", "400", "-F", "-f", "raw", "-o", str(file)]
    working = asyncio.create_task(there.work(subject, place, play, _SECONDS + 1.5))
    process = await asyncio.create_subprocess_exec(
        spy / "py-spy", *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise AbsentError("py-spy may not look at another process here")
    await working
    own: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        name = stack.rpartition(";")[2]
        if not name.startswith(_IDLE):
            own[name] += int(count)
    whole = sum(own.values())
    packages: Counter[str] = Counter()
    for name in own:
        packages[_package(name)] += own[name]
    return "\n".join(
        [
            f"{play}, {subject.name}: own time, of {whole} samples",
            *(f"{count / whole:6.1%}  {name}" for name, count in own.most_common(_SHOWN)),
            "by package: " + ", ".join(f"{name} {count / whole:.0%}" for name, count in packages.most_common(8)),
        ]
    )


def _package(name: str) -> str:
    """Return the package of `function (package/module.py)`; of this project, the room."""
    parts = name.partition(" (")[2].rstrip(")").split("/")
    return "/".join(parts[: 2 if parts[0] == "argo_relay" else 1])
