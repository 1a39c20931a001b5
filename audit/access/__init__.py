"""The access log: who looked at which contact, by which way and when. It knows no contact, only ids."""
