"""trivium: the whole education of a language model, from raw pages to a model that reasons."""

__version__ = "0.1.0"
