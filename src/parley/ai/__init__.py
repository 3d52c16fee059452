"""Local models: text or counts in, a guess with calibrated confidence out. No network, no clock, no database.

Lives here: reading of text, retrieval over articles, calibration of "I don't know", reasons to hand over,
the bot's small intents, the forecast of volumes. May import: core, numpy, onnxruntime. Import the modules you need,
when you need them: nothing is loaded by importing this package.
"""

import os

# numpy's own threads wait for work by spinning: on two cores they take half of the machine from the desk and
# make nothing of ours faster. Read when numpy is first imported, which only this package does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
