"""Other libraries doing the same job, each in an environment of its own, beside the SDK and polycall in one process."""
