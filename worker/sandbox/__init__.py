"""A local stand-in of a Midjourney-proxy provider: every endpoint, real pictures, faults on demand.

It is a program of its own and the independent oracle of the tests, so it imports nothing from
Hookline: each side implements the protocol for itself. Nothing is imported here: the command line
reads the options in every process, and the rest needs Flask and Pillow.
"""
