"""Connections to the demo shop's own system, and a procedure over them: a parcel is held at the depot, and let go."""

from pathlib import Path
from urllib.parse import urlsplit

from parley.log.record import Tx
from parley.services import tools
from parley.services.procedures import kept
from parley.services.tools import Parameter, Picked, Tool
from parley.web.shop_system import KEY

NAME = "hold_parcel"
BY = "agent/1"


def text() -> str:
    return (Path(__file__).parent / "hold_parcel.yaml").read_text("utf-8")


def connect(tx: Tx, url: str) -> None:
    """Declare the three connections, and put the procedure in force."""
    tools.permit_inside(tx, urlsplit(url).netloc, BY)
    for one in declared(url):
        tools.keep(tx, one, {"X-Warehouse-Key": KEY}, BY)
    kept.draft(tx, NAME, text(), BY, None)
    kept.publish(tx, NAME, text(), BY)


def move(tx: Tx, url: str) -> None:
    """A kept demo starts again, perhaps at another port. What was changed there since stays as it is."""
    host = urlsplit(url).netloc
    if host in tools.inside(tx.conn) or not all(tools.find(tx.conn, one.name) for one in declared(url)):
        return
    tools.permit_inside(tx, host, BY)
    for one in declared(url):
        tools.keep(tx, one, {"X-Warehouse-Key": KEY}, BY)


def declared(url: str) -> list[Tool]:
    base = f"{url}/shop/warehouse"
    customer = Parameter(name="customer", place="body", kind="customer", example="kim.lee@example.com")
    return [
        Tool(
            name="warehouse_parcel", title="Warehouse: a parcel", address=f"{base}/parcels/{{number}}", owner="owner",
            secret_headers=("X-Warehouse-Key",),
            parameters=(Parameter(name="number", place="path", example="10342"),),
            answer=(
                Picked(name="state", path="parcel.state"), Picked(name="due", path="parcel.due", kind="date"),
                Picked(name="held_until", path="parcel.held_until", kind="date"),
                Picked(name="owner", path="parcel.owner.mail"),
            ),
            rehearsed='{"parcel": {"state": "in transit", "owner": {"mail": "kim@example.org"}}}',
        ),
        Tool(
            name="warehouse_hold", title="Warehouse: hold a parcel", method="POST", address=f"{base}/holds", acts=True,
            secret_headers=("X-Warehouse-Key",), once="Idempotency-Key",
            parameters=(
                Parameter(name="number", place="body", example="10342"),
                Parameter(name="until", place="body", kind="date"), customer,
            ),
            answer=(Picked(name="hold", path="hold"), Picked(name="depot", path="depot")),
            rehearsed='{"hold": "H1", "depot": "the depot in Galway"}',
        ),
        Tool(
            name="warehouse_let_go", title="Warehouse: let a parcel go", method="POST", acts=True,
            address=f"{base}/holds/{{hold}}/end", secret_headers=("X-Warehouse-Key",), once="Idempotency-Key",
            parameters=(Parameter(name="hold", place="path"), customer),
        ),
    ]  # fmt: skip
