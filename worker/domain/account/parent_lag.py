"""PURE. How long after a task's end its provider takes presses on it, learnt from its replies.

A gateway passes on its upstream's callback before it knows of the end itself: it looks at its
upstream every 15 s or so, and refuses presses until then. Seconds throughout.
"""

from dataclasses import dataclass

#: Refused presses are tried again after 3 s, and ever later while nothing is known.
SHORTEST_S = 3.0
LONGEST_S = 30.0
#: For how long a press is tried, at least.
WINDOW_S = 60.0
#: A smaller lag is not waited for.
_WORTH_WAITING_S = 1.0
#: Weight of one press in the mean and the deviation.
_WEIGHT = 1 / 4
#: The middle is off by half of what is open, so a steady lag would never look steady without this.
_NARROWER = 0.8


@dataclass(frozen=True, slots=True)
class ParentLag:
    """Computed like TCP's round-trip time, from the middle of what each press left open.

    Simulated with lags spread over 0 to 15 s: half a refusal per press, accepted 4 s after it could
    have been; a steady lag of 12 s: 0.4 refusals and 1.4 s.
    """

    mean_s: float = 0.0
    deviation_s: float = 0.0

    @property
    def first_try_s(self) -> float:
        """How long after the parent's callback to press first; 0 where no lag is known."""
        return self.mean_s if self.mean_s >= _WORTH_WAITING_S else 0.0

    @property
    def window_s(self) -> float:
        """How long after the parent's end presses are tried."""
        return max(WINDOW_S, 2 * self._nearly_all_s)

    def again_after(self, age_s: float) -> float:
        """Seconds until a press is tried again that was refused ``age_s`` after the parent's end.

        Where the lag is known, once it has probably passed; else after as long again.
        """
        if age_s < self.first_try_s:
            return max(SHORTEST_S, self.first_try_s - age_s)
        wait = 2 * self.deviation_s if age_s < self._nearly_all_s else age_s
        return min(LONGEST_S, max(SHORTEST_S, wait))

    def after_press(self, age_s: float, refused_age_s: float | None) -> "ParentLag":
        """What is known after a press was accepted ``age_s`` after its parent's end.

        It was refused before at ``refused_age_s`` (None: it was not), so the lag lies between. A
        press may have waited for other reasons: that says nothing of a longer lag.
        """
        if refused_age_s is None:
            sample = max(age_s / 2, self.mean_s - self.deviation_s)
            return self._with(sample) if sample < self.mean_s else self
        open_s = min(age_s - refused_age_s, self.again_after(refused_age_s))
        sample = max(0.0, refused_age_s + open_s / 2)
        if self.first_try_s:
            return self._with(sample)
        return ParentLag(sample, sample / 2)

    @property
    def _nearly_all_s(self) -> float:
        return self.mean_s + 4 * self.deviation_s

    def _with(self, sample: float) -> "ParentLag":
        off = sample - self.mean_s
        deviation_s = self.deviation_s + (abs(off) * _NARROWER - self.deviation_s) * _WEIGHT
        return ParentLag(self.mean_s + off * _WEIGHT, deviation_s)


NO_LAG = ParentLag()  #: of an account of which nothing is known
