"""The contract checker: an extension that wraps every hook and checks what is too expensive for every call."""
