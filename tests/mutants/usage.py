"""Counting to the call: verifier/usage/counting.py, backlog.py and journal.py.

How the backlog is merged is not here: its tests read every batch as the control plane does, which needs Django.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_usage = partial(Mutant, "verifier/usage/counting.py")
_backlog = partial(Mutant, "verifier/usage/backlog.py")
_journal = partial(Mutant, "verifier/usage/journal.py")
_sender = partial(Mutant, "verifier/usage/sender.py")

_USAGE: Final = "verifier/usage/test_counting.py::"
_SENDER: Final = "verifier/usage/test_sender.py::"
_ONCE: Final = (
    _USAGE + "test_a_line_that_is_kept_counts_on_and_each_call_is_taken_once",
    _USAGE + "test_while_one_thread_counts_and_another_takes_nothing_is_lost_and_nothing_counted_twice",
)
_CROWD: Final = (_USAGE + "test_made_up_tokens_crowd_out_neither_real_ones_nor_another_organizations",)
_IN_ALL: Final = (_USAGE + "test_lines_are_bounded_in_all_and_allowed_calls_keep_their_organization",)
_AGAIN: Final = (
    _SENDER + "test_while_the_control_plane_is_away_the_same_batch_is_sent_again_and_nothing_is_lost",
    _SENDER + "test_what_could_not_be_sent_outlives_a_kill_and_is_sent_once",
    _SENDER + "test_what_was_counted_goes_out_at_once_and_once",
)
_REPLACED: Final = (_SENDER + "test_fk_06_batch_begun_with_a_replaced_credential_is_sent_as_ones_own",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _usage("the note of what was taken", "counter.collected, counter.used_at = calls, now", "counter.used_at = now",
           _ONCE),
    _usage("the calls that were taken already", "UsageDelta(counter.key, counter.revision, calls - counter.collected)",
           "UsageDelta(counter.key, counter.revision, calls)", _ONCE),
    _usage("the refusal to count for who is not known", "if trust is None:\n            key",
           "if False:\n            key",
           (_USAGE + "test_an_organization_that_is_not_known_is_not_counted_for",)),
    _usage("the newest revision", "            counter.revision = trust.revision\n", "            pass\n",
           (_USAGE + "test_the_newest_revision_that_decided_is_told",)),
    _usage("the bound on profiles", "is_crowded = any(self._profiles[quota] >= quota.limit for quota in _quotas(key))",
           "is_crowded = False", (*_CROWD, _USAGE + "test_unverified_profiles_are_bounded_in_all")),
    _usage("a place of their own for verified tokens", "if _REASON_OF[key.outcome].is_signed:",
           "if True:", _CROWD),
    _usage("the bound on made-up profiles in all", ', _Quota("", "unverified", MAX_UNVERIFIED)', ",",
           (_USAGE + "test_unverified_profiles_are_bounded_in_all",)),
    _usage("the bound on lines", "full = len(self._counters) >= MAX_COUNTERS", "full = False", _IN_ALL),
    _usage("the organization of allowed calls", "if key.outcome != ALLOWED and full:", "if full:", _IN_ALL),
    _usage("room after idle lines", "                self._evict(counter)\n", "                pass\n",
           (_USAGE + "test_an_idle_line_makes_room",)),
    _usage("the count of dropped lines", "        self._dropped.add(counter)\n", "",
           (_USAGE + "test_a_line_that_was_let_go_of_is_still_counted_for_whoever_holds_it",)),
    _usage("the last calls of a dropped line", "if self.calls != self.collected:", "if False:",
           (_USAGE + "test_not_even_the_last_calls_of_a_line_that_was_let_go_of_are_lost",)),
    _backlog("the batch whose fate is not known", "if self._in_flight is None and self._entries:",
             "if self._entries:", _AGAIN),
    _backlog("a number of its own for each batch", "        self._sequence += 1\n", "", _AGAIN),
    _backlog("the end of what was sent", "            del self._entries[entry]\n", "            pass\n", _AGAIN),
    _backlog("calls that are added up", "sums[0] += calls", "sums[0] = calls", _AGAIN),
    _backlog("the batch that another process left", "None if under_way is None else str(under_way).encode()", "None",
             _AGAIN),
    _backlog("lines of a batch that was not applied",
             '                self._add_calls(_entry(line), int(line["calls"])',
             '                (_entry(line), int(line["calls"])', _REPLACED),
    _backlog("the batch that another process began", "self._from_earlier_process = under_way is not None", "pass",
             _REPLACED),
    _backlog("a batch of ones own that is refused", "        return self._from_earlier_process\n",
             "        return True\n",
             (_SENDER + "test_fk_06_batch_of_ones_own_that_is_refused_holds_up_nothing",)),
    _sender("the status of a stream of another credential", "unavailable.code == _CREDENTIAL_CHANGED", "False",
            _REPLACED),
    _journal("the form of a journal", 'and document.get("format") == FORMAT else None', "else None",
             (_SENDER + "test_a_damaged_journal_is_no_reason_to_count_nothing",)),
    _journal("the end of a journal that could not be replaced", "            return self.discard()\n",
             "            return True\n",
             (_SENDER + "test_a_journal_that_can_be_neither_replaced_nor_removed_stops_the_sending_of_more",
              _SENDER + "test_a_disk_that_takes_nothing_holds_up_no_count")),
)  # fmt: skip
