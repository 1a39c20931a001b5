"""What whoever runs Kontor looks at: health, metrics, logs of requests and tasks, and the doctor."""
