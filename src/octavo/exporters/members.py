"""Find an exporter by its name: one of ours, or one that another package brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import plugins
from ..lazy import lazy_imports
from . import WorkflowExporter

with lazy_imports():
    from . import airflow, argo, json, kubeflow, kubernetes

EXPORTERS: Mapping[str, Callable[[], WorkflowExporter]] = {
    "airflow": lambda: airflow.AIRFLOW_DAG,
    "argo": lambda: argo.ARGO_WORKFLOWS,
    "json": lambda: json.JSON_PLAN,
    "kubeflow": lambda: kubeflow.KUBEFLOW_PIPELINES,
    "kubernetes": lambda: kubernetes.KUBERNETES_JOB,
}


def exporter(name: str) -> WorkflowExporter:
    """Return an exporter; an unknown name is an error with a hint."""
    if name in EXPORTERS:
        return EXPORTERS[name]()
    found: WorkflowExporter = plugins.member("exporters", name, EXPORTERS)
    return found
