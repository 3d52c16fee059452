"""Stories about Instagram."""
