"""The files that operators load into Prometheus and Grafana."""
