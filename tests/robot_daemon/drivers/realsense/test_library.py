import importlib

import pytest

from robot_daemon.drivers.realsense import library


def test_the_library_loads():
    assert library.load() is library.rs


def test_without_libusb_the_command_that_helps_is_named(monkeypatch):
    def fail(name):
        missing = {"pyrealsense2": "libusb-1.0.so.0: cannot open shared object file", "libusb_package": "No module"}
        raise ImportError(missing[name])

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError, match=r"apt install libusb-1.0-0, or pip install libusb-package"):
        library.load()


def test_a_library_that_is_not_installed_is_not_mistaken(monkeypatch):
    def fail(_name):
        raise ImportError("No module named 'pyrealsense2'")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError, match="No module named"):
        library.load()
