"""The endpoints by resource. A new one is a method here, a row in `app`, a name in a dialect."""
