"""Core: the desk's words and rules.

Lives here: events, the state of a conversation, people and identities, routing choice,
promises, the channel contract, errors. Touches nothing: no clock, no database, no network.
May import: the standard library and msgspec. Nothing of ours from any other room.
"""
