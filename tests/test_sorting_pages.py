"""The rules page: tried on what came, moved, kept; and an incident's page: answered as one, taken back as one."""

import re
from pathlib import Path

from harness.desk import StoryDesk
from harness.web import SignedIn, serving
from parley.core import triage as rules
from parley.services import findings, inbox, incidents
from parley.services.findings import policy

HERE = "/desk/settings/triage"


def fields(lines: list[rules.Rule], **more: str) -> dict[str, object]:
    """The form as the page would send it."""
    form: dict[str, object] = {name: [getattr(one, name) for one in lines] for name in ("signal", "value", "priority")}
    form |= {"tag": [one.tag for one in lines], "skill": [one.skill for one in lines]}
    return (
        form | {"on": [str(n) for n, one in enumerate(lines) if one.on], "spam_from": "80", "value_from": "500"} | more
    )


def sent(who: SignedIn, lines: list[rules.Rule], **more: str) -> str:
    answer = who.post(HERE, data=fields(lines, **more))
    assert answer.status_code in (200, 303), answer.text[:400]
    return answer.text


def test_rules_are_tried_moved_and_kept_on_the_page(tmp_path: Path) -> None:
    story = StoryDesk(tmp_path)
    story.visitor("kim").says("My lawyer will contact you about this.")
    story.visitor("lee").says("Where is my order?")
    with serving(story) as web:
        lead = web.signed_in("ana", "lead")
        page = lead.get(HERE).text
        assert page.count('class="rule') >= len(rules.DEFAULT_RULES)
        mine = [rules.Rule(signal="legal", priority="urgent", tag="law"), rules.Rule(signal="thanks", priority="low")]
        tried = sent(lead, mine, do="try")
        assert "1 of the last 2 conversations would be sorted otherwise." in tried
        assert "High → Urgent" in tried
        assert "Tag + law" in tried
        assert story.record.ask(policy).rules == rules.DEFAULT_RULES, "a trial keeps nothing"
        moved = sent(lead, mine, do="down-0")
        chosen = re.findall(r'<option value="(\w+)" selected', moved.split('<ol class="rules">')[1])
        assert chosen[0] == "thanks", "the second rule stands first now"
        assert "not kept yet" in moved
        refused = sent(lead, [rules.Rule(signal="legal", priority="urgent", tag="a,b")], do="try")
        assert "no comma" in refused
        sent(lead, mine, do="save", products="Rain jacket Skarv, skarv\nTent")
        kept = story.record.ask(policy)
        assert kept.rules == tuple(mine)
        assert kept.products == {"Rain jacket Skarv": ("skarv",), "Tent": ()}
        agent = web.signed_in("ben")
        assert agent.post(HERE, data=fields(mine, do="save")).status_code == 403
        assert 'value="save"' not in agent.get(HERE).text


def test_an_incident_is_answered_and_taken_back_on_its_page(tmp_path: Path) -> None:
    story = StoryDesk(tmp_path)
    for n in range(4):
        story.visitor(f"card{n}").says("I cannot pay by card, it keeps failing.")
        story.clock.advance(minutes=2)
    (one,) = story.record.ask(incidents.open_ones, inbox.SYSTEM)
    here = f"/desk/incidents/{one.id}"
    with serving(story) as web:
        ana = web.signed_in("ana")
        assert "Paying does not work" in ana.get("/desk/inbox/waiting").text, "it stands above the list"
        assert "4 people in 4 conversations" in ana.get(here).text
        answer = ana.post(f"{here}/replies", data={"text": "We are on it."})
        assert "The answer goes to 4 conversations in 20 seconds." in answer.text
        assert ana.post(f"{here}/replies/withdrawal").status_code == 303
        tied = story.record.ask(incidents.tied_to, one.id, inbox.SYSTEM)
        assert [line.reply for line in tied] == [None] * 4
        assert ana.post(f"{here}/closure", data={"real": "0"}).status_code == 303
        assert "Paying does not work" not in ana.get("/desk/inbox/waiting").text
        found = story.record.ask(findings.newest, inbox.SYSTEM)
        assert {line.because for line in found} == {"outage"}
