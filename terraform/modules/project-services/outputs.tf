output "project_id" {
  description = "The project, once its APIs can be called: what depends on this output waits for them."
  value       = var.project_id
  depends_on  = [google_project_service.this]
}
