# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/ownercare
WORKDIR /src
COPY requirements.lock ./
RUN /opt/ownercare/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations ./migrations
COPY src ./src
RUN /opt/ownercare/bin/pip install --no-deps --no-build-isolation . \
    && /opt/ownercare/bin/pip uninstall --yes pip \
    && /opt/ownercare/bin/python -m compileall -q /opt/ownercare/lib

FROM python:3.12-slim
RUN useradd --uid 10001 --user-group --home-dir /var/lib/ownercare --shell /usr/sbin/nologin ownercare \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/ownercare
COPY --from=build /opt/ownercare /opt/ownercare
ENV PATH=/opt/ownercare/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OWNERCARE_DATA_DIR=/var/lib/ownercare \
    OWNERCARE_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/ownercare
VOLUME /var/lib/ownercare
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
CMD ["ownercare", "serve"]
