"""The plugin of pytest: its options, and nothing else until they or [tool.octavo.test] in pyproject.toml ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..errors import Error, each
from . import late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Json

#: Options of nbval and nbmake, by their plugins' names: understood where these are not there.
_FOREIGN: dict[str, dict[str, Json]] = {
    "nbmake": {
        "--nbmake": {"action": "store_true", "help": "run notebooks, with octavo"},
        "--overwrite": {"action": "store_true", "help": "write what notebooks produce into them"},
        "--nbmake-timeout": {"type": float, "default": 300.0, "help": "seconds that a cell may take"},
        "--nbmake-kernel": {"help": "the kernel of all notebooks"},
        "--nbmake-find-import-errors": {"action": "store_true", "help": "let only failing imports fail"},
    },
    "nbval": {
        "--nbval": {"action": "store_true", "help": "run cells and compare their outputs, with octavo"},
        "--nbval-lax": {"action": "store_true", "help": "compare only cells marked NBVAL_CHECK_OUTPUT"},
        "--nbval-sanitize-with": {"help": "a file of regex: and replace: lines"},
        "--nbval-current-env": {"action": "store_true", "help": "use the kernel of this environment"},
        "--nbval-kernel-name": {"help": "the kernel of all notebooks"},
        "--nbval-cell-timeout": {"type": float, "default": 2000.0, "help": "seconds that a cell may take"},
        "--nbval-kernel-startup-timeout": {
            "type": float,
            "default": 60.0,
            "help": "seconds that a kernel may take",
        },
        "--sanitize-with": {"help": "the same as --nbval-sanitize-with"},
        "--current-env": {"action": "store_true", "help": "the same as --nbval-current-env"},
        "--nbdime": {"action": "store_true", "help": "compare pictures, too"},
    },
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of octavo."""
    add = parser.getgroup("octavo", "notebooks, with octavo").addoption
    add("--octavo", action="store_true", help="test notebooks and the tasks of pipelines")
    add("--octavo-cells", action="store_true", help="one test for each cell")
    add("--octavo-verify", action="store_true", help="compare what cells produce with what is stored")
    add("--octavo-update", action="store_true", help="accept what cells produce: write it into the notebooks")
    add("--octavo-kernel", metavar="NAME", help="the kernel of all notebooks")
    add("--octavo-cell-timeout", type=float, metavar="SECONDS", help="stop a cell that takes longer")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Add the options of those of nbval and nbmake that are not there: by now all plugins are."""
    for plugin, options in _FOREIGN.items():
        if not early_config.pluginmanager.hasplugin(plugin):
            group = parser.getgroup(plugin, f"options of {plugin}, with octavo")
            for name, arguments in options.items():
                group.addoption(name, **arguments)


def pytest_configure(config: pytest.Config) -> None:
    """Load the rest where anybody asks for it."""
    mine = {plugin: not config.pluginmanager.hasplugin(plugin) for plugin in _FOREIGN}
    options = vars(config.option)
    asked = any(value for name, value in options.items() if name.partition("_")[0] == "octavo")
    if mine["nbval"]:
        asked = asked or options.get("nbval", False) or options.get("nbval_lax", False)
    if mine["nbmake"]:
        asked = asked or options.get("nbmake", False)
    try:
        found = None
        if asked or _mentioned(config):
            found = late.settings.table(config.rootpath)
        if not asked and found is None:
            return
        _refuse_another(config, mine)
        base = late.settings.of_table(found or {}, config.rootpath)
        wanted = late.settings.of_options(base, config, mine)
        config.pluginmanager.register(late.collecting.Notebooks(config, wanted), "octavo-notebooks")
    except (Error, ExceptionGroup) as error:
        raise pytest.UsageError("\n".join(map(str, each(error)))) from None


def _mentioned(config: pytest.Config) -> bool:
    """Return whether pyproject.toml may have a table for octavo: most have none, and are not parsed."""
    try:
        return b"octavo" in (config.rootpath / "pyproject.toml").read_bytes()
    except OSError:
        return False


def _refuse_another(config: pytest.Config, mine: dict[str, bool]) -> None:
    """Raise an error where another plugin that is there is asked to run the same notebooks."""
    for plugin, options in (("nbval", ("nbval", "nbval_lax")), ("nbmake", ("nbmake",))):
        if not mine[plugin] and any(config.getoption(name, False) for name in options):
            raise Error(
                f"two plugins would run the notebooks: octavo and {plugin}",
                hint=f"-p no:{plugin} leaves them to octavo, which knows its options; -p no:octavo to {plugin}",
            )
    for name in _patterns_of_pytest_notebook(config):
        raise Error(
            f"two plugins would run the notebooks: octavo and pytest-notebook ({name})",
            hint="-p no:nb_regression leaves them to octavo, -p no:octavo to pytest-notebook",
        )


def _patterns_of_pytest_notebook(config: pytest.Config) -> Iterator[str]:
    if config.getoption("nb_test_files", False):
        yield "--nb-test-files"
        return
    try:
        if config.getini("nb_test_files") in (True, "True", "true"):
            yield "nb_test_files"
    except (KeyError, ValueError):
        return
