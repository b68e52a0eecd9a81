"""The valuation model: features, candidates, evaluation, registry, scoring.

Pure work on frames and passed-in connections. What decides *when* to train or score
belongs to ``assets/``; SQL that builds the feature tables belongs to ``dbt_project/``.
"""
