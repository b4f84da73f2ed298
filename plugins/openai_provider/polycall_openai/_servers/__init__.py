"""What each server accepts, and the errors about its replies."""
