"""What users hold: clients and streams, made from a name, an SDK's client or a config file."""
