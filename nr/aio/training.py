"""A training seen from the client, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import nr.training
from nr.aio.describing import described_by
from nr.aio.drivers import Driver
from nr.calls.trainings import Course
from nr.commands.info import Info
from nr.engine import Progress

_TICK = 0.2  # seconds between two looks of who iterates


@described_by(nr.training.Training)
class Training:
    """What ``await net.train()`` returns. ``async for`` yields its progress until it ends.

    The training runs on, whether it is kept or not, and whoever is cancelled that waits for it.
    """

    def __init__(self, driver: Driver, course: Course) -> None:
        self._driver = driver
        self._course = course

    @property
    def key(self) -> bytes:
        return self._course.key

    @property
    def running(self) -> Awaitable[bool]:
        return self._driver.drive(self._course.running())

    async def progress(self) -> Progress | None:
        return await self._driver.drive(self._course.progress())

    async def wait(self, timeout: float | None = None, progress: bool = False) -> bool:
        return await self._driver.drive(self._course.wait(timeout, progress))

    async def result(self, timeout: float | None = None) -> Info:
        return await self._driver.drive(self._course.result(timeout))

    async def stop(self) -> bool:
        return await self._driver.drive(self._course.stop())

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Its progress a few times a second, and at the end what it reached.

        Raises CommandError where it failed or was dropped.
        """
        while not await self.wait(_TICK):
            if now := await self.progress():
                yield now
        if reached := await self._driver.drive(self._course.reached()):
            yield reached


class Starting:
    """What ``net.train()`` returns: ``await`` starts the training, ``async for`` follows it too."""

    def __init__(self, start: Callable[[], Awaitable[Training]]) -> None:
        self._start = start

    def __await__(self) -> Generator[Any, Any, Training]:
        return self._start().__await__()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        async for progress in await self._start():
            yield progress
