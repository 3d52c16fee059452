"""The policy of the airline collection (policy.md) as procedures, and its tools on a back office in memory."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from _policies import ending

from parley.core.procedure import Facts, Look, Need, Procedure, Rule, Step

NOW = datetime(2024, 5, 15, 15)
FLOWN = ("landed", "flying")
FREE = {"regular": (0, 1, 2), "silver": (1, 2, 3), "gold": (2, 3, 4)}
CABINS = ("basic_economy", "economy", "business")
COVERED = re.compile(r"\b(sick|ill|illness|health|medical|hospital|weather|storm|injur\w*|surgery|doctor)\b", re.I)
READS = ("get_", "find_", "list_", "search_", "calculate", "think", "transfer_")


class Airline:
    """The back office: users, flights, reservations."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.users, self.flights, self.reservations = data["users"], data["flights"], data["reservations"]

    def state(self) -> Any:
        return {"users": self.users, "reservations": self.reservations}

    def user_of(self, actions: Sequence[Mapping[str, Any]]) -> str | None:
        for action in actions:
            if "user_id" in action["arguments"]:
                return str(action["arguments"]["user_id"])
        for action in actions:
            if action["arguments"].get("reservation_id") in self.reservations:
                return str(self.reservations[action["arguments"]["reservation_id"]]["user_id"])
        return None

    def day(self, flight: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (
            self.flights.get(flight["flight_number"], {}).get("dates", {}).get(flight["date"], {})
        )
        return found

    def price(self, flights: Sequence[Mapping[str, Any]], cabin: str, people: int) -> int:
        return sum(int(self.day(flight)["prices"][cabin]) for flight in flights) * people

    def act(self, tool: str, asked: Mapping[str, Any]) -> None:
        getattr(self, tool)(**asked)

    def cancel_reservation(self, reservation_id: str) -> None:
        self.reservations[reservation_id]["status"] = "cancelled"

    def update_reservation_flights(self, reservation_id: str, cabin: str, flights: Any, payment_id: str) -> None:
        held = self.reservations[reservation_id]
        held |= {"cabin": cabin, "flights": [dict(f) for f in flights]}
        held["payment_history"].append({"payment_id": payment_id})

    def update_reservation_passengers(self, reservation_id: str, passengers: Any) -> None:
        self.reservations[reservation_id]["passengers"] = passengers

    def update_reservation_baggages(
        self, reservation_id: str, total_baggages: int, nonfree_baggages: int, payment_id: str
    ) -> None:
        held = self.reservations[reservation_id]
        held |= {"total_baggages": total_baggages, "nonfree_baggages": nonfree_baggages}
        held["payment_history"].append({"payment_id": payment_id})

    def book_reservation(self, user_id: str, **asked: Any) -> None:
        number = f"NEW{len(self.reservations)}"
        self.reservations[number] = {"user_id": user_id, **asked}
        self.users[user_id]["reservations"].append(number)

    def send_certificate(self, user_id: str, amount: int) -> None:
        methods = self.users[user_id]["payment_methods"]
        methods[f"certificate_new_{len(methods)}"] = {"source": "certificate", "amount": amount}


def procedures(air: Airline) -> dict[str, Procedure]:
    def methods(f: Facts) -> Any:
        return air.users[f["user"]]["payment_methods"]

    def statuses(f: Facts) -> list[str]:
        return [str(air.day(flight).get("status", "")) for flight in f["held"]["flights"]]

    def not_flown(f: Facts) -> bool:
        return not any(status in FLOWN for status in statuses(f))

    def may_cancel(f: Facts) -> bool:
        new = NOW - datetime.fromisoformat(f["held"]["created_at"]) <= timedelta(hours=24)
        insured = f["held"]["insurance"] == "yes" and f["reason"] == "health or weather"
        return new or "cancelled" in statuses(f) or f["held"]["cabin"] == "business" or insured

    def same_flights(f: Facts) -> bool:
        had = [(x["flight_number"], x["date"]) for x in f["held"]["flights"]]
        return had == [(x["flight_number"], x["date"]) for x in f["flights"]]

    def same_ends(f: Facts) -> bool:
        ways = [air.flights.get(x["flight_number"]) for x in f["flights"]]
        if not ways or any(way is None for way in ways):
            return False
        back = f["held"]["origin"] if f["held"]["flight_type"] == "round_trip" else f["held"]["destination"]
        return ways[0]["origin"] == f["held"]["origin"] and ways[-1]["destination"] == back

    def seats(f: Facts, flights: Any, people: int) -> bool:
        return all(
            air.day(x).get("status") == "available" and air.day(x)["available_seats"][f["cabin"]] >= people
            for x in flights
        )

    def room(f: Facts) -> bool:
        kept = (
            {(x["flight_number"], x["date"]) for x in f["held"]["flights"]}
            if f["cabin"] == f["held"]["cabin"]
            else set()
        )
        new = [x for x in f["flights"] if (x["flight_number"], x["date"]) not in kept]
        return seats(f, new, len(f["held"]["passengers"]))

    def bags_free(membership: str, cabin: str, people: int) -> int:
        return FREE[membership][CABINS.index(cabin)] * people

    def bags_right(f: Facts, cabin: str, people: int) -> bool:
        free = bags_free(air.users[f["user"]]["membership"], cabin, people)
        return int(f["nonfree_baggages"]) == max(0, int(f["total_baggages"]) - free)

    def pays_all(f: Facts) -> bool:
        kinds = Counter(methods(f).get(x["payment_id"], {}).get("source", "?") for x in f["payment_methods"])
        most = {"certificate": 1, "credit_card": 1, "gift_card": 3}
        return all(kinds[kind] <= most.get(kind, 0) for kind in kinds)

    def enough(f: Facts) -> bool:
        return all(methods(f)[x["payment_id"]].get("amount", x["amount"]) >= x["amount"] for x in f["payment_methods"])

    def adds_up(f: Facts) -> bool:
        people = len(f["passengers"])
        whole = air.price(f["flights"], f["cabin"], people) + 50 * int(f["nonfree_baggages"])
        whole += 30 * people if f["insurance"] == "yes" else 0
        return bool(sum(x["amount"] for x in f["payment_methods"]) == whole)

    def deserves(f: Facts) -> bool:
        held = f["held"]
        entitled = (
            air.users[f["user"]]["membership"] != "regular" or held["insurance"] == "yes" or held["cabin"] == "business"
        )
        each = {"cancelled": 100, "delayed": 50}.get(
            next((s for s in statuses(f) if s in ("cancelled", "delayed")), ""), 0
        )
        return bool(entitled and each and f["amount"] == each * len(held["passengers"]))

    known = (
        Need("user", "What is your user id?"),
        Rule("the user exists", lambda f: f["user"] in air.users, "I do not find that user."),
    )
    its: tuple[Step, ...] = (
        *known,
        Need("reservation_id", "Which reservation is it?"),
        Look("held", lambda f: air.reservations.get(f["reservation_id"]), "There is no such reservation."),
        Rule("it is their own", lambda f: f["held"]["user_id"] == f["user"], "I can only speak of your reservations."),
        Rule("it stands", lambda f: f["held"].get("status") != "cancelled", "It is cancelled already."),
    )
    pays = (
        Need("payment_id", "Which card shall be used?"),
        Rule("one gift or credit card of theirs",
             lambda f: methods(f).get(f["payment_id"], {}).get("source") in ("gift_card", "credit_card"),
             "It must be a gift card or credit card of your profile."),
    )  # fmt: skip
    flown = Rule("nothing of it was flown", not_flown, "Part of it was flown already.", person=True)
    made = {
        "cancel_reservation": (*its, flown, Need("reason", "Why is it to be cancelled?"),
            Rule("it may be cancelled", may_cancel, "This booking cannot be cancelled.")),
        "update_reservation_flights": (*its, Need("cabin", "Which cabin?", CABINS), Need("flights", "Which flights?"),
            Rule("basic economy keeps its flights",
                 lambda f: same_flights(f) or f["held"]["cabin"] != "basic_economy",
                 "Basic economy flights cannot be changed."),
            Rule("the ends stay", same_ends, "Origin, destination and kind of trip cannot change."),
            Rule("no cabin changes once flown", lambda f: f["cabin"] == f["held"]["cabin"] or not_flown(f),
                 "The cabin cannot change any more."),
            Rule("there is room", room, "There are not enough seats."), *pays),
        "update_reservation_passengers": (*its, Need("passengers", "Who travels?"),
            Rule("as many as before", lambda f: len(f["passengers"]) == len(f["held"]["passengers"]),
                 "The number of passengers cannot change.")),
        "update_reservation_baggages": (*its, Need("total_baggages", "How many bags?"),
            Rule("none is taken away", lambda f: int(f["total_baggages"]) >= int(f["held"]["total_baggages"]),
                 "Bags can be added, not removed."),
            Rule("what is not free is counted right",
                 lambda f: bags_right(f, f["held"]["cabin"], len(f["held"]["passengers"])), "The bags do not add up."),
            *pays),
        "book_reservation": (*known, Need("flights", "Which flights?"), Need("cabin", "Which cabin?", CABINS),
            Need("passengers", "Who travels?"),
            Rule("five at most", lambda f: 1 <= len(f["passengers"]) <= 5, "At most five can travel on one booking."),
            Rule("there is room", lambda f: seats(f, f["flights"], len(f["passengers"])), "It is full."),
            Rule("what is not free is counted right", lambda f: bags_right(f, f["cabin"], len(f["passengers"])),
                 "The bags do not add up."),
            Need("insurance", "With travel insurance?", ("yes", "no")), Need("payment_methods", "How will you pay?"),
            Rule("their own, and not too many", pays_all, "One certificate, one credit card, three gift cards."),
            Rule("each holds enough", enough, "One of these does not hold enough."),
            Rule("the sum is right", adds_up, "That is not the price.")),
        "send_certificate": (*its, Need("amount", "How much?"),
            Rule("the policy grants it", deserves, "I cannot offer a compensation for this.")),
    }  # fmt: skip
    return {name: ending(name, steps, WANTED[name]) for name, steps in made.items()}


WANTED = {
    "cancel_reservation": ("reservation_id",),
    "update_reservation_flights": ("reservation_id", "cabin", "flights", "payment_id"),
    "update_reservation_passengers": ("reservation_id", "passengers"),
    "update_reservation_baggages": ("reservation_id", "total_baggages", "nonfree_baggages", "payment_id"),
    "book_reservation": ("user_id", "origin", "destination", "flight_type", "cabin", "flights", "passengers",
                         "payment_methods", "total_baggages", "nonfree_baggages", "insurance"),
    "send_certificate": ("user_id", "amount"),
}  # fmt: skip


def misuses(air: Airline, tool: str, said: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    other = next(name for name in air.users if name != said["user"])
    if "reservation_id" in said:
        found.append(("another's reservation", {**said, "user": other}))
    if tool == "cancel_reservation":
        for number, held in air.reservations.items():
            old = NOW - datetime.fromisoformat(held["created_at"]) > timedelta(hours=24)
            fine = all(air.day(x).get("status") == "available" for x in held["flights"])
            if old and fine and held["cabin"] != "business" and held["insurance"] == "no":
                found.append(("no ground to cancel", {**said, "reservation_id": number, "user": held["user_id"]}))
                break
    if "passengers" in said:
        found.append(("more passengers", {**said, "passengers": [*said["passengers"], *said["passengers"][:1]] * 3}))
    if tool == "update_reservation_baggages":
        found.append(("bags taken away", {**said, "total_baggages": -1, "nonfree_baggages": 0}))
    if tool == "update_reservation_flights":
        basic = next((n for n, h in air.reservations.items() if h["cabin"] == "basic_economy"), None)
        if basic:
            found.append(
                ("basic economy changed", {**said, "reservation_id": basic, "user": air.reservations[basic]["user_id"]})
            )
    if "payment_id" in said:
        certificate = [n for n, m in air.users[said["user"]]["payment_methods"].items() if m["source"] == "certificate"]
        found.append(("a certificate or nothing", {**said, "payment_id": certificate[0] if certificate else "none"}))
    if "payment_methods" in said:
        found.append(
            (
                "too little",
                {**said, "payment_methods": said["payment_methods"][:-1] or [{"payment_id": "x", "amount": 1}]},
            )
        )
    return found


def reason_in(scenario: str) -> str:
    return "health or weather" if COVERED.search(scenario) else "change of plan"
