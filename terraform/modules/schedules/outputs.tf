output "jobs" {
  description = "The schedules, by the function that each calls."
  value       = { for name, job in google_cloud_scheduler_job.this : name => job.name }
}
