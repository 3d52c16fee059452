"""Stories about phone calls."""
