"""Stories of this channel."""
