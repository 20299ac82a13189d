"""Active Route Manager: only the routes that carry traffic go into the hardware."""

__version__ = "0.1.0"
