"""The rules: ours, a row each, and those that other packages bring."""

from __future__ import annotations

from .. import plugins
from . import (
    Named,
    changed_folder,
    clock,
    debugging,
    edited,
    environment_variable,
    execution_order,
    huge_output,
    install,
    machine_path,
    many_functions,
    missing_requirement,
    network,
    never_run,
    newer_syntax,
    not_repeatable,
    personal_data,
    repeated_code,
    secret,
    stored_error,
    syntax_error,
    too_long,
    two_meanings,
    undeclared_upstream,
    undefined_name,
    unseeded,
    untitled,
    unused_noqa,
    unused_parameter,
    unused_product,
    unused_requirement,
)

RULES: tuple[Named, ...] = (
    undefined_name.RULE,
    execution_order.RULE,
    stored_error.RULE,
    never_run.RULE,
    edited.RULE,
    syntax_error.RULE,
    not_repeatable.RULE,
    two_meanings.RULE,
    machine_path.RULE,
    install.RULE,
    changed_folder.RULE,
    unseeded.RULE,
    network.RULE,
    clock.RULE,
    environment_variable.RULE,
    untitled.RULE,
    debugging.RULE,
    huge_output.RULE,
    secret.RULE,
    unused_parameter.RULE,
    personal_data.RULE,
    newer_syntax.RULE,
    unused_noqa.RULE,
    missing_requirement.RULE,
    unused_requirement.RULE,
    undeclared_upstream.RULE,
    unused_product.RULE,
    repeated_code.RULE,
    too_long.RULE,
    many_functions.RULE,
)


def rules() -> tuple[Named, ...]:
    """Return all rules; other packages name theirs as entry points of ``octavo.checks``."""
    names = [rule.name for rule in RULES]
    return (*RULES, *(plugins.member("checks", name, names) for name in plugins.brought("checks")))
