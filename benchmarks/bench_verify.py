"""Notebooks verified: ``octavo verify`` beside ``pytest --nbval``, which runs the same cells and compares outputs.

Bar: at least 8 times less wall time than nbval over the same notebooks. nbval has an environment of its own: it is a
plugin of pytest.
"""

from __future__ import annotations

import statistics
import subprocess

from bench import (
    Contender,
    Environment,
    bar,
    compare,
    peers,
    ratios,
    settings,
    table,
    workplace,
    write_notebook,
)

PEERS = (("nbval", "pytest", "ipykernel", "nbclient"),)
CELLS = ("x = 0.91\nprint('score', x)", "[x, x * 2]", "for i in range(5):\n    print(i / 3)")


def _environment() -> Environment:
    return peers("nbval", PEERS)


def main() -> None:
    asked = settings(__doc__ or "", 3, make=_environment)
    env = asked.environment
    with workplace() as folder:
        many = 2 if asked.quick else 20
        for number in range(many):
            source, path = folder / "source.ipynb", folder / "books" / f"book{number}.ipynb"
            write_notebook(source, CELLS)
            path.parent.mkdir(exist_ok=True)
            words = env.octavo("run", source, path, "--quiet")
            subprocess.run(words, check=True, env=env.variables, cwd=folder)
        contenders = [Contender("octavo verify", env.octavo("verify", "books"), folder)]
        if env.has("nbval"):
            words = [str(env.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "books"]
            contenders.append(Contender("pytest --nbval", words, folder))
        rounds = compare(contenders, asked)
        table(f"{many} notebooks verified", rounds, "octavo verify")
        if "pytest --nbval" in rounds:
            value = statistics.median(ratios(rounds, "pytest --nbval", "octavo verify"))
            bar("nbval's wall time, times that of octavo verify", value, at_least=8)


if __name__ == "__main__":
    main()
