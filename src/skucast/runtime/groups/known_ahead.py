"""What is known of a week besides its sales: promotions, holidays, weather."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from skucast.runtime.groups.addresses import is_web_address, path_problem
from skucast.runtime.groups.field import FORECASTING, SALES_JOBS, Group, Job, field

HOLIDAYS: tuple[Job, ...] = (*SALES_JOBS, "names", "promotions", "override", "doctor", "demo")
WITH_WEATHER: tuple[Job, ...] = (*FORECASTING, "doctor")

HTTP_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[\w./-]*)?")


class KnownAhead(Group):
    """What is known of a week besides its sales."""

    title: ClassVar[str] = "promotions, holidays and weather"

    scenario: str | None = field(
        None, "name of a what-if: forecast with the plan of PROMOTIONS into the scenarios table alone", ["predict"]
    )
    promotions: str | None = field(
        None,
        "file of promotions, CSV or xlsx, or of values of regressors (docs/regressors.md): SCENARIO is the forecast as "
        "if it were sent now, in place of the plan of the names and days that it covers",
        ["predict"],
    )
    min_promo_coverage: Annotated[float, Field(ge=0, le=1)] = field(
        0.5,
        "share of forecast weeks that the promotions plan must cover, else the run warns; 0 to 1",
        ["predict", "monitor"],
    )
    holiday_country: str = field("RU", "ISO code of the holiday calendar; empty = none", HOLIDAYS)
    holiday_subdivision: str = field(
        "", "part of the country with holidays of its own, such as CA in the US; empty = none", HOLIDAYS
    )
    holiday_calendar: str = field(
        "", "CSV file of local events, name,date,days_before,days_after: a path on this machine", HOLIDAYS
    )
    regressors: str = field(
        "",
        "TOML file that declares further regressors, such as a price (docs/regressors.md): a path on this machine, or "
        "the TOML itself",
        (*HOLIDAYS, "load"),
    )
    weather: bool = field(False, "use the weather at the units' locations (docs/weather.md)", WITH_WEATHER)
    weather_climate_years: int = field(
        10, "years of observed weather behind the usual weather of a unit and day of the year", FORECASTING, ge=1, le=80
    )
    open_meteo_api_key: SecretStr | None = field(
        None, "key of Open-Meteo, for commercial use; a variable only, no flag", WITH_WEATHER
    )
    open_meteo_forecast_url: str = field(
        "https://api.open-meteo.com/v1/forecast", "address of the forecast API", WITH_WEATHER
    )
    open_meteo_archive_url: str = field(
        "https://archive-api.open-meteo.com/v1/archive", "address of the archive of observed weather", WITH_WEATHER
    )

    @field_validator("scenario")
    @classmethod
    def _scenario_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\w[\w .-]{0,59}", value):
            raise ValueError("expected a name of up to 60 letters, digits, blanks, dots and dashes")
        return value

    @field_validator("promotions")
    @classmethod
    def _scenario_has_a_file(cls, value: str | None, others: ValidationInfo) -> str | None:
        if (value is None) != (others.data.get("scenario") is None):
            raise ValueError("expected a file together with SCENARIO, which names what it is for")
        if problem := path_problem(value or ""):
            raise ValueError(f"expected the path of a file{problem}")
        return value

    @field_validator("holiday_country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        from holidays.registry import COUNTRIES

        # Names of classes and codes; `list_supported_countries` would load all countries for their regions.
        if value and value not in {code for names in COUNTRIES.values() for code in names if code.isupper()}:
            raise ValueError("expected an ISO country code such as RU, or nothing")
        return value

    @field_validator("holiday_subdivision")
    @classmethod
    def _part_of_the_country(cls, value: str, others: ValidationInfo) -> str:
        import holidays

        country = others.data.get("holiday_country")
        if not value or country is None:  # a wrong country is a mistake of its own
            return value
        known = holidays.list_supported_countries().get(country, [])
        if not known:
            why = f"HOLIDAY_COUNTRY={country} has no such parts" if country else "HOLIDAY_COUNTRY is empty"
            raise ValueError(f"expected nothing, {why}")
        if value not in known:
            raise ValueError(f"expected a part of {country} such as {', '.join(known[:5])}, or nothing")
        return value

    @field_validator("holiday_calendar")
    @classmethod
    def _local_csv(cls, value: str) -> str:
        if value and ("://" in value or not value.lower().endswith(".csv")):
            raise ValueError("expected the path of a .csv file on this machine (no gs://), or nothing")
        if problem := path_problem(value):
            raise ValueError(f"expected the path of a .csv file on this machine{problem}")
        return value

    @field_validator("open_meteo_forecast_url", "open_meteo_archive_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        if not (HTTP_URL.fullmatch(value) and is_web_address(value)):
            raise ValueError("expected http(s)://HOST[:PORT]/PATH")
        return value

    @field_validator("open_meteo_api_key")
    @classmethod
    def _trimmed_key(cls, value: SecretStr | None) -> SecretStr | None:
        key = "" if value is None else value.get_secret_value().strip()  # secrets are often stored with a line break
        return SecretStr(key) if key else None
