"""The log: the desk's record. Append, read, follow, erase; two engines; migrations.

May import: core, SQLAlchemy. Everything that writes goes through `Record.write`, one job or many
at a time, and is durable when the call returns.
"""
