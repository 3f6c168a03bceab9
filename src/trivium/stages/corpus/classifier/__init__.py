"""A quality classifier of the user's own: what is like their good documents rather than like their bad ones."""
