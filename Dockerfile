# SPDX-License-Identifier: GPL-3.0-or-later
# Galatea without a window: `galatea serve` by default, any other verb, or a worker of a Ray cluster (compose.yaml).
# It could not be built where it was written, for no container engine ran there. tests/studio/test_containers.py
# compares what it names with the repository; `galatea doctor` below judges the first build.
#
#   docker build -t galatea:cpu .
#   docker build -t galatea:gpu --build-arg VARIANT=gpu .      then: docker run --gpus all …
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# gpu takes torch as PyPI has it, with NVIDIA's libraries in it (several GB); of the host it needs the driver alone.
ARG VARIANT=cpu
ARG CPU_TORCH=https://download.pytorch.org/whl/cpu
LABEL org.opencontainers.image.title="Galatea" org.opencontainers.image.licenses="GPL-3.0-or-later"

# what Blender's module loads
RUN apt-get -q update \
    && apt-get -q -y install --no-install-recommends \
       libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1 libgl1-mesa-dri \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/galatea
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.txt requirements-studio.txt ./
RUN case "$VARIANT" in \
      cpu) pip install --extra-index-url "$CPU_TORCH" -r requirements-studio.txt ;; \
      gpu) pip install -r requirements-studio.txt ;; \
      *) echo "VARIANT is cpu or gpu, not $VARIANT" >&2; exit 2 ;; \
    esac

COPY __init__.py blender_manifest.toml pyproject.toml README.md LICENSE ./
COPY addon ./addon
COPY backend ./backend
COPY presets ./presets
RUN pip install --no-deps --no-build-isolation -e . && python -m compileall -q addon backend

# jobs in /data, weights in a volume of their own, which many containers may share
RUN useradd --uid 1000 --create-home galatea \
    && mkdir -p /data/weights /work \
    && chown -R galatea:galatea /data /work
USER 1000:1000
ENV GALATEA_HOME=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RAY_USAGE_STATS_ENABLED=0 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
RUN GALATEA_HOME=/tmp/doctor galatea doctor && rm -rf /tmp/doctor
VOLUME ["/data", "/data/weights"]
WORKDIR /work

EXPOSE 8420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8420/health', timeout=5)"]
ENTRYPOINT ["galatea"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8420"]
