output "alerts" {
  description = "The names of all alert policies."
  value = concat(
    [for policy in google_monitoring_alert_policy.threshold : policy.display_name],
    [for policy in google_monitoring_alert_policy.sweep_absent : policy.display_name],
    [for policy in google_monitoring_alert_policy.budget_burns : policy.display_name],
  )
}

output "dashboard_id" {
  description = "The dashboard's id."
  value       = google_monitoring_dashboard.this.id
}
