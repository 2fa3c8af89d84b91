# labkit on a CPU: docker build -f containers/cpu.Dockerfile -t labkit:cpu .
# The versions are those of constraints.txt; torch without CUDA comes from PyTorch's own index.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS packages
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
RUN python -m venv /opt/labkit
ENV PATH=/opt/labkit/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY pyproject.toml constraints.txt ./
# What labkit needs, without labkit: a change of its code keeps this layer, which is the large one.
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*p['dependencies'], *p['optional-dependencies']['postgres'], sep='\n')" > needs.txt \
 && pip install --extra-index-url "${TORCH_INDEX}" -c constraints.txt -r needs.txt

FROM packages AS wheel
COPY LICENSE README.md ./
COPY assets assets
COPY labkit labkit
RUN pip wheel --no-deps --wheel-dir /wheel .

FROM python:${PYTHON}
COPY --from=packages /opt/labkit /opt/labkit
ENV PATH=/opt/labkit/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HOME=/data/huggingface \
    HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    XDG_DATA_HOME=/data
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps --no-index /wheel/*.whl \
 && useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin labkit
COPY app.py /opt/labkit/app.py
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["labkit", "serve", "--host", "0.0.0.0", "--port", "8080"]
