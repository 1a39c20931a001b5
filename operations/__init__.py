"""Operations: dashboard, health checks, metrics, logs of requests and tasks, and the doctor."""
