# CPU:  docker build -t nii .
# GPU:  docker build -t nii:gpu --build-arg RUNTIME=onnxruntime-gpu --build-arg BASE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 .
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ARG RUNTIME=onnxruntime
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# the CUDA base has no Python; slim has it already
# hadolint ignore=DL3008
RUN if ! command -v python3 >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY nii nii
COPY serving serving
COPY training training
# onnxruntime and onnxruntime-gpu hold the same files: the second is put in the place of the first
RUN python3 -m venv /opt/nii \
 && /opt/nii/bin/pip install --no-cache-dir '.[serve]' sqlalchemy \
 && if [ "$RUNTIME" != onnxruntime ]; then \
      /opt/nii/bin/pip uninstall -y onnxruntime && /opt/nii/bin/pip install --no-cache-dir "$RUNTIME"; \
    fi

FROM ${BASE}
# hadolint ignore=DL3008
RUN if ! command -v python3 >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*; \
    fi \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin nii \
 && install -d -o nii /data
COPY --from=build /opt/nii /opt/nii
ENV PATH=/opt/nii/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["nii", "serve", "--host", "0.0.0.0", "--port", "8000"]
