"""Development tools for one machine: embedded servers, the whole stack, demo data, screenshots. Never in production."""
