"""Services: what a desk does, one feature a file.

Each acts (functions that take a `tx` and append), follows (readers with tables of their own) or is
asked (functions that take a `conn` and answer). May import: core, log, ai. Features meet in the log.
"""
