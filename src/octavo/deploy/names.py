"""Names of tasks as engines take them: what an engine forbids is replaced, and no two tasks get the same name."""

from __future__ import annotations

import re

from ..dataclass import dataclass
from ..digests import digest

#: How a name ends that is not the task's own.
_MARK = 12
_MARKED = re.compile(rf"[-_]x[0-9a-f]{{{_MARK}}}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NameRule:
    """What names an engine takes: those that the pattern matches as a whole, of at most so many characters.

    ``cased``: capitals and small letters are different. ``joint`` stands in place of what is forbidden, ``first``
    before a name that does not begin as it should.
    """

    pattern: str
    longest: int
    cased: bool = True
    joint: str = "-"
    first: str = "t-"

    def takes(self, name: str) -> bool:
        """Return whether a name may stay as it is."""
        return len(name) <= self.longest and re.fullmatch(self.pattern, name, re.ASCII) is not None


#: A key of an object store, and a file of every system: also one that does not tell capitals from small letters.
STORE = NameRule(r"[a-z0-9][a-z0-9_-]*", 120, cased=False)
#: An argument of Airflow's DAG, https://airflow.apache.org: letters, digits, dashes, dots, underscores.
AIRFLOW = NameRule(r"[A-Za-z0-9][\w.-]*", 250)
#: Tasks and templates of Argo Workflows (workflow/validate/validate.go): no underscore.
ARGO = NameRule(r"[A-Za-z][-A-Za-z0-9]*", 128)
#: Names of Kubernetes' objects, RFC 1123 labels, with room for what controllers append to those of jobs.
KUBERNETES = NameRule(r"[a-z]([-a-z0-9]*[a-z0-9])?", 52, cased=False)
#: Names of jobs of SLURM and its relatives: whatever a shell takes unquoted.
SLURM = NameRule(r"[A-Za-z0-9][\w.-]*", 64)
#: Names of jobs of SGE and LSF, and those of PBS, which are short in older ones.
QUEUE = NameRule(r"[A-Za-z][\w.-]*", 64)
PBS = NameRule(r"[A-Za-z][\w.-]*", 15)
#: Jobs of AWS Batch.
AWS_BATCH = NameRule(r"[A-Za-z0-9][-\w]*", 128)
#: Names that are identifiers of Python: Dagster, Kubeflow Pipelines.
IDENTIFIER = NameRule(r"[a-z_][a-z0-9_]*", 63, cased=False, joint="_", first="t_")

RULES = (STORE, AIRFLOW, ARGO, KUBERNETES, SLURM, QUEUE, PBS, AWS_BATCH, IDENTIFIER)


def engine_name(name: str, rule: NameRule) -> str:
    """Return the name of a task for an engine: its own, or one that ends in a digest of its own.

    A name of a task that looks as if it had such an end gets another one, so that none can be taken for it.
    """
    if rule.takes(name) and not _MARKED.search(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9]+", rule.joint, name if rule.cased else name.lower()).strip(rule.joint)
    if not plain[:1].isalpha():
        plain = rule.first + plain
    mark = f"{rule.joint}x{digest(name.encode('utf-8', 'surrogatepass'))[:_MARK]}"
    return plain[: rule.longest - len(mark)].rstrip(rule.joint) + mark
