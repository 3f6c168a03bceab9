"""What a model and its user may call: a calculator, Python, search over local documents; in Hermes form."""
