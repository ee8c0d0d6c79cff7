"""A plan of two lines in a bucket, the second of an article that nobody sells."""

from skucast.core.combination import Combination

KNOWN = [Combination("Пермь", "KA", "A1")]
PLAN = """unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through
Пермь;KA;A1;30.11.2026;06.12.2026;12,5;31.12.2026
Пермь;KA;A2;30.11.2026;06.12.2026;30;
"""
