"""Plug-ins are found by name and by path; what is wrong with one is one sentence, and harms nobody else."""

import os
import sys

import pytest

from serl_api.plugins import API_VERSION, PluginError, find_plugin, list_plugins, load_plugin, plugin_table

GROUP = "serl.test"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a distribution with entry points and modules importable."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(package, points, *, version="1.2", **modules):
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        lines = "\n".join(f"{name} = {target}" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")
        (info / "top_level.txt").write_text("\n".join(modules))
        (info / "RECORD").write_text("")
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)
            monkeypatch.delitem(sys.modules, name, raising=False)

    return make


def test_an_entry_point_is_found_and_loaded(install):
    install("alpha", {"one": "alpha_mod:ONE"}, alpha_mod="ONE = 1")
    assert load_plugin(GROUP, "one", int) == 1
    assert [(plugin.name, plugin.origin) for plugin in list_plugins(GROUP)] == [("one", "alpha 1.2")]
    assert "one" in plugin_table({GROUP: "numbers"})


def test_nothing_is_imported_before_it_is_named(install):
    install("alpha", {"one": "alpha_mod:ONE", "bad": "beta_mod:X"}, alpha_mod="ONE = 1", beta_mod="1 / 0")
    assert [plugin.name for plugin in list_plugins(GROUP)] == ["bad", "one"]
    assert load_plugin(GROUP, "one", int) == 1
    assert "beta_mod" not in sys.modules


def test_metadata_is_read_anew_only_once_packages_have_changed(install, tmp_path):
    install("alpha", {"one": "alpha_mod:ONE"})
    assert list_plugins(GROUP) is list_plugins(GROUP)
    os.utime(tmp_path, ns=(1, 1))  # Clocks of files are coarse.
    install("beta", {"two": "beta_mod:TWO"})
    assert [plugin.name for plugin in list_plugins(GROUP)] == ["one", "two"]


def test_an_object_is_named_by_its_path(install):
    install("alpha", {}, alpha_mod="class Box:\n    ONE = 1")
    assert load_plugin(GROUP, "alpha_mod:Box.ONE", int) == 1


def test_an_object_that_is_as_it_should_be_costs_no_search_for_its_package(install, monkeypatch):
    install("alpha", {}, alpha_mod="ONE = 1")
    monkeypatch.setattr("serl_api.plugins.packages_distributions", lambda: pytest.fail("this takes seconds"))
    assert load_plugin(GROUP, "alpha_mod:ONE", int) == 1


def test_the_package_of_an_object_that_is_wrong_is_named(install, monkeypatch):
    install("alpha", {}, alpha_mod="ONE = 'text'")
    monkeypatch.setattr("serl_api.plugins.packages_distributions", lambda: {"alpha_mod": ["alpha"]})
    with pytest.raises(PluginError, match=r'"alpha_mod:ONE" of alpha 1\.2 \(alpha_mod:ONE\) is a str'):
        load_plugin(GROUP, "alpha_mod:ONE", int)


def test_a_file_beside_the_user_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_own_task.py").write_text("TASK = 'mine'")
    assert load_plugin(GROUP, "my_own_task:TASK", str) == "mine"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "does not import (ZeroDivisionError: division by zero); repair or uninstall alpha"),
        ("TWO = 2", "does not import (AttributeError"),
        ("ONE = 'text'", "is a str, but must be a int; correct its entry point"),
        (
            "class ONE(int): serl_api_version = 99\nONE = ONE()",
            f"asks for version 99 of the plug-in API, but serl-robot here has version {API_VERSION}; upgrade",
        ),
    ],
)
def test_what_is_wrong_with_a_plugin_is_one_sentence(install, source, said):
    install("alpha", {"one": "alpha_mod:ONE"}, alpha_mod=source)
    with pytest.raises(PluginError) as caught:
        load_plugin(GROUP, "one", int)
    assert str(caught.value).startswith('serl.test plug-in "one" of alpha 1.2 (alpha_mod:ONE) ')
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest_and_its_package(install):
    install("alpha", {"push-block": "alpha_mod:ONE"}, alpha_mod="ONE = 1")
    with pytest.raises(PluginError, match=r'named "push-blok"; did you mean push-block of alpha 1\.2\?'):
        find_plugin(GROUP, "push-blok")


def test_a_name_that_two_packages_offer_is_refused_alone(install):
    install("alpha", {"one": "alpha_mod:ONE", "own": "alpha_mod:ONE"}, alpha_mod="ONE = 1")
    install("beta", {"one": "beta_mod:ONE"}, version="2.0", beta_mod="ONE = 2")
    with pytest.raises(PluginError, match=r"alpha 1\.2 \(alpha_mod:ONE\) and beta 2\.0 \(beta_mod:ONE\); uninstall"):
        find_plugin(GROUP, "one")
    assert load_plugin(GROUP, "own", int) == 1
    assert load_plugin(GROUP, "beta_mod:ONE", int) == 2


@pytest.mark.parametrize("name", ["module:", ":object", "a b:c", "a.1:c"])
def test_a_malformed_path_is_refused(name):
    with pytest.raises(PluginError, match=r"is not of the form package\.module:object"):
        find_plugin(GROUP, name)
