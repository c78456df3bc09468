# One image for the three processes and the migrations: `serve` (default), `consume`, `relay`, `db upgrade`.
FROM python:3.11-slim AS dependencies
# requirements-otel.txt has OpenTelemetry's SDK and OTLP exporter too: docs/operations/logs-and-traces.md.
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} /requirements.txt
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements.txt

FROM python:3.11-slim AS service
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin payments
COPY --from=dependencies /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY cli.py ./
COPY commandline commandline
COPY consumer consumer
COPY migrations migrations
COPY relay relay
COPY runtime runtime
COPY service service
COPY docs/openapi.yaml docs/openapi.yaml
RUN python -m compileall -q .
# serve listens on PORT; relay and consume tell their health on OPS_PORT. Probes come from outside the container.
# The health check reads the address of /health, whatever the command line says, in HEALTH_NOTE.
ENV HOST=0.0.0.0 PORT=8000 OPS_HOST=0.0.0.0 OPS_PORT=9000 HEALTH_NOTE=/tmp/payment-service-health
EXPOSE 8000 9000
USER 10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-m", "runtime.health_check"]
ENTRYPOINT ["python", "cli.py"]
CMD ["serve"]

# For compose.yml only: the Stripe simulator.
FROM service AS simulator
COPY devstack devstack
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "devstack.stripe_simulator"]
CMD ["--host", "0.0.0.0", "--port", "12111"]

# The last stage is what a plain `docker build` makes.
FROM service
