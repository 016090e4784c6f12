"""An operator who suspends and reinstates organizations without pause: `python -m kit.flapping TURNS PER_SECOND`.

Organizations named `flap-…` are switched at random. After every fifth of them the next one named `once-…` is suspended,
for good. Each change is a line of JSON, written when it is committed: [began, committed, organization, suspended], the
times as Unix seconds.
"""

# ruff: noqa: PLC0415 - models can be imported only when Django is set up.

from __future__ import annotations

import json
import random
import sys
import time

from watchword.cli.control_plane import open_control_plane

FLAPPING = "flap-"
ONCE = "once-"


def main() -> None:
    open_control_plane()
    from watchword.control.base.actor import command_line
    from watchword.control.organizations.commands import Reinstate, Suspend
    from watchword.control.organizations.models import Organization, SuspensionReason

    ids = sorted(Organization.objects.values_list("pk", flat=True))
    flapping = [organization for organization in ids if organization.startswith(FLAPPING)]
    once = [organization for organization in ids if organization.startswith(ONCE)]
    suspended = dict.fromkeys(flapping, False)
    changes, began_all = 0, time.monotonic()
    while changes < int(sys.argv[1]):
        for organization in [random.choice(flapping), *(once[:1] if changes % 5 == 0 else [])]:  # noqa: S311 - no secret.
            if organization in once:
                once.remove(organization)
            wanted = not suspended.get(organization, False)
            suspended[organization] = wanted
            began = time.time()
            if wanted:
                Suspend(organization_id=organization, reason=SuspensionReason.TERMS_VIOLATED).run(command_line())
            else:
                Reinstate(organization_id=organization).run(command_line())
            sys.stdout.write(json.dumps([began, time.time(), organization, wanted]) + "\n")
            sys.stdout.flush()
        changes += 1
        time.sleep(max(0.0, began_all + changes / float(sys.argv[2]) - time.monotonic()))


if __name__ == "__main__":
    main()
