"""Evaluate Jinja expressions such as {{name | upper}} and {% if sample %}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import SpecError
from ..reading.bounded import Counted, within

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Walled(Counted, ImmutableSandboxedEnvironment):
    """Bounds, and the walls of the sandbox."""


def render(text: str, values: Mapping[str, object]) -> str:
    """Return a text with its expressions replaced; only the values that it names are asked for.

    Raises ``KeyError`` with a name that it needs and that is none of the values, and ``SpecError``, without a
    place and to be read after the text itself, for everything else that is wrong with it. Expressions cannot reach
    beyond the values: reading a pipeline runs nothing of the project.
    """
    environment = _Walled(undefined=StrictUndefined, keep_trailing_newline=True)
    named: list[str] = []
    try:
        named = sorted(meta.find_undeclared_variables(environment.parse(text)))
        template = environment.from_string(text)
        return within(template.generate({name: values[name] for name in named if name in values}))
    except TemplateSyntaxError as error:
        raise SpecError(f"is not a valid Jinja expression: {error.message}") from None
    except UndefinedError as error:
        for name in named:
            if name not in values:
                raise KeyError(name) from None
        raise SpecError(f"cannot be computed: {error.message}") from None
    except (
        TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
    ) as error:
        raise SpecError(f"cannot be computed: {error}") from None
