"""Stories about a system of somebody's own that posts and gets signed events."""
