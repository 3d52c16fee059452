"""Trials of the mail channel: R9, S1, S15, S18, S31 and S32. `bin/mail-trials` runs the long forms."""
