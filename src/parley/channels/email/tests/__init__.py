"""Stories about mail, on recorded samples, real servers and hostile bytes."""
