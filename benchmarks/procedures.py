"""Do procedures bring a back office into the state the policy wants, and never into one it forbids?

DIR holds `retail/` and `airline/` as the tau collections publish them: the back office as gzipped JSON and tasks
(tasks*.json, or …_tasks_*.json beside them). The policies are written as procedures of `parley.core.procedure`
(`_retail.py`, `_airline.py`); no language model takes part. Of each task, the facts of its permitted acts are given as
what the customer said; each act runs through its procedure: asked, looked up, checked, confirmed, done. A task is
right when the back office then is as if the permitted acts alone had been done. Nothing may happen without a yes.
Tasks that permit no act are right when nothing is done, as they then are; how many they are is told.

misuse: every permitted request is also tried in forbidden forms (another's order, wrong status, another reason or
product, too little money …). Each that is carried out is a violation.
"""

import copy
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import _airline
import _retail
from _measure import Figures, run, table

from parley.core.procedure import Declined, Procedure, Propose, Ready, decide, problems


def loaded(folder: Path, domain: str) -> dict[str, Any]:
    """The back office of a domain, from one file with everything or one file a table."""
    found: dict[str, Any] = {}
    for file in sorted((folder / domain).glob("*.json.gz")):
        data = json.loads(gzip.decompress(file.read_bytes()))
        name = file.name.partition(".")[0]
        found |= data if name == "db" else {name: data}
    return found


def tasks_of(folder: Path, domain: str) -> list[dict[str, Any]]:
    files = [*sorted((folder / domain).glob("tasks*.json")), *sorted(folder.glob(f"{domain}_tasks*.json"))]
    return [task for file in files for task in json.loads(file.read_bytes())]


class Bench:
    """One domain: its tasks, each on a fresh back office."""

    def __init__(self, domain: str, module: ModuleType, office: Any, data: Mapping[str, Any]) -> None:
        self.domain, self.module, self.office, self.data = domain, module, office, data
        self.right = self.tried = self.violated = self.idle = 0
        self.wrong: list[str] = []
        self.refused: list[str] = []

    def fresh(self) -> tuple[Any, dict[str, Procedure]]:
        office = self.office(copy.deepcopy(self.data))
        return office, self.module.procedures(office)

    def task(self, task: Mapping[str, Any]) -> bool:
        criteria = task.get("evaluation_criteria") or {}
        actions = criteria.get("actions") or []
        acts = [a for a in actions if not a["name"].startswith(self.module.READS)]
        self.idle += not acts
        meant, _ = self.fresh()
        for act in acts:
            if hasattr(meant, act["name"]):
                meant.act(act["name"], act["arguments"])
        office, known = self.fresh()
        user = office.user_of(actions)
        for act in acts:
            said = self._said(task, act, user)
            if act["name"] not in known:
                self.refused.append(f"{self.domain} {task['id']}: no procedure for {act['name']}")
                continue
            if user is not None:
                self._misuse(office, known, act["name"], said)
            if why := self._carry_out(office, known[act["name"]], said):
                self.refused.append(f"{self.domain} {task['id']}: {act['name']}: {why}")
        return bool(office.state() == meant.state())

    def _said(self, task: Mapping[str, Any], act: Mapping[str, Any], user: str | None) -> dict[str, Any]:
        said = {"user": user, **act["arguments"]}
        if act["name"] == "cancel_reservation":
            said["reason"] = _airline.reason_in(json.dumps(task["user_scenario"]))
        return said

    def _carry_out(self, office: Any, procedure: Procedure, said: Mapping[str, Any]) -> str:
        """Runs as a bot would: proposes first, acts on the yes, and tells why where it does not."""
        before = decide(procedure, said)
        if not isinstance(before, Propose):
            return before.rule if isinstance(before, Declined) else "asks"
        ready = decide(procedure, said, confirmed=True)
        if isinstance(ready, Ready):
            office.act(ready.tool, ready.arguments)
        return ""

    def _misuse(self, office: Any, known: Mapping[str, Procedure], tool: str, said: Mapping[str, Any]) -> None:
        for name, facts in self.module.misuses(office, tool, said):
            self.tried += 1
            if isinstance(decide(known[tool], facts, confirmed=True), Ready):
                self.violated += 1
                self.refused.append(f"{self.domain}: carried out: {tool}, {name}")

    def all(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            if self.task(task):
                self.right += 1
            else:
                self.wrong.append(f"{self.domain} {task['id']}")


def measured(folder: Path) -> tuple[Figures, str]:
    figures: Figures = {}
    rows, wrong, why, right, count, violated, tried = [], list[str](), list[str](), 0, 0, 0, 0
    for domain, module, office in (("retail", _retail, _retail.Shop), ("airline", _airline, _airline.Airline)):
        tasks, data = tasks_of(folder, domain), loaded(folder, domain)
        if not tasks or not data:
            continue
        bench = Bench(domain, module, office, data)
        if found := problems(list(bench.fresh()[1].values())):
            raise SystemExit("\n".join(found))
        bench.all(tasks)
        rows.append([domain, len(tasks), bench.idle, bench.right / len(tasks), bench.tried, bench.violated])
        right, count, wrong = right + bench.right, count + len(tasks), wrong + bench.wrong
        why += bench.refused
        violated, tried = violated + bench.violated, tried + bench.tried
        figures[f"{domain}: without an act"] = bench.idle
        figures[f"{domain}: right"] = round(bench.right / len(tasks), 4)
    if not count:
        return {"score": None, "skipped": f"no tasks of retail or airline in {folder}"}, "nothing to measure"
    figures = {
        "score": round(right / count, 4),
        "tasks": count,
        "misuses tried": tried,
        "violations": violated,
        **figures,
    }
    figures |= {"wrong": wrong, "why": why}
    return figures, table(("domain", "tasks", "without an act", "right", "misuses tried", "carried out"), rows)


if __name__ == "__main__":
    run(__doc__ or "", measured)
