"""Models of one's own beside ours: the protocol, and adapters for other libraries."""

from skucast.forecast.others.lags import on_lags
from skucast.forecast.others.protocol import Model
from skucast.forecast.others.statistical import from_statsforecast

__all__ = ["Model", "from_statsforecast", "on_lags"]
