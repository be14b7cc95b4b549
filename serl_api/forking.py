"""Refuses channels in a child that was forked while gRPC was in use: none of its calls would ever be answered.

Threads of gRPC hold its locks at the moment of such a fork, and do not exist in the child.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

import grpc

from serl_api.settings import ConfigError

_in_use: weakref.WeakSet[object] = weakref.WeakSet()
_is_cut_off = False


def note_open(user: object) -> None:
    """Notes a server or channel that is open."""
    _in_use.add(user)


def note_closed(user: object) -> None:
    """Notes that it is open no longer."""
    _in_use.discard(user)


def require_usable() -> None:
    """Refuses to connect where nothing would be answered.

    Raises:
        ConfigError: This process was forked while a connection or server was open.
    """
    if _is_cut_off:
        raise ConfigError(
            "this process was forked while its parent had a connection or server open, so that no call of it would "
            'be answered; close them before the fork, or start processes by "spawn" or "forkserver"'
        )


class NotedChannel(grpc.Channel):
    """Passes everything to a channel, and notes when it is closed."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel: Any = channel
        note_open(self)

    def close(self) -> None:
        """Ends open calls."""
        note_closed(self)
        self._channel.close()

    def __enter__(self) -> NotedChannel:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def subscribe(self, callback: Any, try_to_connect: Any = None) -> None:  # noqa: ANN401
        """Tells a function of the channel's state."""
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Any) -> None:  # noqa: ANN401
        """Tells it no longer."""
        self._channel.unsubscribe(callback)

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Makes a method of one request and one answer."""
        return self._channel.unary_unary(*arguments, **options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Makes a method that streams answers."""
        return self._channel.unary_stream(*arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Makes a method that streams requests."""
        return self._channel.stream_unary(*arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Makes a method that streams both."""
        return self._channel.stream_stream(*arguments, **options)


def _note_fork() -> None:
    global _is_cut_off
    _is_cut_off = _is_cut_off or bool(_in_use)


os.register_at_fork(after_in_child=_note_fork)
