"""The test harness: a whole desk with verbs, on a real database."""
