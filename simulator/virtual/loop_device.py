"""Serves a virtual device from an event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from simulator.virtual.serving import Device

_CLOSING_TURNS = 3


class LoopDevice(Device):
    """Runs the coroutines of a device whose connection can break and return; any thread may call.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self.is_silent = False
        """Whether it obeys, but neither answers nor says how it is."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    def start(self) -> None:
        """Begins to answer. Raises OSError when the address cannot be served."""
        self._thread.start()
        try:
            self._run(self._listen())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends everything. Safe to repeat."""
        if self._thread.is_alive():
            self._run(self._end())
            self._run(_cancel_all())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5.0)
        self._loop.close()

    def plug(self) -> None:
        """Accepts connections again."""
        self._run(self._listen())

    def unplug(self) -> None:
        """Breaks the connection and refuses new ones. The device keeps its power and follows its last command."""
        self._run(self._hang_up())
        self._run(let_transports_close())

    async def _listen(self) -> None:
        """Begins to accept connections; does nothing while it does."""
        raise NotImplementedError

    async def _hang_up(self) -> None:
        """Ends the connection and accepts no other."""
        raise NotImplementedError

    async def _end(self) -> None:
        """Ends everything."""
        await self._hang_up()
        await let_transports_close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10.0)


async def let_transports_close() -> None:
    """Returns when transports have closed their sockets, which they do in a later turn of the loop."""
    for _ in range(_CLOSING_TURNS):
        await asyncio.sleep(0)


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
