"""How fast it is, on this machine, beside what the machine itself can do. Never a test that can fail by slowness."""
