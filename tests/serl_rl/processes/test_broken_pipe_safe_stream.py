"""A stream whose reader has gone."""

import os

from rich.console import Console

from serl_rl.processes.broken_pipe_safe_stream import BrokenPipeSafeStream


def test_writing_goes_on_without_a_reader():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        stream = BrokenPipeSafeStream(pipe)
        assert not stream.isatty()
        console = Console(file=stream, width=40)
        console.print("before")
        stream.flush()
        assert os.read(reading, 100) == b"before\n"
        os.close(reading)
        for _ in range(3):
            console.print("after")
            assert stream.write("x" * 100_000) == 100_000
            stream.flush()


def test_a_text_longer_than_the_buffer_goes_nowhere():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert BrokenPipeSafeStream(pipe).write("x" * 100_000) == 100_000
