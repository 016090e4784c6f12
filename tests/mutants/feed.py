"""The feed as a verifier reads it: feed/documents.py, feed/snapshot.py and verifier/feed_client/follower.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_documents = partial(Mutant, "feed/documents.py")
_snapshot = partial(Mutant, "feed/snapshot.py")
_client = partial(Mutant, "verifier/feed_client/follower.py")

_FEED: Final = "feed/test_feed.py::"
_CLIENT: Final = "verifier/feed_client/test_follower.py::"
_TRUST: Final = (_FEED + "test_trust_with_anything_wrong_is_refused",)
_PAGE: Final = (_FEED + "test_page_with_anything_wrong_is_refused",)
_SCHEMA: Final = (_FEED + "test_another_schema_has_its_own_error",)
_FOLLOWS: Final = (_FEED + "test_page_that_does_not_follow_is_refused",)
_ODDITY: Final = "feed/test_not_understood.py::"
_ODD: Final = (_ODDITY + "test_fi_01_unreadable_document_affects_only_its_organization",)
_REPORT: Final = (_ODDITY + "test_fi_01_report_to_the_control_plane_is_bounded_and_fits_into_a_header",)
_EPOCHS: Final = (_CLIENT + "test_after_a_restored_backup_the_old_snapshot_decides_until_the_new_one_is_whole",)
_BEHIND: Final = (_CLIENT + "test_a_copy_that_is_behind_decides_only_when_the_feed_has_continued_it",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # A document is exactly what was agreed.
    _documents("the schema", 'and not oldest <= _integer(document.get("schema"), "schema") <= newest:',
               'and document.get("schema") is None:', _SCHEMA),
    _documents("a document that costs its own organization alone",
               "tuple(read_trust(change) for", "tuple(decode_trust(change) for", _ODD),
    _documents("a document that fails in any way", "except Exception as fault:  # noqa: BLE001 - one document must",
               "except FeedRefused as fault:  # one document must",
               (_ODDITY + "test_fi_01_decoder_fault_affects_only_one_organization",)),
    _documents("members that are all there", "not document.keys() >= wanted or ", "", (*_TRUST, *_PAGE)),
    _documents("no members but those of trust", " or not (more or document.keys() == wanted):", ":", _TRUST),
    _documents("objects where objects belong", "not isinstance(document, dict) or not document.keys()",
               "not document.keys()", (_FEED + "test_document_that_is_no_object_is_refused",)),
    _snapshot("the document that was not understood", 'return Packed(b"%s%s}" % (_NOT_UNDERSTOOD, line), trust) if',
              "return Packed(line) if", (_ODDITY + "test_fi_01_unreadable_document_is_stored_unchanged",)),
    _snapshot("a newer schema of a copy", " and int(begins[1]) <= SCHEMA:", ":",
              (_ODDITY + "test_fi_01_older_version_reads_newer_files",)),
    _snapshot("the list of those not understood", "                self._doubtful.add(organization)\n",
              "                pass\n", _ODD),
    _snapshot("the bound of a report", "*named[:NOT_UNDERSTOOD_NAMED]", "*named", _REPORT),
    _snapshot("names that fit into a header", " if _ORGANIZATION.fullmatch(name)]", "]", _REPORT),
    _client("the report of whom a verifier does not understand", ", not_understood=not_understood", "",
            (_CLIENT + "test_fi_01_control_plane_hears_at_once_whose_trust_is_not_understood",)),
    _client("the warning of a page that cannot be applied", "        self._current.page_refused = True\n", "",
            (_CLIENT + "test_fi_01_page_whose_documents_cannot_be_told_apart_is_refused_loudly",)),
    _documents("the refusal of true as a number", "isinstance(value, bool) or not isinstance(value, int)",
               "not isinstance(value, int)", (*_TRUST, *_PAGE)),
    _documents("numbers that are whole", "not isinstance(value, int) or not", "not", (*_TRUST, *_PAGE)),
    _documents("the bounds of numbers", " or not minimum <= value < _MAX_INTEGER:", ":", (*_TRUST, *_PAGE)),
    _documents("true and false alone as flags", "if not isinstance(value, bool):", "if False:", (*_TRUST, *_PAGE)),
    _documents("texts that are not empty", "not isinstance(value, str) or not value:", "not isinstance(value, str):",
               _TRUST),
    _documents("texts where texts belong", "not isinstance(value, str) or not value:", "not value:", _TRUST),
    _documents("the form of names", "if pattern.fullmatch(text) is None:", "if False:", _TRUST),
    _documents("the whole of a name", "pattern.fullmatch(text)", "pattern.match(text)", _TRUST),
    _documents("lists where lists belong", "if not isinstance(value, list):", "if False:", (*_TRUST, *_PAGE)),
    _documents("keys that are admitted again", 'admit_stored(_list(members["keys"], "keys"))', "()", _TRUST),
    _documents("a revision above zero", ", minimum=1)", ")", _TRUST),
    _documents("revisions that rise", "if any(later <= earlier for earlier, later in pairwise(revisions)):",
               "if False:", _PAGE),
    _documents("revisions that rise at each step", "later <= earlier", "later < earlier", _PAGE),
    _documents("an end that is not before the last change", "page.revision < revisions[-1] or not", "not", _PAGE),
    _documents("a step forward on each page but the last", " or not (page.complete or page.revision > page.after):",
               ":", (_FEED + "test_page_that_promises_more_must_advance",)),
    _documents("one change for each organization", '    _check_unique(page.changes, "changes")\n', "", _PAGE),
    _documents("the difference between ANY and the text “any”", "if document == ANY.value:",
               'if document == ANY.value or document == {"equals": ANY.value}:',
               (_FEED + "test_trust_survives_encoding",)),
    _documents("bound tokens in a document of schema 1", "schema == 1 or _boolean(", "_boolean(",
               (_FEED + "test_fl_04_document_of_schema_1_accepts_bound_tokens",)),
    _documents("the setting for bound tokens", 'schema == 1 or _boolean(members["accepts_bound_tokens"]',
               'True or _boolean(members["accepts_bound_tokens"]',
               (_FEED + "test_trust_survives_encoding", *_TRUST)),
    _documents("the schema of trust that requires a role", "is None else SCHEMA,", "is None else SCHEMA_WITHOUT_ROLE,",
               (_FEED + "test_fl_05_only_trust_that_requires_a_role_is_of_schema_3",)),
    _documents("the form of a required role", '_matching(value, _API_ROLE, "required_role")', "str(value)",
               (_FEED + "test_fl_05_trust_without_a_readable_role_is_refused",)),
    # A page continues what is known, or begins another history.
    _snapshot("the place where a page continues", "if page.after != snapshot.revision:", "if False:", _FOLLOWS),
    _snapshot("the refusal of a page of the same epoch that begins at 0", "if page.after != snapshot.revision:",
              "if page.after not in {0, snapshot.revision}:", _FOLLOWS),
    _snapshot("the beginning of an epoch", "if page.after != 0:", "if False:", _FOLLOWS),
    _snapshot("the end of what an old epoch knew", "        organizations = Organizations()\n",
              "        organizations = Organizations.of(snapshot.organizations)\n",
              (_FEED + "test_another_epoch_starts_over_and_keeps_nothing",)),
    _snapshot("the copy of what is changed", "shards[number] = shards[number].copy()", "pass",
              (_FEED + "test_snapshot_cannot_be_changed",
               _FEED + "test_next_page_replaces_what_changed_and_keeps_the_rest",
               _FEED + "test_trust_is_unpacked_once")),
    _snapshot("one object for each trust", "            if self.trust is None:\n                self.trust =",
              "            if True:\n                self.trust =",
              (_FEED + "test_concurrent_first_requests_get_one_object",)),
    # The client decides by whole snapshots, and never by those of a history that is over.
    _client("the refusal of an epoch left before", "if page.epoch in self._left_epochs:", "if False:",
            (_CLIENT + "test_an_epoch_that_was_left_never_comes_back",)),
    _client("the record of an epoch left", "            self._left_epochs.add(snapshot.epoch)\n",
            "            pass\n",
            (_CLIENT + "test_an_epoch_that_was_left_never_comes_back",)),
    _client("the wait for a whole new epoch", "if page.epoch != snapshot.epoch and not page.complete:", "if False:",
            _EPOCHS),
    _client("the wait for a copy that is behind", "known = self._partial or self._snapshot()",
            "known = self._snapshot()", (*_BEHIND, *_EPOCHS)),
    _client("the disk before the decision",
            "        self._write_copy(lambda: self.disk.store(folded, heard_at=now, page=page))\n"
            "        self._current.swap(folded, heard_at=now)\n",
            "        self._current.swap(folded, heard_at=now)\n",
            (_CLIENT + "test_it_follows_in_memory_and_on_disk",)),
    _client("a suspension's effect on a full disk", "        except OSError as failure:",
            "        except ZeroDivisionError as failure:",
            (_CLIENT + "test_a_full_disk_does_not_hold_up_a_suspension",)),
    _client("the word about a schema that is not understood", "self._current.schema_unknown = True", "pass",
            (_CLIENT + "test_a_newer_schema_of_pages_keeps_what_is_known_and_says_so",)),
    _client("a life after any fault",
            "except Exception as fault:  # noqa: BLE001 - this thread must survive every fault, or",
            "except LookupError as fault:  # or",
            (_CLIENT + "test_any_failure_keeps_what_is_known",)),
    _client("a rest after an answer that waits for nothing", "0.0 if has_changed else EMPTY_PAGE_DELAY", "0.0",
            (_CLIENT + "test_nothing_new_confirms_what_is_known",)),
)  # fmt: skip
