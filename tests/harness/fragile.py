"""A channel whose reader dies, takes all memory or never ends at certain words, as a faulty library would."""

import os

import msgspec

from parley.channels.console import Console, line
from parley.core.channel import Delivery, Inbound, Inbox

DEADLY, GREEDY, BUSY = "deadly", "greedy", "busy for ever"


class Fragile(Console):
    """`manifest` under a name of its own; reads as the console does, until it meets one of the words."""

    manifest = msgspec.structs.replace(Console.manifest, name="fragile")

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        if DEADLY.encode() in delivery.raw:
            os._exit(7)
        if GREEDY.encode() in delivery.raw:
            bytearray(1024**3)
        while BUSY.encode() in delivery.raw:
            pass
        return super().read(delivery, inbox)


channel = Fragile()

__all__ = ["BUSY", "DEADLY", "GREEDY", "channel", "line"]
