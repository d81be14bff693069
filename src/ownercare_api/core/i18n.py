"""Which of our two languages a caller wants."""

from ownercare_api.core.errors import Language


def negotiate(accept_language: str | None) -> Language:
    """Return the language for an `Accept-Language` header; Chinese unless English is preferred to it."""
    best: tuple[float, Language] = (0.0, "zh-CN")
    for part in (accept_language or "").split(",")[:10]:
        tag, _, parameter = part.strip().partition(";")
        primary = tag.split("-")[0].strip().lower()
        if primary not in ("zh", "en"):
            continue
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if best[0] < quality <= 1.0:
            best = (quality, "zh-CN" if primary == "zh" else "en")
    return best[1]
