import stat

import pytest

from serl_api.lifetime.whole_file import written_whole
from tests.support.small_disk import small_disk


def test_a_file_takes_its_place_when_the_block_ends(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with written_whole(path, mode=0o640) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_was_there_stays_when_the_block_fails(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")

    def write():
        with written_whole(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_names_the_file(tmp_path):
    with small_disk(tmp_path / "disk", 8192) as disk:
        with pytest.raises(OSError, match="No space left") as caught, written_whole(disk / "run.json") as file:
            file.write(bytes(100_000))
        assert caught.value.filename == str(disk / "run.json")
        assert not list(disk.iterdir())
