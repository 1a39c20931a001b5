"""Import of contacts: each batch is looked up, checked and written with set-based SQL."""
