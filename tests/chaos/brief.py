"""``python -m tests.chaos.brief worker ...``: a worker that soon gives up files that cannot be had.

It tries for an hour otherwise: a broken picture may have been broken on its way.
"""

from worker.entrypoints.cli import main
from worker.services import assets

GIVE_UP_AFTER_S = 3.0

if __name__ == "__main__":
    assets.GIVE_UP_AFTER_S = GIVE_UP_AFTER_S
    main()
