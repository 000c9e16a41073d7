output "services" {
  description = "Each function's service, by the function's name: its name on Cloud Run and its own URL."
  value       = { for name, service in google_cloud_run_v2_service.this : name => { name = service.name, uri = service.uri } }
  depends_on  = [google_cloud_run_v2_service_iam_binding.invokers]
}
