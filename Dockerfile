# The image of the server side, `edge-mask sink` and `edge-mask analyse`; the same program runs a device. docs/deploy.md
#
#   docker build -t edge-mask:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/edge-mask:0.1.0 --push .
#
# BASE     an image with Python 3.11 or newer and pip in /usr/local, for amd64 or arm64
# EXTRAS   what is installed beside the program, from pyproject.toml: web, sink, packages, aws, gpio, serial
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS made
ARG EXTRAS=web,sink,packages
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
# The versions that the tests ran with.
COPY requirements/dev.txt requirements/
RUN sed -n '/^[A-Za-z0-9]/s/ *\\$//p' requirements/dev.txt >/constraints.txt
RUN python -m venv --without-pip /opt/edge-mask
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY src src
RUN python -m pip --python /opt/edge-mask/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
    --root-user-action=ignore --constraint /constraints.txt ".[${EXTRAS}]"
# What no line of ours imports: a third of what LiteRT and NumPy bring.
RUN cd /opt/edge-mask/lib/python3.*/site-packages \
    && find . -depth -type d -name tests -exec rm -rf {} + \
    && rm -rf ai_edge_litert/tools ai_edge_litert/vendors ai_edge_litert/libLiteRtWebGpuAccelerator.so
RUN /opt/edge-mask/bin/edge-mask model verify

FROM ${BASE}
# A number, so that Kubernetes can see that it is not root; it has no entry in /etc/passwd and needs none.
ARG UID=10001
COPY --from=made /opt/edge-mask /opt/edge-mask
RUN mkdir -p /var/lib/edge-mask /etc/edge-mask && chown ${UID}:${UID} /var/lib/edge-mask
# Nothing but /var/lib/edge-mask (what is kept) and /tmp (byte code) is written: both may be mounts, the rest read-only.
ENV PATH=/opt/edge-mask/bin:$PATH HOME=/var/lib/edge-mask PYTHONUNBUFFERED=1 PYTHONPYCACHEPREFIX=/tmp/pycache \
    HEALTH=127.0.0.1:8080
USER ${UID}:${UID}
WORKDIR /var/lib/edge-mask
VOLUME /var/lib/edge-mask
STOPSIGNAL SIGTERM
# `sink.page` or `web` of the configuration listens at HEALTH. Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection(os.environ['HEALTH'], timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["edge-mask"]
CMD ["run", "--config", "/etc/edge-mask/config.yaml"]
