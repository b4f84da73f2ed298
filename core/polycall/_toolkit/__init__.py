"""What several providers need, for plugin authors; they import it from `polycall.plugin`."""
