"""What can go wrong, with its fate: whether trying again helps, and a sentence for a person."""


class ParleyError(Exception):
    """A failure whose text may be shown to a person: what happened, what was kept, what to do."""


class Refused(ParleyError):
    """The rules say no to this act, as things stand (for example: the conversation is closed)."""


class Conflict(ParleyError):
    """Somebody else was first: the conversation moved on since the actor last looked."""


class NotFound(ParleyError):
    """There is no such thing, or the asker may not know that there is."""


class NotAllowed(ParleyError):
    """The actor's role does not permit this act."""


class NotProved(ParleyError):
    """A delivery does not bear its platform's signature, or a wrong one. Nothing of it is kept."""


class BadConfig(ParleyError):
    """A setting is wrong; the text names it and says how to mend it."""


class Unreadable(ParleyError):
    """A delivery could not be read. The raw bytes are kept and a quarantine conversation opens."""


class Busy(ParleyError):
    """The record cannot write just now (locked, disk full). Nothing was kept: the sender must retry."""


class FetchFailed(ParleyError):
    """A file could not be had from the platform that keeps it. Fields as those of `SendFailed`."""

    def __init__(self, reason: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


class SendFailed(ParleyError):
    """A message could not be handed to the peer.

    permanent: trying again cannot help (blocked, no such mailbox).
    retry_after: seconds the peer asked us to wait, where it said so.
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after
