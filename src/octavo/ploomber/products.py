"""Products under the names of Ploomber's Python API: files and tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..model import Relation
from ..process.ploomber_names import absent
from .placeholders import Placeholder

__all__ = [
    "EmptyProduct",
    "File",
    "GenericProduct",
    "GenericSQLRelation",
    "MetaProduct",
    "PostgresRelation",
    "Product",
    "SQLRelation",
    "SQLiteRelation",
]
__getattr__ = absent(__name__)


class Product:
    """What a task makes. Its identifier may have placeholders, which the task's parameters fill."""

    def __init__(self, identifier: Any, client: Any = None) -> None:
        self._identifier = identifier
        self._client = client
        self.task: Any = None

    @property
    def client(self) -> Any:
        """Its own client, or that of the DAG for products of its class."""
        if self._client is None and self.task is not None:
            return self.task.dag.clients.of(type(self).__name__)
        return self._client

    def _filled(self, value: Any) -> Any:
        text = str(value)
        if "{{" not in text and "{%" not in text:
            return text
        known = self.task._values() if self.task is not None else {}
        return Placeholder(text).render({**known, "name": self.task.name if self.task is not None else ""})

    def __str__(self) -> str:
        return str(self._filled(self._identifier))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def exists(self) -> bool:
        """Return whether it exists."""
        raise NotImplementedError(f"{type(self).__name__} cannot tell whether it exists")

    def delete(self, force: bool = False) -> None:
        """Remove it."""
        raise NotImplementedError(f"{type(self).__name__} cannot be removed")

    def to_json_serializable(self) -> Any:
        """Return it as notebooks get it."""
        return str(self)


class File(Product, os.PathLike[str]):
    """A file or a folder. It goes wherever a path goes."""

    def __init__(self, identifier: str | os.PathLike[str] | Placeholder, client: Any = None) -> None:
        if not isinstance(identifier, str | os.PathLike | Placeholder):
            raise TypeError(f"File() takes a path, not {identifier!r}")
        super().__init__(identifier, client)

    def __fspath__(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return Path(self).name

    def exists(self) -> bool:
        """Return whether it exists."""
        return Path(self).exists()

    def delete(self, force: bool = False) -> None:
        """Remove it."""
        path = Path(self)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def download(self) -> None:
        """Fetch it by its client."""
        self.client.download(str(self))

    def upload(self) -> None:
        """Send it by its client."""
        self.client.upload(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class SQLRelation(Product):
    """A table or view: ``(name, kind)`` or ``(schema, name, kind)``, of which the kind is "table" or "view"."""

    def __init__(self, identifier: Any, client: Any = None) -> None:
        parts = list(identifier) if isinstance(identifier, list | tuple) else []
        if len(parts) == 2:
            parts.insert(0, None)
        if len(parts) != 3 or parts[2] not in ("table", "view"):
            forms = "(name, kind) or (schema, name, kind), kind being table or view"
            raise ValueError(f"{type(self).__name__} takes {forms}, not {identifier!r}")
        super().__init__(parts, client)

    @property
    def schema(self) -> str | None:
        """Its schema, where one is named."""
        schema = self._identifier[0]
        return None if schema is None else self._filled(schema)

    @property
    def name(self) -> str:
        """Its name, without the schema."""
        return str(self._filled(self._identifier[1]))

    @property
    def kind(self) -> str:
        """Whether it is a "table" or a "view"."""
        return str(self._identifier[2])

    def exists(self) -> bool:
        """Return whether it can be read by its client."""
        cursor = self.client.connection.cursor()
        try:
            cursor.execute(f"SELECT * FROM {self} WHERE 1 = 0")
        except Exception:  # each driver has its own word for a table that is not there
            return False
        finally:
            cursor.close()
        return True

    def delete(self, force: bool = False) -> None:
        """Drop it."""
        self.client.execute(f"DROP {self.kind.upper()} IF EXISTS {self}{' CASCADE' if force else ''}")

    def relation(self) -> Relation:
        """Return it as functions get it."""
        return Relation(self.name, self.schema, self.kind)

    def __str__(self) -> str:
        return str(self.relation())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


class SQLiteRelation(SQLRelation):
    """A table or view in SQLite."""


class PostgresRelation(SQLRelation):
    """A table or view in PostgreSQL."""


class GenericSQLRelation(SQLRelation):
    """A table or view in a database without a class of its own."""


class GenericProduct(Product):
    """Something that only its task knows how to look at; it is taken to be there once it was made."""

    def exists(self) -> bool:
        """Return whether its task has been done."""
        return self.task is not None and self.task._done()


class EmptyProduct(Product):
    """The product of tasks whose value is handed on in memory."""

    def __init__(self) -> None:
        super().__init__("")

    def exists(self) -> bool:
        """There is nothing to be there."""
        return False

    def __repr__(self) -> str:
        return "EmptyProduct()"


class MetaProduct(Mapping[Any, Product]):
    """Several products of one task, by names or by numbers."""

    def __init__(self, products: Any) -> None:
        table = products.items() if isinstance(products, Mapping) else enumerate(products)
        self.products: dict[Any, Product] = dict(table)
        self.named = isinstance(products, Mapping)
        for key, product in self.products.items():
            if not isinstance(product, Product):
                raise TypeError(
                    f"{key!r} must be a product, not {product!r}: for a file, write File({product!r})"
                )

    @property
    def task(self) -> Any:
        """The task that makes them."""
        return self.first.task

    @task.setter
    def task(self, task: Any) -> None:
        for product in self.products.values():
            product.task = task

    @property
    def first(self) -> Product:
        """The first of them."""
        return next(iter(self.products.values()))

    def exists(self) -> bool:
        """Return whether all of them exist."""
        return all(product.exists() for product in self.products.values())

    def delete(self, force: bool = False) -> None:
        """Remove all of them."""
        for product in self.products.values():
            product.delete(force)

    def to_json_serializable(self) -> Any:
        """Return them as notebooks get them."""
        table = {key: product.to_json_serializable() for key, product in self.products.items()}
        return table if self.named else list(table.values())

    def __getitem__(self, key: Any) -> Product:
        return self.products[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.products if self.named else self.products.values())

    def __len__(self) -> int:
        return len(self.products)

    def __str__(self) -> str:
        return str(self.to_json_serializable())

    def __repr__(self) -> str:
        return f"MetaProduct({self.products if self.named else list(self.products.values())})"


def product_of(value: Any) -> Product | MetaProduct:
    """Return the product that a task is given: one, or a mapping or list of several."""
    if isinstance(value, Product | MetaProduct):
        return value
    if isinstance(value, Mapping | list | tuple):
        return MetaProduct(value)
    raise TypeError(
        f"the product of a task must be a product, not {value!r}: for a file, write File({value!r})"
    )
