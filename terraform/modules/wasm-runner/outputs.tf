output "url" {
  description = "Where its callers reach it (WASM_RUNNER_URL)."
  value       = google_cloud_run_v2_service.this.uri
}

output "name" {
  description = "The service's name."
  value       = google_cloud_run_v2_service.this.name
}
