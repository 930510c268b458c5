"""A pipeline as a card of the gallery."""

from collections.abc import Mapping
from dataclasses import dataclass

from webhooks.pages import languages, rendering
from webhooks.pages.shown import PricedButton, ShownTree, priced, tree
from webhooks.pages.visits import Visit
from worker.adapters.store.trees import Tree
from worker.services.reports.gallery import SHOWN

#: Seconds after which an unchanged card is drawn again: it says how long ago it began.
_DRAWN_S = 10.0


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


def drawn(visit: Visit, versions: Mapping[str, int]) -> str:
    """The cards of these pipelines as HTML, those that there are; of each version drawn once, for
    all who see the same of it.
    """
    shared = visit.visitors.shared
    # Nothing else of a visit is in a card: the template does not get it.
    alike = languages.language(), visit.caller.tenant, visit.may("press")
    found: dict[str, str | None] = {
        name: shared.find(("card", name, version, *alike)) for name, version in versions.items()
    }
    now = visit.services.clock()
    missing = [name for name, card in found.items() if card is None]
    for each in visit.desk.visible.trees(missing, SHOWN):
        card = rendering.text("gallery_cards.html", {"cards": [card_of(visit, each)], "now": now})
        key = ("card", each.id, each.version, *alike)
        found[each.id] = shared.keep(key, card, _DRAWN_S)
    return "".join(card for card in found.values() if card)
