"""The internet, but cleaned: raw pages in, documents out, and a reason for every page that went.

Three entries: `plant` seals the town, `score` reads every page once and keeps every score, `select` applies thresholds,
dedup and the mix. No torch here. (Layers and thresholds follow FineWeb, arXiv 2406.17557.)
"""
