"""Messages and tools in the forms that llama.cpp takes. No I/O."""
