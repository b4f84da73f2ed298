"""One module for each library: `benchmarks.peers.worker.Peer`. All do what the library's documentation shows."""
