"""The same job with the SDK by hand and by polycall, for each of the APIs of OpenAI."""
