"""The provider's protocol (Midjourney-proxy): our requests -> its JSON, its JSON -> our words.

All but ``client`` is pure, and never raises on anything that a provider may send.
"""
