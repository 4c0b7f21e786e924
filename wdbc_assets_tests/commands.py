"""Commands of `wdbc` as people type them, run in this process."""

import json
from typing import Any

from click.testing import CliRunner, Result

from wdbc_assets.cli import wdbc


def typed(*arguments: str, code: int = 0) -> Result:
    """Run a command, which must end with this code; raise the error of one that must succeed."""
    result = CliRunner().invoke(wdbc, arguments)
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def document(*arguments: str, code: int = 0) -> Any:
    """Run a command with `--json`, and return what it printed."""
    return json.loads(typed(*arguments, "--json", code=code).stdout)
