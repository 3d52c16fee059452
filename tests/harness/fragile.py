"""A channel whose reader takes its process down when it meets a certain word, as a faulty library would."""

import os

import msgspec

from parley.channels.console import Console, line
from parley.core.channel import Delivery, Inbound, Inbox

DEADLY = "deadly"


class Fragile(Console):
    """`manifest` under a name of its own; reads as the console does, until it meets the word."""

    manifest = msgspec.structs.replace(Console.manifest, name="fragile")

    def read(self, delivery: Delivery, inbox: Inbox) -> list[Inbound]:
        if DEADLY.encode() in delivery.raw:
            os._exit(7)
        return super().read(delivery, inbox)


channel = Fragile()

__all__ = ["DEADLY", "channel", "line"]
