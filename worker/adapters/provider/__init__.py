"""Everything that knows how a Midjourney-proxy provider speaks.

    dialect    PURE   replies and tasks of every dialect, in our words (the front of those below)
      reply      PURE   the parts of a reply to a submit
      replies    PURE   a reply to a submit -> Verdict
      snapshots  PURE   a task object -> Snapshot
      texts      PURE   the prompts in a describe's or shorten's text
      guess      PURE   which dialect an answer betrays
    reasons    PURE   the vocabulary of error codes
    wire       PURE   reading unknown JSON without raising
    payloads   PURE   our request -> the provider's path and body
    account    PURE   where and how one account is reached
    client     SHELL  the HTTP calls

The pure modules import no clock, no random numbers, no HTTP library and no settings, and never
raise on anything that a provider may send.
"""
