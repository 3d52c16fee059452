"""How many people it takes: queues with and without patience, and head-count on the rota.

Erlang's formulas by stable recursion (no factorials, no overflow at ten thousand agents). Load is in
Erlangs: contacts per second times handling seconds. `patience` is the mean time in seconds after which
who waits gives up; None means that nobody does.
"""

from math import ceil, erf, exp, inf, log, pi, sqrt

import msgspec


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What comes: contacts in an interval of `seconds`, each taking `handling` seconds of one person."""

    contacts: float
    seconds: float
    handling: float

    @property
    def load(self) -> float:
        return self.contacts * self.handling / self.seconds

    @property
    def rate(self) -> float:
        """Contacts a second."""
        return self.contacts / self.seconds


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """This share of contacts answered within so many seconds: 80 % in 20 s."""

    share: float = 0.8
    within: float = 20.0


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue at rest. wait: mean seconds of all who came; queue: mean number waiting; lost: share who give up."""

    agents: int
    must_wait: float
    wait: float
    queue: float
    occupancy: float
    service_level: float
    lost: float = 0.0

    @property
    def stable(self) -> bool:
        return self.wait < inf


def erlang_b(load: float, agents: int) -> float:
    """Chance that all are busy when nobody queues: B₀ = 1, Bₖ = A·Bₖ₋₁ / (k + A·Bₖ₋₁) (Erlang 1917)."""
    blocked = 1.0
    for k in range(1, agents + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Chance to have to wait when nobody gives up; 1 where the load is more than the agents can do."""
    if load >= agents:
        return 1.0
    blocked = erlang_b(load, agents)
    return agents * blocked / (agents - load * (1 - blocked))


def queue(demand: Demand, agents: int, target: Target, patience: float | None = None) -> Queue:
    """What becomes of that demand with so many agents."""
    if not demand.contacts:
        return Queue(agents=agents, must_wait=0, wait=0, queue=0, occupancy=0, service_level=1)
    return _patient(demand, agents, target) if patience is None else _impatient(demand, agents, target, patience)


def _patient(demand: Demand, agents: int, target: Target) -> Queue:
    """Erlang C. Without as many agents as the load the queue grows without end."""
    load = demand.load
    if load >= agents:
        return Queue(agents=agents, must_wait=1, wait=inf, queue=inf, occupancy=1, service_level=0)
    waits, spare = erlang_c(load, agents), agents - load
    wait = waits * demand.handling / spare
    met = 1 - waits * exp(-spare * target.within / demand.handling)
    return Queue(
        agents=agents, must_wait=waits, wait=wait, queue=demand.rate * wait, occupancy=load / agents, service_level=met
    )


def wait_quantile(demand: Demand, agents: int, q: float) -> float:
    """Within this many seconds the share q of all is answered, where nobody gives up."""
    waits = erlang_c(demand.load, agents)
    if demand.load >= agents:
        return inf
    return max(0.0, log(waits / (1 - q)) * demand.handling / (agents - demand.load)) if waits > 0 else 0.0


# ── with patience ───────────────────────────────────────────────────────────────────────────


def _impatient(demand: Demand, agents: int, target: Target, patience: float) -> Queue:
    """Erlang A (Palm 1957): a birth–death chain whose waiting line also shrinks because people give up."""
    line = _line(demand, agents, patience)
    waits, length = sum(line), sum(k * p for k, p in enumerate(line))
    lost = min(1.0, length / patience / demand.rate)
    met = 1 - waits + _answered_within(line, demand, agents, target.within, patience)
    return Queue(
        agents=agents, must_wait=waits, wait=length / demand.rate, queue=length,
        occupancy=demand.load * (1 - lost) / agents if agents else 0.0, service_level=met, lost=lost,
    )  # fmt: skip


def _line(demand: Demand, agents: int, patience: float) -> list[float]:
    """Chance that all agents are busy and k people wait, k = 0, 1, … Summed as logarithms: overload is no overflow."""
    blocked = erlang_b(demand.load, agents)
    if blocked <= 0:
        return [0.0]
    logs, highest = [0.0], 0.0
    while logs[-1] > highest - 36 or demand.rate > agents / demand.handling + len(logs) / patience:
        logs.append(logs[-1] + log(demand.rate / (agents / demand.handling + len(logs) / patience)))
        highest = max(highest, logs[-1])
    weights = [exp(one - highest) for one in logs]
    not_all_busy = (1 / blocked - 1) * exp(-highest)
    total = not_all_busy + sum(weights)
    return [weight / total for weight in weights]


def _answered_within(line: list[float], demand: Demand, agents: int, within: float, patience: float) -> float:
    """Chance to find all busy and yet be answered in time: the line ahead empties step by step while patience lasts."""
    service, leave = agents / demand.handling, 1 / patience
    fastest = service + (len(line) + 1) * leave
    parts = max(1, ceil(fastest * within / 500))
    answered, ahead = 0.0, line
    for _ in range(parts):
        answered, ahead = _pass_time(answered, ahead, service, leave, within / parts)
    return answered


def _pass_time(
    answered: float, ahead: list[float], service: float, leave: float, seconds: float
) -> tuple[float, list[float]]:
    """The chances after so many seconds, by uniformisation (Jensen 1953): a Poisson number of equal small steps."""
    fastest = service + (len(ahead) + 1) * leave
    steps = fastest * seconds
    weight, passed, step = exp(-steps), 0.0, 0
    then_answered, then_ahead = 0.0, [0.0] * len(ahead)
    while passed < 1 - 1e-12 and step < 2_000:
        then_answered += weight * answered
        then_ahead = [p + weight * q for p, q in zip(then_ahead, ahead, strict=True)]
        passed += weight
        step += 1
        weight *= steps / step
        answered, ahead = _step(answered, ahead, service / fastest, leave / fastest)
    return then_answered, then_ahead


def _step(answered: float, ahead: list[float], served: float, left: float) -> tuple[float, list[float]]:
    """One small step: one of those ahead is served or gives up, or the one who is watched gives up."""
    stay = [p * (1 - served - (k + 1) * left) for k, p in enumerate(ahead)]
    down = [p * (served + k * left) for k, p in enumerate(ahead)]
    return answered + down[0], [p + q for p, q in zip(stay, [*down[1:], 0.0], strict=True)]


# ── how many ────────────────────────────────────────────────────────────────────────────────


def agents_needed(demand: Demand, target: Target, patience: float | None = None) -> int:
    """The fewest agents that meet the target; 0 where nothing comes."""
    if demand.contacts <= 0:
        return 0
    low = 0 if patience else int(demand.load)
    high = max(1, ceil(demand.load + 1))
    while queue(demand, high, target, patience).service_level < target.share:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        met = middle > 0 and queue(demand, middle, target, patience).service_level >= target.share
        low, high = (low, middle) if met else (middle, high)
    return high


def on_rota(agents: int, shrinkage: float) -> int:
    """People to plan so that so many are at work, when this share of paid time is not available."""
    return ceil(agents / (1 - shrinkage) - 1e-9)


def shrinkage(paid: float, away: float, absence: float) -> float:
    """Share of paid time not available: `away` hours of breaks, training, meetings of a day of `paid` hours,
    and the share of absence. Who is absent takes no break either."""
    return 1 - (1 - absence) * (1 - away / paid)


def square_root_wait(beta: float) -> float:
    """Chance to wait with A + β√A agents, for many of them: 1 / (1 + βΦ(β)/φ(β)) (Halfin and Whitt 1981)."""
    density = exp(-beta * beta / 2) / sqrt(2 * pi)
    return 1 / (1 + beta * (1 + erf(beta / sqrt(2))) / 2 / density)
