"""A pipeline as a card of the gallery."""

from dataclasses import dataclass

from webhooks.pages.shown import PricedButton, ShownTree, priced, tree
from webhooks.pages.visits import Visit
from worker.adapters.store.trees import Tree


@dataclass(frozen=True, slots=True)
class Card:
    """A pipeline, and the buttons of its root."""

    tree: ShownTree
    buttons: tuple[PricedButton, ...]


def card_of(visit: Visit, found: Tree) -> Card:
    """The card; without buttons for those who may not press them."""
    shown = tree(found, visit.services.accounts)
    pressed = priced(shown.root.job, visit.services.accounts) if visit.may("press") else ()
    return Card(shown, pressed)
