output "queue" {
  description = "The queue's name."
  value       = google_cloud_tasks_queue.this.name
}

output "environment" {
  description = "What a function needs to set timers."
  value = {
    TIMER_QUEUE           = "projects/${var.project_id}/locations/${var.region}/queues/${google_cloud_tasks_queue.this.name}"
    TIMER_SERVICE_ACCOUNT = google_service_account.this.email
  }
}

output "member" {
  description = "Who publishes on time, as IAM member."
  value       = google_service_account.this.member
}
