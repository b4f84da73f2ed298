"""Which plugins are installed; loading, checking and registering them."""
