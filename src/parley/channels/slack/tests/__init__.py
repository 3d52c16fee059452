"""Stories about Slack."""
