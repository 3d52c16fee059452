"""Stories about X."""
