"""The texts that describe and shorten produce, made from the input alone."""

import re

from worker.sandbox.rng import seeded_rng

NUMBERS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣")

_SUBJECTS = ("a lighthouse", "two koi", "an old orchard", "a paper city", "a quiet harbour")
_SETTINGS = ("at dawn", "in heavy rain", "under paper lanterns", "seen from above", "in fog")
_STYLES = ("gouache", "ukiyo-e", "soft pastel", "isometric print", "long exposure photograph")


def described(seed: str) -> tuple[str, ...]:
    """Four prompts for a picture, as describe finds them."""
    rng = seeded_rng(seed)
    return tuple(
        f"{rng.choice(_SUBJECTS)} {rng.choice(_SETTINGS)}, {rng.choice(_STYLES)} --ar 1:1"
        for _ in range(4)
    )


def numbered(prompts: tuple[str, ...]) -> str:
    """The form of a Discord account: emoji number, prompt, blank line."""
    return "\n\n".join(f"{NUMBERS[i]} {prompt}" for i, prompt in enumerate(prompts))


def unnumbered(prompts: tuple[str, ...]) -> str:
    """The form of a partner account: one prompt per line, CR LF between them."""
    return "\r\n".join(prompts)


def shortened(prompt: str) -> str:
    """The important words marked, then shorter and shorter prompts."""
    words = prompt.split()
    marked = " ".join(f"~~{w}~~" if i % 3 == 2 else f"**{w}**" for i, w in enumerate(words))
    lengths = [max(1, len(words) * share // 10) for share in (9, 7, 5, 3, 1)]
    prompts = tuple(" ".join(words[:length]).rstrip(",") for length in lengths)
    return f"## Important tokens\n{marked}\n## Shortened prompts\n{numbered(prompts)}"


def prompts_in(text: str) -> tuple[str, ...]:
    """The prompts of a describe result in either form, without their numbers."""
    lines = (re.sub(f"^({'|'.join(NUMBERS)})", "", line.strip()) for line in text.splitlines())
    return tuple(line.strip() for line in lines if line)
