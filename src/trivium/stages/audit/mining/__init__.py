"""From documents to questions: sentences that state a fact by a rule, and how often the corpus states it."""
