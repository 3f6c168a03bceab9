"""The server under load: many clients that stream, and what each of them saw."""
