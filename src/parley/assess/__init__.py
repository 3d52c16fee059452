"""What a desk is like, from its mailbox, another system's export or its own log: `parley assess` (docs/assessment.md).

Reads only; begun by the command line. Pure formulas are in core/, this room reads sources, counts and draws one page.
May import core, ai, the log's and the services' questions, the channels by what they can do, and web/plots.py.
"""
