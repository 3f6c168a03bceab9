"""Pages for people: colours of the stages, figures in words, charts as SVG, templates. Nothing here needs torch."""
