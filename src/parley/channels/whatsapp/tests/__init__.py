"""Stories about WhatsApp."""
