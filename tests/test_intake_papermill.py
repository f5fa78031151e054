"""What called papermill becomes a pipeline: shell scripts, crontabs, Airflow and other Python."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from octavo.errors import Error
from octavo.intake.adoption import adopted, environment, unset
from octavo.intake.dates import said
from octavo.intake.papermill_calls import calls
from octavo.intake.proposal import ProposedTask
from projects import Folder
from test_intake import ipynb, project

NOW = datetime(2026, 3, 1, 4, 5, 6)


def tagged(*code: str) -> str:
    """Return a notebook whose first cell is tagged ``parameters``."""
    document = json.loads(ipynb(*code))
    document["cells"][0]["metadata"]["tags"] = ["parameters"]
    return json.dumps(document)


#: A notebook that makes the file that it is told, and one that reads the one that it is told.
PAIR = {
    "nb/load.ipynb": tagged("city = ''\nout = 'data.csv'", "open(out, 'w').write(city)"),
    "nb/fit.ipynb": tagged("inp = 'data.csv'\nlevel = 1", "print(open(inp).read(), level)"),
}


def proposed(folder: Path, script: str, name: str = "run.sh") -> dict[str, ProposedTask]:
    project(folder, PAIR)
    tasks, _, notes = adopted(calls(script, name, folder.as_posix()), folder, name)
    assert not notes
    return {task.name: task for task in tasks}


def test_what_is_secret_in_a_script_is_not_written_down(tmp_path: Path) -> None:
    project(tmp_path, PAIR)
    (tmp_path / "more.yaml").write_text("db: {user: shop, password: s3cret-of-file}\nn: 1")
    script = """
TOKEN=s3cret-of-variable
papermill nb/load.ipynb a.ipynb -p city Bern -p api_token s3cret-of-call -f more.yaml
papermill nb/load.ipynb b.ipynb -p api_token $TOKEN -y 'url: "postgres://shop:s3cret-of-url@db/x"'
papermill nb/load.ipynb c.ipynb -p api_token s3cret-of-call -p max_token 7
for t in s3cret-1 s3cret-2; do papermill nb/load.ipynb d-$t.ipynb -p auth $t; done
papermill s3://shop:s3cret-of-place@bucket/nb.ipynb e.ipynb
"""
    tasks, _, notes = adopted(calls(script, "run.sh", tmp_path.as_posix()), tmp_path, "run.sh")
    first, second, third, fourth = (dict(task.params) | dict(task.grid) for task in tasks)
    assert first == {
        "city": "Bern",
        "api_token": "{{env.API_TOKEN}}",
        "db": {"user": "shop", "password": "{{env.PASSWORD}}"},
        "n": 1,
    }
    assert second == {"api_token": "{{env.API_TOKEN_2}}", "url": "{{env.URL}}"}
    assert third == {"api_token": "{{env.API_TOKEN}}", "max_token": 7}
    assert fourth == {"auth": ["{{env.AUTH}}", "{{env.AUTH_2}}"]}
    assert "run.sh:3: the value of PASSWORD is not written down: set PASSWORD in the environment" in notes
    assert "s3cret-of" not in str([notes, *(task.products for task in tasks)])


def test_a_script_that_calls_papermill_becomes_tasks(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "nb/load.ipynb": ipynb("city = ''", "open('../clean.csv', 'w').close()"),
            "nb/fit.ipynb": ipynb("open('../clean.csv')"),
        },
    )
    script = (
        "#!/bin/sh\nDATE=$(date +%F)\nOUT=results\ncd nb\nfor c in paris rome; do\n"
        "  papermill load.ipynb ../$OUT/load-$c.ipynb -p city $c \\\n    -p day $DATE -k python3\ndone\n"
        "python -m papermill fit.ipynb ../$OUT/fit.ipynb -p n 3 -p on true -r zip 007 > log.txt 2>&1\n"
        "papermill gone.ipynb x.ipynb\n"
    )
    tasks, env, notes = adopted(calls(script, "run.sh"), tmp_path, "run.sh")
    load, fit = tasks
    assert (load.name, load.source, dict(load.grid)) == (
        "load-[[city]]",
        "nb/load.ipynb",
        {"city": ["paris", "rome"]},
    )
    assert load.products == {"nb": "results/load-[[city]].ipynb"}
    assert (load.params, load.kernel) == ({"day": "{{DATE}}"}, "python3")
    assert env == {"DATE": "$(date +%F)"}
    assert (load.local, fit.local) == (True, True)
    assert (fit.upstream, fit.why) == (("load-*",), "clean.csv")
    assert fit.params == {"n": 3, "on": True, "zip": "007"}
    assert notes == [f"run.sh:10: there is no gone.ipynb in {tmp_path}: this call is left out"]


def test_a_crontab_keeps_its_times_as_a_comment(tmp_path: Path) -> None:
    project(tmp_path, {"a.ipynb": ipynb("1"), "b.ipynb": ipynb("1")})
    table = (
        "MAILTO=me\n# m h\n0 6 * * 1-5 papermill a.ipynb out/a.ipynb\n@daily papermill b.ipynb out/b.ipynb\n"
    )
    tasks, _, _ = adopted(calls(table, "-"), tmp_path, "-")
    assert [task.comment for task in tasks] == [("line 3, 0 6 * * 1-5",), ("line 4, @daily",)]


def test_a_dag_of_airflow_keeps_its_order_and_its_templates(tmp_path: Path) -> None:
    project(tmp_path, {name: ipynb("1") for name in ("a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb")})
    dag = """
from airflow import DAG
from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.operators.bash import BashOperator
import papermill as pm

OUT = "out"
with DAG("nightly", schedule="@daily") as dag:
    a = PapermillOperator(task_id="load", input_nb="a.ipynb", output_nb=f"{OUT}/a-{{{{ ds }}}}.ipynb",
                          parameters={"day": "{{ ds }}", "n": -1})
    b = BashOperator(task_id="fit", bash_command="papermill b.ipynb out/b.ipynb -p k 2")
    c = PapermillOperator(task_id="report", input_nb="c.ipynb", output_nb="out/c.ipynb")
    a >> b >> c

def other():
    pm.execute_notebook("d.ipynb", "out/d.ipynb", parameters=dict(x=1), kernel_name="python3")
"""
    tasks, env, notes = adopted(calls(dag, "dag.py"), tmp_path, "dag.py")
    assert [(task.name, task.upstream) for task in tasks] == [
        ("load", ()),
        ("fit", ("load",)),
        ("report", ("fit",)),
        ("d", ()),
    ]
    assert tasks[0].products == {"nb": "out/a-{{ds}}.ipynb"}
    assert tasks[0].params == {"day": "{{ds}}", "n": -1}
    assert tasks[1].params == {"k": 2}
    assert set(env) == {"ds"}
    assert tasks[3].params == {"x": 1}
    assert not notes


@pytest.mark.parametrize(
    "here",
    [
        'cd "$(dirname "$0")/.."\n',
        "cd `dirname $0`; cd ..\n",
        'DIR="$( cd "$( dirname "${BASH_SOURCE[0]}" )" &> /dev/null && pwd )"\ncd $DIR/..\n',
        'HERE=$(dirname "$(readlink -f "$0")")\npushd "$HERE" > /dev/null; popd\n',
        "cd ${0%/*} || exit 1\ncd - ; true\n",
        "cd /srv/a-machine-that-is-not-this-one\n",
        "ROOT=$(git rev-parse --show-toplevel)\ncd $ROOT\n",
        "(cd nb && ls)\n",
    ],
)
def test_scripts_find_their_own_folder_in_many_ways(here: str, tmp_path: Path) -> None:
    found = proposed(tmp_path, f"{here}papermill nb/load.ipynb out/load.ipynb", "scripts/run.sh")
    assert [(task.source, task.products, task.cwd) for task in found.values()] == [
        ("nb/load.ipynb", {"nb": "out/load.ipynb"}, "")
    ]


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        (
            "OUT=o; DAY=$(date +%F)\nDIR=$OUT/$DAY\npapermill nb/fit.ipynb $DIR/fit.ipynb",
            ["o/{{DAY}}/fit.ipynb"],
        ),
        (
            "for f in nb/*.ipynb; do papermill $f o/$(basename $f .ipynb)-x.ipynb; done",
            ["o/fit-x.ipynb", "o/load-x.ipynb"],
        ),
        (
            "for f in nb/*.ipynb; do b=${f##*/}; papermill $f o/${b%.ipynb}.out.ipynb; done",
            ["o/fit.out.ipynb", "o/load.out.ipynb"],
        ),
        ("for n in {1..3}; do papermill nb/fit.ipynb o/$n.ipynb -p level $n; done", ["o/[[level]].ipynb"]),
        (
            "for n in $(seq 2 2 6)\ndo\n papermill nb/fit.ipynb o/$n.ipynb -p level $n\ndone",
            ["o/[[level]].ipynb"],
        ),
        ("for n in a b; do papermill nb/fit.ipynb o/$n.ipynb; done", ["o/a.ipynb", "o/b.ipynb"]),
        (
            "N=(fit load)\nfor n in ${N[@]}; do papermill nb/$n.ipynb o/$n.ipynb; done",
            ["o/fit.ipynb", "o/load.ipynb"],
        ),
        (
            "run() {\n papermill nb/$1.ipynb o/$1-$2.ipynb\n}\nrun fit 1\nrun load 2",
            ["o/fit-1.ipynb", "o/load-2.ipynb"],
        ),
        ("function go { papermill nb/fit.ipynb o/$1.ipynb; }\ngo a; go b", ["o/a.ipynb", "o/b.ipynb"]),
        ("docker run --rm -v $(pwd):/w img papermill nb/fit.ipynb o/${X:-x}.ipynb", ["o/x.ipynb"]),
        ("papermill nb/fit.ipynb - -p level 2 | cat", ["output/fit.ipynb"]),
        ("if [ -f x ]; then\n papermill nb/fit.ipynb o/'a; b'.ipynb && echo 'c | d'\nfi", ["o/a; b.ipynb"]),
    ],
)
def test_loops_functions_and_variables_of_a_shell_are_followed(
    script: str, wanted: list[str], tmp_path: Path
) -> None:
    assert [task.products["nb"] for task in proposed(tmp_path, script).values()] == wanted


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("x.sh", "for a in {1..999}; do for b in {1..999}; do papermill a.ipynb $a-$b.ipynb; done; done"),
        ("x.sh", "X=aaaaaaaaaa\n" + "X=$X$X\n" * 40 + "papermill a.ipynb $X.ipynb"),
        (
            "x.sh",
            "f0() { true; }\n" + "".join(f"f{n}() {{ f{n - 1}; f{n - 1}; }}\n" for n in range(1, 30)) + "f29",
        ),
        (
            "x.py",
            "for a in range(999):\n  for b in range(999):\n    execute_notebook('a.ipynb', f'{a}{b}')\n",
        ),
        ("x.py", "x = 'aaaaaaaa'\n" + "x = x + x\n" * 40),
        (
            "x.py",
            "x = [[a for a in range(999)] for b in range(999)]",
        ),
        ("x.py", "x = " + "(" * 900 + ")" * 900),
    ],
)
def test_scripts_that_would_have_no_end_are_refused(name: str, script: str) -> None:
    with pytest.raises(Error) as refused:
        calls(script, name)
    assert str(refused.value.where).startswith("x.")


def test_wide_formats_and_braces_without_bound_do_no_harm() -> None:
    wide = (
        "execute_notebook('a.ipynb', '%999999999d' % 1)\nexecute_notebook('b.ipynb', 'b-2024-%s.ipynb' % 1)"
    )
    assert [call.output for call in calls(wide, "x.py")][1] == "b-2024-1.ipynb"
    assert calls("for a in " + "{a,b}" * 40 + "; do papermill a.ipynb b.ipynb; done", "x.sh")


def test_parameters_tell_who_needs_whom(tmp_path: Path) -> None:
    script = (
        'for c in Bern \'New York\'; do\n  papermill nb/load.ipynb "o/$c.ipynb" -p city "$c" -r out "d/$c.csv"\ndone\n'
        "papermill nb/fit.ipynb o/fit.ipynb -p inp d/Bern.csv\npapermill nb/fit.ipynb o/other.ipynb -p inp e.csv"
    )
    found = proposed(tmp_path, script)
    assert found["load-[[city]]"].params == {"out": "d/[[city]].csv"}
    assert found["load-[[city]]"].grid == {"city": ["Bern", "New York"]}
    assert [found[name].upstream for name in ("fit", "fit-2")] == [("load-*",), ()]


def test_parameters_of_files_and_in_base64_are_written_down(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("level: 2\ninp: e.csv\n")
    script = "papermill nb/fit.ipynb o/a.ipynb -f p.yaml -p level 3\n"
    script += "papermill nb/fit.ipynb o/b.ipynb -b e2xldmVsOiA3fQ=="
    a, b = proposed(tmp_path, script).values()
    assert (a.params, b.params) == ({"level": 3, "inp": "e.csv"}, {"level": 7})
    _, _, notes = adopted(calls("papermill nb/fit.ipynb o/a.ipynb -b '?' -f none.yaml", "x"), tmp_path, "x")
    assert notes == [
        "x:1: -b ? is no mapping: its parameters are left out",
        "x:1: -f none.yaml cannot be read: put its parameters here",
    ]


def test_each_line_of_a_crontab_is_a_shell_of_its_own(tmp_path: Path) -> None:
    table = (
        f"BASE={tmp_path}\n0 3 * * 1-5 cd $BASE/nb &&"
        " papermill load.ipynb ../out/load.ipynb -p day `date +\\%F` >> /var/log/x 2>&1\n"
        "@daily papermill nb/fit.ipynb out/fit.ipynb\n"
        "*/5 2-4 * jan,feb sun user papermill nb/fit.ipynb out/fit-2.ipynb\n"
    )
    load, *fits = proposed(tmp_path, table, "-").values()
    assert (load.products, load.params, load.local) == ({"nb": "out/load.ipynb"}, {"day": "{{date}}"}, True)
    assert [(fit.products["nb"], fit.local) for fit in fits] == [
        ("out/fit.ipynb", False),
        ("out/fit-2.ipynb", False),
    ]
    assert fits[1].comment == ("line 4, */5 2-4 * jan,feb sun",)


DAG = """
import os
from datetime import date
from pathlib import Path
BASE = Path("nb")
CITIES = {"Bern": 1, "Lima": 2}
def make(name, **kw):
    out = os.path.join("o", name + ".ipynb")
    return PapermillOperator(task_id=name, input_nb=str(BASE / "load.ipynb"), output_nb=out, parameters=kw)
@dag(schedule="@daily")
def flow():
    loads = [make(f"load-{c}", city=c) for c in CITIES]
    fit = PapermillOperator(task_id="fit", input_nb="nb/fit.ipynb", output_nb="o/fit-%s.ipynb" % os.getenv("X", "x"))
    ops, last = [], None
    for i in range(1, 4):
        out = f"o/{{{{ ds }}}}-{i}.ipynb"
        more = dict(input_nb="nb/fit.ipynb", parameters={"level": i})
        step = PapermillOperator(task_id="step{}".format(i), output_nb=out, **more)
        ops.append(step)
    loads >> fit
    fit.set_downstream(ops)
    end = BashOperator(task_id="end", bash_command="cd nb && papermill fit.ipynb ../o/end.ipynb")
    chain(ops, end)
flow()
"""


def test_loops_and_functions_of_a_dag_are_followed(tmp_path: Path) -> None:
    found = proposed(tmp_path, DAG, "dag.py")
    assert {name: (task.products["nb"], task.upstream) for name, task in found.items()} == {
        "load-[[city]]": ("o/load-[[city]].ipynb", ()),
        "fit": ("o/fit-x.ipynb", ("load-*",)),
        "step[[level]]": ("o/{{ds}}-[[level]].ipynb", ("fit", "load-*")),
        "end": ("o/end.ipynb", ("step*",)),
    }
    assert found["step[[level]]"].grid == {"level": [1, 2, 3]}
    assert found["end"].local


@pytest.mark.parametrize(
    ("origin", "value"),
    [
        ("$(date +%F)", "2026-03-01"),
        ("`date -d yesterday +%Y%m%d`", "20260228"),
        ('$(date --date="2 days ago" +%d)', "27"),
        ("$(date -u +\\%H)", "04"),
        ("Airflow's {{ ds_nodash }}", "20260301"),
        ("date.today().isoformat()", "2026-03-01"),
        ("datetime.now().strftime('%Y/%m')", "2026/03"),
        ("$(date -r file)", None),
        ("$USER", None),
        ("Airflow's {{ params }}", None),
        ("date.today() - timedelta(days=1)", None),
    ],
)
def test_dates_are_those_of_now(origin: str, value: str | None) -> None:
    assert said(origin, NOW) == value


def test_what_only_a_person_knows_is_asked_for_and_never_guessed(folder: Folder) -> None:
    assert unset({"a": "$USER", "b": "$(date)"}, NOW) == ["a"]
    assert "# a: …  # was $USER" in environment({"a": "$USER", "b": "$(date +%F)"}, NOW)
    for name, text in PAIR.items():
        folder.write(name, text)
    folder.write(
        "run.sh", "papermill nb/fit.ipynb out/$WHO/fit.ipynb -p inp nb/fit.ipynb -p level $(date +%Y)"
    )
    said = folder.octavo("init", "--papermill", "run.sh", "--yes")
    assert said.returncode == 0, said.stderr
    assert said.stderr.endswith("next: set WHO in env.yaml, then octavo build\n")
    refused = folder.octavo("build")
    assert refused.returncode == 2
    assert "WHO" in refused.stderr
    folder.write("env.yaml", folder.read("env.yaml").replace("# WHO: …", "WHO: ada"))
    built = folder.octavo("build")
    assert built.returncode == 0, built.stderr + built.stdout
    assert (folder.path / "out" / "ada" / "fit.ipynb").exists()
