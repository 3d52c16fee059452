"""Local models: text in, a guess with calibrated confidence out. No network, no clock, no database.

Lives here: reading of text, retrieval over articles, calibration of "I don't know", reasons to hand over,
the bot's small intents. May import: core, numpy, onnxruntime. Import the modules you need, when you need them:
nothing is loaded by importing this package.
"""
