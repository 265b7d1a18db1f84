# Two stages: the first builds and installs, the second holds what runs, and no compiler.
#   docker build -t psm .
#   docker run -p 8000:8000 -v psm-cache:/cache psm
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/psm
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
# PyTorch for processors only: a tenth of the size.
RUN /opt/psm/bin/pip install --constraint constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu ".[demo,serve]"

FROM python:3.11-slim-bookworm

# libgomp: threads of PyTorch and SciPy.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1=12.* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 psm \
    && install --directory --owner=psm --group=psm /cache
COPY --from=build /opt/psm /opt/psm

ENV PATH=/opt/psm/bin:$PATH PSM_CACHE=/cache PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/psm
VOLUME /cache
EXPOSE 8000
# The first start embeds the Earth, which takes some minutes.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15m --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["psm", "serve", "--host", "0.0.0.0", "--port", "8000"]
