"""The products a task promises: files and folders, tables, and objects elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import kinds
from ..digests import digest
from ..errors import Place, SpecError
from ..hints import of_windows
from ..model import PROXIES, STORED, Call, Product, Relation
from ..reading.folders import relative
from .dialect import RELATIONS

if TYPE_CHECKING:
    from .schema import Spec, TaskSpec

#: What an executed notebook can be made into.
NOTEBOOKS = (".ipynb", ".html", ".md", ".pdf", ".rst", ".tex")
#: Folders that others keep, wherever they are. File systems may not tell .GIT from .git.
_OWNERS = {".git": "git", ".hg": "Mercurial", ".svn": "Subversion", ".octavo": "octavo itself"}
#: Schemes of stores that are listed.
SCHEMES = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss", "file")
_LONGEST_NAME = 150
_LONGEST = 63  # PostgreSQL cuts off the names of tables here, without a word
_TABLE = "write [name, table] or [schema, name, table]; a view is [name, view]"


class Promises:
    """Makes products of what a spec says about one task, and keeps the mistakes that it finds."""

    def __init__(self, name: str, kind: str, spec: TaskSpec, pipeline: Spec, root: str, source: str) -> None:
        self.name, self.row, self.spec, self.root = name, kinds.row(kind), spec, root
        self.word = kinds.word(kind)
        self.maker = spec.maker or pipeline.makers.get(self.word) or self.row.maker
        own, table = spec.options, pipeline.clients
        clients = (own.get("product_client"), table.get(self.maker), own.get("client"), table.get(self.word))
        self.client = next((client for client in clients if isinstance(client, Call)), None)
        self.base = os.path.dirname(source) if pipeline.product_relative_to_source else ""
        self.mistakes: list[SpecError] = []

    def products(self, value: object) -> tuple[Product, ...]:
        """Return the products; what is wrong with them is in ``mistakes``."""
        if not value:
            hint = 'add "product:" with the path it writes'
            self._wrong(f'task "{self.name}" has no product', self.spec.where, hint)
            return ()
        table: Mapping[str | None, object] = value if isinstance(value, dict) else {None: value}
        products = tuple(one for key, value in table.items() if (one := self._product(key, value)))
        if self.row.executed:
            self._check_notebook(products)
        return products

    def _product(self, key: str | None, value: object) -> Product | None:
        if self.maker == "GenericProduct" and isinstance(value, str):
            return Product(f"{PROXIES}generic/{_safe(value)}", key, maker=self.maker)
        if self.maker in RELATIONS:
            relation = self._relation(key, value)
            if relation is None:
                return None
            path = f"{PROXIES}{_label(self.client)}/{_safe(relation)}"
            return Product(path, key, False, relation, self.maker)
        if isinstance(value, str) and "://" in value:
            return self._stored(key, value)
        if not isinstance(value, str):
            hint = f'a {self.word} writes files; for a table add "product_class: SQLRelation"'
            self._wrong(f'the product of "{self.name}" must be a path, not a list', self._where(key), hint)
            return None
        if "\\" in value:
            hint = of_windows(value, inside=True) or ""
            self._wrong(
                f"the product {value} has a backslash, as paths of Windows do", self._where(key), hint
            )
        path = self._relative(os.path.join(self.base, value))
        if owner := _owner(path, self.root):
            hint = "choose another path: a build writes only what is its own"
            self._wrong(
                f'task "{self.name}" makes "{value}", which belongs to {owner}', self._where(key), hint
            )
        elif held := _held(path, self.root):
            message = f'task "{self.name}" makes "{value}", the folder that contains {held}'
            self._wrong(message, self._where(key), "choose a separate folder for the product")
        return Product(path, key, self._is_executed(key, value))

    def _stored(self, key: str | None, url: str) -> Product | None:
        """Return a product in an object store; its executed notebook is none, for it is written here."""
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES:
            hint = f"octavo can list {', '.join(SCHEMES)}"
            self._wrong(f'the product "{url}" is in no store that can be listed', self._where(key), hint)
        elif not rest.strip("/") or (scheme != "file" and "/" not in rest.strip("/")):
            self._wrong(
                f'the product "{url}" is a whole bucket', self._where(key), "name a folder or file in it"
            )
        elif self._is_executed(key, url):
            self._wrong(
                "an executed notebook is written here", self._where(key), "publish it: octavo publish"
            )
        else:
            name = _safe(url) if len(url) < _LONGEST_NAME else digest(url)
            return Product(
                f"{PROXIES}stored/{name}", key, relation=Relation(url, None, STORED), maker="Stored"
            )
        return None

    def _relation(self, key: str | None, value: object) -> Relation | None:
        where = self._where(key)
        parts = value if isinstance(value, list | tuple) else ()
        if len(parts) not in (2, 3) or not all(isinstance(part, str) and part for part in parts[-2:]):
            hint = _TABLE + (self.row.hint if isinstance(value, str) else "")
            self._wrong(f'the product of "{self.name}" must be a table ({self.maker})', where, hint)
            return None
        *schema, name, kind = parts
        if kind not in ("table", "view"):
            self._wrong(
                f'the product of "{self.name}" must be a table or a view, not "{kind}"', where, _TABLE
            )
        if len(name) > _LONGEST:
            message = f'the name of the {kind} "{name}" has {len(name)} characters'
            self._wrong(message, where, f"databases keep at most {_LONGEST}")
        return Relation(name, str(schema[0]) if schema and schema[0] else None, kind)

    def _is_executed(self, key: str | None, path: str) -> bool:
        if not self.row.executed or (key is not None and key not in self.spec.nb):
            return False
        # an exporter that is named makes whatever it makes
        return path.endswith(NOTEBOOKS) or bool(self.spec.options.get("nbconvert_exporter_name"))

    def _check_notebook(self, products: tuple[Product, ...]) -> None:
        if lost := [key for key in self.spec.nb if key not in {one.key for one in products} and key != "nb"]:
            where = self.spec.places.get("nb_product_key", self.spec.where)
            self._wrong(f'nb_product_key: "{self.name}" has no product "{lost[0]}"', where)
        elif products and not any(one.executed for one in products):
            nb = next((one.path for one in products if one.key in self.spec.nb), products[0].path)
            example = nb.rpartition(".")[0] or self.name
            hint = f'add "nb: {example}.ipynb" to its product'
            message = f'task "{self.name}" has no product for its executed notebook'
            self._wrong(message, self._where(None), hint)
        for one in products:
            if one.executed and os.path.isdir(os.path.join(self.root, one.path)):
                message = f'the executed notebook of "{self.name}" cannot be {one.path}, which is a folder'
                self._wrong(message, self._where(None))

    def _relative(self, path: str) -> str:
        return relative(path, self.root)

    def _where(self, key: str | None) -> Place:
        places = self.spec.places
        return places.get(f"product.{key}") or places.get("product") or self.spec.where

    def _wrong(self, message: str, where: Place, hint: str | None = None) -> None:
        self.mistakes.append(SpecError(message, where, hint))


def options(promised: Promises, pipeline: Spec, products: tuple[Product, ...]) -> dict[str, object]:
    """Return the options that follow from a task's products: its clients, and no cache where products are not files."""
    own = promised.spec.options
    found: dict[str, object] = {"client": own.get("client") or pipeline.clients.get(promised.word)}
    found["product_client"] = None
    if any(one.maker == "File" for one in products):
        found["file_client"] = own.get("product_client") or pipeline.clients.get("File")
    if promised.row.borrowed or any(one.maker != "File" for one in products):
        found |= {"cache": False, "product_client": promised.client}
    return found


def given(product: Product) -> object:
    """Return what user code gets for a product: its path, the relation, or the name of a thing elsewhere."""
    if product.relation is not None:
        return product.relation
    generic = product.path.removeprefix(f"{PROXIES}generic/")
    return _plain(generic) if product.maker == "GenericProduct" else product.path


def _owner(path: str, root: str) -> str | None:
    """Return whose folder a path is in, also by way of a link: git's, octavo's own; None for nobody's."""
    top, real = os.path.realpath(root), os.path.realpath(os.path.join(root, path))
    if real.startswith(top + os.sep):
        real = real[len(top) :]  # the project itself may be anywhere
    for step in (*path.split("/"), *real.split(os.sep)):
        if owner := _OWNERS.get(step.casefold()):
            return owner
    return None


def _held(path: str, root: str) -> str | None:
    """Return what of everybody's a folder is or contains; None for nothing. It would be read through and through."""
    if not os.path.isabs(path):
        return None
    real = os.path.join(os.path.realpath(os.path.join(root, path)), "")
    for folder, words in (
        ("~", "your home folder"),
        ("/tmp", "temporary files"),
        ("/var/tmp", "temporary files"),
    ):
        if os.path.join(os.path.realpath(os.path.expanduser(folder)), "").startswith(real):
            return words
    return None


def _label(client: Call | None) -> str:
    """Return the name of the folder for the proxy files of one database: its client, with a digest of the arguments."""
    if client is None:
        return "database"
    arguments = sorted((name, repr(value)) for name, value in client.arguments.items())
    return client.path + (f"-{digest(repr(arguments))[:8]}" if arguments else "")


def _safe(text: str) -> str:
    """Return a text as a file name, so that no two texts have the same."""
    return text.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")


def _plain(name: str) -> str:
    return name.replace("%5C", "\\").replace("%2F", "/").replace("%25", "%")
