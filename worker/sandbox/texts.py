"""The words that describe and shorten answer with, made from the input alone."""

from __future__ import annotations

from worker.sandbox.chance import chance

NUMBERS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣")

_SUBJECTS = ("a lighthouse", "two koi", "an old orchard", "a paper city", "a quiet harbour")
_SETTINGS = ("at dawn", "in heavy rain", "under paper lanterns", "seen from above", "in fog")
_STYLES = ("gouache", "ukiyo-e", "soft pastel", "isometric print", "long exposure photograph")


def described(seed: str) -> tuple[str, ...]:
    """Four prompts for a picture, as describe finds them (protocol: describe results)."""
    dice = chance(seed)
    return tuple(
        f"{dice.choice(_SUBJECTS)} {dice.choice(_SETTINGS)}, {dice.choice(_STYLES)} --ar 1:1"
        for _ in range(4)
    )


def numbered(prompts: tuple[str, ...]) -> str:
    """The form a Discord account answers with: emoji number, prompt, blank line."""
    return "\n\n".join(f"{NUMBERS[i]} {prompt}" for i, prompt in enumerate(prompts))


def unnumbered(prompts: tuple[str, ...]) -> str:
    """The form a partner account answers with: one prompt per line, CR LF between them."""
    return "\r\n".join(prompts)


def shortened(prompt: str) -> str:
    """Important tokens marked, then ever shorter prompts (protocol: shorten results)."""
    words = prompt.split()
    marked = " ".join(f"~~{w}~~" if i % 3 == 2 else f"**{w}**" for i, w in enumerate(words))
    lengths = [max(1, len(words) * share // 10) for share in (9, 7, 5, 3, 1)]
    prompts = tuple(" ".join(words[:length]).rstrip(",") for length in lengths)
    return f"## Important tokens\n{marked}\n## Shortened prompts\n{numbered(prompts)}"


def prompts_in(text: str) -> tuple[str, ...]:
    """The prompts of a describe result, of either form, without their numbers."""
    found = (part.strip() for part in text.replace("\r\n", "\n").split("\n"))
    return tuple(part[_number_length(part) :].strip() for part in found if part)


def _number_length(prompt: str) -> int:
    return next((len(number) for number in NUMBERS if prompt.startswith(number)), 0)
