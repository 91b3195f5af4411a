"""Messages of the wire, generated from `proto/` by `python/generate_wire.py`. Not for users."""
