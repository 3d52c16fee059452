"""Stories about SMS."""
