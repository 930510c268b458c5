"""All pages."""

from webhooks.pages import gallery, pictures, signing_in
from webhooks.pages.registry import Page

PAGES: tuple[Page, ...] = (*signing_in.pages, *gallery.pages, *pictures.pages)
