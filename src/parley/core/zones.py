"""Which time zone somebody lives in, as far as a phone number tells: that of its country, where it has only one."""

from functools import lru_cache
from zoneinfo import ZoneInfo

# Countries all of whose clocks agree (tz database, zone1970.tab). Spain with the Canaries is none, nor is the USA.
ONE = {
    "AD": "Europe/Andorra", "AE": "Asia/Dubai", "AL": "Europe/Tirane", "AM": "Asia/Yerevan", "AT": "Europe/Vienna",
    "AZ": "Asia/Baku", "BA": "Europe/Sarajevo", "BD": "Asia/Dhaka", "BE": "Europe/Brussels", "BG": "Europe/Sofia",
    "BH": "Asia/Bahrain", "BO": "America/La_Paz", "BY": "Europe/Minsk", "CH": "Europe/Zurich", "CM": "Africa/Douala",
    "CN": "Asia/Shanghai", "CO": "America/Bogota", "CR": "America/Costa_Rica", "CU": "America/Havana",
    "CZ": "Europe/Prague", "DE": "Europe/Berlin", "DK": "Europe/Copenhagen", "DZ": "Africa/Algiers",
    "EE": "Europe/Tallinn", "EG": "Africa/Cairo", "ET": "Africa/Addis_Ababa", "FI": "Europe/Helsinki",
    "FR": "Europe/Paris", "GB": "Europe/London", "GE": "Asia/Tbilisi", "GG": "Europe/Guernsey", "GH": "Africa/Accra",
    "GR": "Europe/Athens", "GT": "America/Guatemala", "HK": "Asia/Hong_Kong", "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest", "IE": "Europe/Dublin", "IL": "Asia/Jerusalem", "IM": "Europe/Isle_of_Man",
    "IN": "Asia/Kolkata", "IQ": "Asia/Baghdad", "IS": "Atlantic/Reykjavik", "IT": "Europe/Rome",
    "JE": "Europe/Jersey", "JM": "America/Jamaica", "JO": "Asia/Amman", "JP": "Asia/Tokyo", "KE": "Africa/Nairobi",
    "KR": "Asia/Seoul", "KW": "Asia/Kuwait", "LB": "Asia/Beirut", "LI": "Europe/Vaduz", "LK": "Asia/Colombo",
    "LT": "Europe/Vilnius", "LU": "Europe/Luxembourg", "LV": "Europe/Riga", "MA": "Africa/Casablanca",
    "MC": "Europe/Monaco", "MD": "Europe/Chisinau", "ME": "Europe/Podgorica", "MK": "Europe/Skopje",
    "MT": "Europe/Malta", "MY": "Asia/Kuala_Lumpur", "NG": "Africa/Lagos", "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo", "NP": "Asia/Kathmandu", "OM": "Asia/Muscat", "PA": "America/Panama", "PE": "America/Lima",
    "PH": "Asia/Manila", "PK": "Asia/Karachi", "PL": "Europe/Warsaw", "PY": "America/Asuncion", "QA": "Asia/Qatar",
    "RO": "Europe/Bucharest", "RS": "Europe/Belgrade", "SA": "Asia/Riyadh", "SE": "Europe/Stockholm",
    "SG": "Asia/Singapore", "SI": "Europe/Ljubljana", "SK": "Europe/Bratislava", "SM": "Europe/San_Marino",
    "SN": "Africa/Dakar", "TH": "Asia/Bangkok", "TN": "Africa/Tunis", "TR": "Europe/Istanbul", "TW": "Asia/Taipei",
    "TZ": "Africa/Dar_es_Salaam", "UG": "Africa/Kampala", "UY": "America/Montevideo", "VE": "America/Caracas",
    "VN": "Asia/Ho_Chi_Minh", "XK": "Europe/Belgrade", "ZA": "Africa/Johannesburg",
}  # fmt: skip


@lru_cache(maxsize=4096)
def of_phone(number: str) -> str:
    """The zone of an international number, with or without its plus; empty where that leaves several open."""
    import phonenumbers  # 45 ms, so only when there is a number

    bare = number if number.startswith("+") else f"+{number}"
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(bare))
    except phonenumbers.NumberParseException:
        return ""
    if not region:  # kept free for stories, or newer than the tables: the country code alone
        regions = phonenumbers.region_codes_for_country_code(phonenumbers.parse(bare).country_code or 0)
        region = regions[0] if len(regions) == 1 else ""
    return ONE.get(region or "", "")


def known(zone: str) -> bool:
    """Whether it is a zone by its IANA name."""
    if not zone or len(zone) > 60 or zone.startswith(("/", ".")) or ("/" not in zone and zone != "UTC"):
        return False
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True
