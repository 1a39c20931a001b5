"""What a clone runs on one machine: servers from wheels, the whole stack, demo data, pictures. Never in production."""
