# pyrealsense2's wheel carries no stubs and its names live in a compiled module; this tells the type checker so.
from typing import Any

def __getattr__(name: str) -> Any: ...
