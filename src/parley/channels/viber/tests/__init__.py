"""Stories about Viber."""
