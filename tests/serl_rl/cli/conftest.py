"""Commands as a user types them."""

import pytest

from serl_rl.__main__ import main


@pytest.fixture
def run(capsys):
    """Runs a command line: exit code, stdout, stderr."""

    def running(*arguments):
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return exited.value.code, said.out, said.err

    return running
