"""No module or class binds a name twice: the second definition silently wins.

Ruff sees it for functions, classes and imports only; pyright sees constants, but brings 200 MB.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.support.processes import ROOT

PACKAGES = ("worker", "webhooks", "config")


def bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that the statements bind, one by one; branches may bind the same one."""
    for node in body:
        match node:
            case ast.FunctionDef(decorator_list=[ast.Name(id="overload")]):
                pass  # one of the types of what follows
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name
            case ast.Assign(targets=targets):
                yield from (each.id for each in targets if isinstance(each, ast.Name))
            case _:
                pass


def redefined(tree: ast.Module) -> list[str]:
    classes = (node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    counts = [Counter(bound(body)) for body in (tree.body, *classes)]
    return [name for names in counts for name, times in names.items() if times > 1]


def test_no_name_is_bound_twice() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(modules) > 100
    found = {str(path): redefined(ast.parse(path.read_text("utf-8"))) for path in modules}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_check_sees_the_defect_it_was_made_for() -> None:
    tree = ast.parse("_KEPT = ('a',)\nclass Modal:\n    x: int = 1\n    x = 2\n_KEPT = ()\n")
    assert redefined(tree) == ["_KEPT", "x"]
