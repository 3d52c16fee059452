"""Stories about Mastodon."""
