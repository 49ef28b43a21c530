"""The call centre itself: all nouns put together. Pure."""
