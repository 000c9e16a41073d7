output "telemetry_endpoint" {
  description = "Where OTLP over HTTP is taken, within the cluster's network."
  value       = "http://${kubernetes_service_v1.this["telemetry"].metadata[0].name}.${kubernetes_namespace_v1.this.metadata[0].name}.svc:4318"
}
