"""How the arguments of the command line become tools, messages, options and clients."""
