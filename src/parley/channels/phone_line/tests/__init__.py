"""Stories about the phone line."""
