"""The data of polycall: what users see, what can go wrong, and what the core and its plugins hand each other."""
