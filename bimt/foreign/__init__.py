"""Other people's files, read into nets with a wiring."""
