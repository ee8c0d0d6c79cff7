"""Weekly sales forecasts per unit, channel and SKU: history in, four weeks out, scored and explained.

Importing the package loads the standard library only; pandas, Prophet and the rest load where they are used.
"""

__version__ = "0.1.0"
