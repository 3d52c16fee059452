"""Reading text: stems meet, slips are mended, Markdown becomes passages people can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.ai import text


@pytest.mark.parametrize(
    "forms",
    [
        "cancel cancels cancelled cancelling cancellation",
        "return returns returned returning",
        "deliver delivery deliveries delivered",
        "invoice invoices invoicing",
        "pay paid paying payment",
        "bill bills billing",
        "address addresses addressed",
        "size sizes sizing",
    ],
)
def test_forms_of_a_word_share_a_stem(forms: str) -> None:
    assert len({text.stem(form) for form in forms.split()}) == 1


def test_stems_keep_different_words_apart() -> None:
    assert len({text.stem(w) for w in ["return", "refund", "receipt", "repair", "replace", "register"]}) == 6


def test_sending_it_back_is_a_return_and_money_back_a_refund() -> None:
    assert "return" in text.terms("I'd like to send the blue boots back")
    assert text.terms("money back?") == text.terms("refund")


def test_a_text_of_stop_words_is_still_something() -> None:
    assert text.terms("how to") != []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("retrun", "return"), ("delivary", "delivery"), ("vouchr", "voucher"), ("refunnd", "refund")],
)
def test_one_slip_is_mended(typed: str, meant: str) -> None:
    assert text.Speller(["return", "delivery", "voucher", "refund"]).mend(typed) == meant


@pytest.mark.parametrize("word", ["bike", "tool", "refined", "zzzzzz", "10342", "pay", "returning"])
def test_words_not_one_slip_away_stay(word: str) -> None:
    assert text.Speller(["like", "pool", "refund", "return"]).mend(word) == word


def test_sentences_do_not_end_at_abbreviations() -> None:
    assert text.sentences("Send it to us, e.g. by post. We pay. Really? Yes, 4.90 euros!") == [
        "Send it to us, e.g. by post.", "We pay.", "Really?", "Yes, 4.90 euros!",
    ]  # fmt: skip


ARTICLE = """
Lead with a [link](https://shop.example.org/x) and **bold** _words_.

## Steps

Do this:

1. Open *Your orders*
2. Press `Return`
   and wait

---

| to | costs |
|----|-------|
| Ireland | €4.90 |

### Long part

""" + " ".join(f"Sentence number {n} has a few words in it." for n in range(60))


def test_passages_keep_headings_lists_and_tables_readable() -> None:
    cut = text.passages(ARTICLE)
    assert cut[0] == text.Passage("", "Lead with a link (https://shop.example.org/x) and bold words.")
    assert cut[1].heading == "Steps"
    assert "1. Open Your orders\n2. Press Return and wait" in cut[1].text
    assert "• Ireland: costs €4.90" in cut[1].text


def test_long_parts_are_cut_between_sentences_at_about_120_words() -> None:
    long = [p for p in text.passages(ARTICLE) if p.heading == "Long part"]
    assert len(long) > 2
    assert all(p.text.startswith("Sentence") and p.text.endswith("it.") for p in long)
    assert max(len(p.text.split()) for p in long) <= 150


@given(st.text())
def test_any_text_is_read_without_complaint(anything: str) -> None:
    text.words(anything)
    text.terms(anything)
    assert all(p.text for p in text.passages(anything))
    text.sentences(anything)


@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=12), st.data())
def test_one_slip_is_symmetric_and_sees_every_kind(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    slips = [word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word[:at] + "x" + word[at + 1 :]]
    if at + 1 < len(word):
        slips.append(word[:at] + word[at + 1] + word[at] + word[at + 2 :])
    assert all(text.one_slip(word, slip) and text.one_slip(slip, word) for slip in slips)
