"""The 44 public pipelines written for Ploomber and what becomes of each: a table that tests and documentation share."""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

BUILD = ("octavo build",)


@dataclass(frozen=True)
class Example:
    """A pipeline file of the collection. ``needs`` are modules beyond ours; ``why`` says what keeps it from running."""

    folder: str
    spec: str = "pipeline.yaml"
    commands: Sequence[str] = BUILD
    needs: str = ""
    prepare: Callable[[Path], None] | None = None
    why: str = ""
    #: It runs where this program is.
    program: str = ""

    @property
    def name(self) -> str:
        """The file, as the documentation names it."""
        return self.folder if self.spec == "pipeline.yaml" else f"{self.folder}/{self.spec}"

    @property
    def below(self) -> str:
        """The folder within the example where its commands are given."""
        return str(Path(self.spec).parent)


# ── what the collection loads from the internet or makes by scripts, of the same shape and always the same


def penguins(path: Path) -> Path:
    """Write a table like seaborn's penguins, holes included."""
    dice = random.Random(3)
    with path.open("w", newline="") as out:
        write = csv.writer(out)
        lengths = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
        write.writerow(["species", "island", *lengths, "sex"])
        for number in range(150):
            kind, island = dice.choice(["Adelie", "Gentoo"]), dice.choice(["Biscoe", "Dream"])
            sizes = [
                dice.randint(30, 60),
                dice.randint(13, 21),
                dice.randint(170, 230),
                dice.randint(2700, 6300),
            ]
            write.writerow([kind, island, *(["", ""] if number % 40 == 3 else sizes[:2]), *sizes[2:], "MALE"])
    return path


def counties(path: Path) -> Path:
    """Write a table like that of cases and deaths per county."""
    dice = random.Random(4)
    with path.open("w", newline="") as out:
        write = csv.writer(out)
        write.writerow(["date", "county", "state", "cases", "deaths", "confirmed_cases"])
        for number in range(200):
            cases = dice.randint(50, 90000)
            known = "" if number % 7 == 0 else cases - 3
            write.writerow(
                ["2022-03-24", f"C{number}", dice.choice(["Ohio", "Utah"]), cases, cases // 90, known]
            )
    return path


def daily(path: Path) -> Path:
    """Write a table like that of tests and cases per day, with commas in its numbers."""
    dice = random.Random(5)
    with path.open("w", newline="") as out:
        write = csv.writer(out)
        write.writerow(["Day", "Tests", "Cases"])
        for number in range(1, 60):
            write.writerow([number, f"{number * 1300 + dice.randint(0, 999):,}", f"{number * 210 + 7:,}"])
    return path


def instead(file: str, url: str, make: Callable[[Path], Path]) -> Callable[[Path], None]:
    """Return a function that lets a source read a local file instead of an address."""

    def prepare(folder: Path) -> None:
        source, data = folder / file, make(folder / "local-data.csv")
        text = source.read_text(encoding="utf-8")
        assert url in text
        # curl wants an address, pandas takes one
        source.write_text(text.replace(url, data.as_uri()), encoding="utf-8")

    return prepare


def seaborn_data(folder: Path) -> None:
    """Put the penguins where seaborn looks before it asks the internet (SEABORN_DATA names the folder)."""
    (folder / "seaborn-data").mkdir()
    penguins(folder / "seaborn-data" / "penguins.csv")


def table(
    name: str, columns: str, rows: Callable[[int], tuple[object, ...]], file: str
) -> Callable[[Path], None]:
    """Return a function that adds a table of a hundred rows to an SQLite file of the folder."""

    def prepare(folder: Path) -> None:
        with closing(sqlite3.connect(folder / file)) as database, database:
            marks = ", ".join("?" * len(rows(0)))
            database.execute(f"CREATE TABLE {name} ({columns})")
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", map(rows, range(100)))
        database.close()

    return prepare


def both(*steps: Callable[[Path], None]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for step in steps:
            step(folder)

    return prepare


numbers = table('"numbers"', '"index" INTEGER, x REAL', lambda n: (n + 1, n / 8), "data.db")
my_numbers = table("my_numbers", "number INTEGER, x REAL", lambda n: (n, n / 2), "my.db")
scores = table(
    "my_table",
    "score REAL, age INTEGER",
    lambda n: (None if n < 9 else n % 10, -42 if n > 90 else 21 + n % 50),
    "data.db",
)
sales = both(
    table(
        "sales",
        "country TEXT, purchase_date TEXT, product_id INTEGER",
        lambda n: ("Peru" if n % 3 else "Chad", f"2020-0{n % 9 + 1}-01", n % 20),
        "data.db",
    ),
    table("prices", "product_id INTEGER, price REAL", lambda n: (n, 50 + n / 4), "data.db"),
)

LEARN = "pandas sklearn"
RAW = "https://raw.githubusercontent.com"
COVID = instead(
    "tasks/load.py",
    f"{RAW}/Ayushijain09/Regression-on-COVID-dataset/master/COVID-19_Daily_Testing.csv",
    daily,
)
VARIABLE, VERSIONING = "cookbook/variable-number-of-products", "guides/versioning"
PLOTS = "pandas matplotlib"
FITS = "pandas pyarrow sklearn sklearn_evaluation"
CLOUD = "Google Cloud: BigQuery and a bucket of one's own"
R = "Rscript"

EXAMPLES: tuple[Example, ...] = (
    # a file with a placeholder that only its own run.py fills
    Example("cookbook/dynamic-params", commands=("python run.py",)),
    Example("cookbook/file-client"),
    Example("cookbook/grid", needs=LEARN),
    Example("cookbook/hooks"),
    Example("cookbook/incremental", commands=("octavo build --force",), needs="pandas", prepare=numbers),
    Example("cookbook/nested-cv", needs=LEARN),
    Example("cookbook/python-load", commands=("octavo build -e pipeline.make",)),
    Example("cookbook/report-generation", needs=f"{PLOTS} scipy nbconvert", program="chromium xelatex"),
    Example("cookbook/serialization", needs="pandas joblib"),
    Example("cookbook/sql-dump", needs="sqlalchemy", prepare=my_numbers),
    Example("cookbook/streamlit-sample-app", needs="pandas seaborn nbconvert", prepare=seaborn_data),
    Example(VARIABLE, "basic/pipeline.yaml", ("octavo build --entry-point pipeline.yaml",), needs="joblib"),
    Example(
        VARIABLE, "serializer/pipeline.yaml", ("octavo build --entry-point pipeline.yaml",), needs="joblib"
    ),
    Example(
        "guides/cron",
        commands=("octavo build", "PLOOMBER_ENV_FILENAME=env.cron.yaml octavo build --log-file my.log"),
        needs=f"{PLOTS} nbconvert",
    ),
    Example("guides/debugging", needs=LEARN, why="fails on purpose, to be debugged"),
    Example(
        "guides/first-pipeline",
        needs=f"{PLOTS} pyarrow seaborn nbconvert",
        prepare=instead("1-get.py", f"{RAW}/nytimes/covid-19-data/master/live/us-counties.csv", counties),
    ),
    Example("guides/intro-to-ploomber", needs=f"{PLOTS} sklearn sklearn_evaluation nbconvert", prepare=COVID),
    Example(
        "guides/intro-to-ploomber",
        "pipeline-params.yaml",
        ("octavo build -e pipeline-params.yaml",),
        needs=f"{PLOTS} sklearn",
        prepare=COVID,
    ),
    Example("guides/logging", "basic/pipeline.yaml", ("octavo build --log info --force",), needs="nbconvert"),
    Example(
        "guides/logging",
        "parametrized/pipeline.yaml",
        ("octavo build --log info --env--logging_level info --force",),
        needs="nbconvert",
    ),
    Example(
        "guides/parametrized",
        commands=(
            "octavo build --force --log INFO",
            "octavo build --force --env--some_param another_value --log INFO",
        ),
        needs="nbconvert",
    ),
    # its table is in memory and empty: what it shows is the text
    Example("guides/sql-templating", commands=("octavo task sql-task --source",), needs="sqlalchemy"),
    Example("guides/testing", needs="pandas sqlalchemy nbconvert", prepare=scores),
    *(
        Example(
            VERSIONING,
            f"pipeline.{name}.yaml",
            (f"octavo build -e pipeline.{name}.yaml",),
            needs=f"{PLOTS} nbconvert",
        )
        for name in ("git", "git_hash", "now", "partial")
    ),
    Example("templates/etl", why="loads its data from archive.org, and wants R and 7z"),
    Example(
        "templates/exploratory-analysis", why="wants pandas_profiling, which no Python above 3.10 installs"
    ),
    Example("templates/google-cloud", "pipeline.incremental.yaml", why=CLOUD),
    Example("templates/google-cloud", why=CLOUD),
    Example(
        "templates/ml-advanced",
        commands=("octavo build --entry-point ml_advanced.pipeline.make",),
        needs=f"{FITS} joblib",
        why="its liblinear model of three classes is refused by scikit-learn from 1.8 on",
    ),
    Example("templates/ml-basic", needs=FITS),
    Example("templates/ml-intermediate", needs=f"{FITS} nbconvert"),
    Example(
        "templates/ml-intermediate",
        "pipeline.serve.yaml",
        ("octavo build", "octavo build --entry-point pipeline.serve.yaml"),
        needs=f"{FITS} nbconvert",
    ),
    Example("templates/ml-online", "src/ml_online/pipeline.yaml", needs=f"{FITS} matplotlib nbconvert"),
    Example(
        "templates/ml-online", "src/ml_online/pipeline-features.yaml", needs=f"{FITS} matplotlib nbconvert"
    ),
    Example("templates/mlflow", needs=f"{FITS} mlflow"),
    Example("templates/python-api", needs="pandas seaborn"),
    Example("templates/pytorch", why="loads CIFAR-10 from the internet"),
    Example(
        "templates/shell",
        needs="pandas seaborn",
        prepare=instead("scripts/download.sh", f"{RAW}/mwaskom/seaborn-data/master/penguins.csv", penguins),
        program="curl",
    ),
    Example("templates/spec-api-r", needs="nbconvert", program=R),
    Example("templates/spec-api-sql", needs="pandas seaborn sqlalchemy nbconvert", prepare=sales),
    Example(
        "templates/timeseries", why="its own code passes statsmodels an argument that it no longer takes"
    ),
)

#: What is not one of the 44 but runs as well: five serializers, and a folder without any pipeline file.
BESIDES: tuple[Example, ...] = (
    *(
        Example("guides/serialization", f"{name}.yaml", (f"octavo build --entry-point {name}.yaml --force",))
        for name in ("simple", "custom", "with-json", "fallback", "defaults")
    ),
    Example(
        "templates/spec-api-directory",
        "*.py",
        ("octavo build --entry-point '*.py'",),
        needs="pandas pyarrow matplotlib seaborn sklearn sklearn_evaluation",
    ),
)
