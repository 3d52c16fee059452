"""The short forms of `bin/mail-trials`, and proof that they would notice."""

import pytest

from harness.dovecot import needs_dovecot
from mail_trials import (
    attacks,
    fetching,
    fetching_killed,
    guessing,
    painting,
    pretending,
    signing_in,
    tracking,
    two_desks,
)
from parley.channels.email import bodies, markup, receiver
from parley.core import signin
from parley.services import admission, copies, threads


@needs_dovecot
def test_r9_a_mailbox_watched_by_two_that_are_cut_off_loses_and_doubles_nothing() -> None:
    figures = fetching.trial(120, 8, 5)
    assert (figures["score"], figures["lost"], figures["doubled"]) == (1, 0, 0), figures
    assert figures["handed over"] > figures["mails"]  # the pollers did step on each other


@needs_dovecot
def test_r9_a_desk_that_is_killed_while_it_fetches_loses_and_doubles_nothing() -> None:
    figures = fetching_killed.trial(60, 5, 2)
    assert figures["score"] == 1, figures
    assert (figures["kills"], figures["killed in an outage"]) == (5, 1)


def test_s1_guessed_tokens_open_nothing() -> None:
    assert attacks.guesses(20_000, 1)["opened"] == 0


def test_s1_a_proof_that_is_not_looked_at_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "read_token", lambda key, token: ("reply", 1, 1))
    assert attacks.guesses(60, 1)["score"] == 0


def test_s1_mails_to_guessed_addresses_come_into_nobodys_conversation() -> None:
    figures = guessing.trial(140, 1)
    assert figures["score"] == 1, figures


def test_s1_a_mail_that_came_in_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_is = threads.read_token

    def careless(key: bytes, token: str) -> tuple[str, int, int]:
        return as_it_is(key, token) or ("r", 1, 1)

    monkeypatch.setattr(threads, "read_token", careless)
    assert guessing.trial(14, 1)["appended"] > 0


def test_s2_a_borrowed_name_adds_no_reader_and_is_told_nothing() -> None:
    figures = pretending.borrowed(100, 1)
    assert figures["score"] == 1, figures


def test_s2_a_reader_who_was_added_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_present", lambda conn, number: {pretending.EVE})
    figures = pretending.borrowed(40, 1)
    assert figures["score"] == 0
    assert figures["answers that told the past to others"] > 0


def test_s3_what_lets_somebody_in_elsewhere_is_shown_and_quoted_nowhere() -> None:
    figures = signing_in.trial(42, 1)
    assert figures["score"] == 1, figures


def test_s3_a_code_that_is_kept_as_it_came_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin, "hidden", lambda text, secrets: text)
    figures = signing_in.trial(8, 1)
    assert figures["with their code in the words"] > 0


def test_s5_a_mail_in_an_agents_name_is_passed_on_to_nobody() -> None:
    figures = pretending.as_agents(80, 1)
    assert figures["score"] == 1, figures
    assert figures["into a customer's conversation"] > 20, "the right tokens led there"


def test_s5_a_mail_that_was_not_held_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission.Admission, "_is_here", lambda *_: False)
    monkeypatch.setattr(threads, "takes_part", lambda *_: True)
    assert pretending.as_agents(20, 1)["of them not held"] > 0


@pytest.mark.skipif(not tracking.CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
def test_s6_no_mail_calls_home() -> None:
    figures = tracking.opened(2 * len(tracking.WAYS))
    assert figures["score"] == 1, figures


@pytest.mark.skipif(not tracking.CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
def test_s6_a_mail_that_calls_home_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "sanitised", lambda html: html)
    monkeypatch.setattr(bodies, "sanitised", lambda html: html)
    figures = tracking.opened(3)
    assert figures["requests outside"] > 0


@pytest.mark.skipif(not tracking.CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium")
def test_s8_no_mail_paints_over_the_desk_or_is_run_as_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame alone must hold: what the cleaning would have taken out is left in."""
    monkeypatch.setattr(markup, "sanitised", lambda html: html)
    monkeypatch.setattr(bodies, "sanitised", lambda html: html)
    figures = painting.trial(6)
    assert figures["score"] == 1, figures
    assert figures["painted inside"] >= 10, "what was to be seen was there"


def test_s15_costly_mails_cost_little_and_are_all_told_of() -> None:
    figures = attacks.bombs(0.5)
    assert figures["score"] == 1, figures


def test_s4_nobodys_mailbox_is_filled_through_us() -> None:
    figures = attacks.flood(60, 1)
    assert figures["score"] == 1, figures
    assert figures["sent to the victim"] == 1, "a person whom nothing proves is answered once"


def test_s4_a_desk_that_answered_each_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission.Admission, "_machine_may_answer", lambda *_: True)
    assert attacks.flood(12, 1)["score"] == 0


def test_s18_machines_are_not_answered_and_people_are() -> None:
    figures = attacks.loops(36, 1)
    assert (figures["answered"], figures["a person's mail answered"]) == (0, 1)


def test_s18_two_desks_that_answer_each_other_fall_silent() -> None:
    figures = two_desks.trial(2, 1)
    assert figures["score"] == 1, figures


def test_s18_desks_that_went_on_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission.Admission, "_machine_may_answer", lambda *_: True)
    assert two_desks.trial(2, 1)["answers to one question"] > 2


def test_s31_one_mail_stays_one_mail() -> None:
    figures = attacks.smuggling(1, 2)
    assert figures["score"] == 1, figures
    assert figures["variants"] > 500


def test_s31_a_bare_line_feed_that_ended_a_mail_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_is = receiver.Session.data_received

    def lenient(session: receiver.Session, data: bytes) -> None:
        as_it_is(session, data.replace(b"\n.\n", b"\r\n.\r\n"))

    monkeypatch.setattr(receiver.Session, "data_received", lenient)
    assert attacks.smuggling(1, 2)["smuggled"] > 0


def test_s32_nobody_adds_a_header() -> None:
    figures = attacks.headers(500, 3)
    assert figures["score"] == 1, figures
