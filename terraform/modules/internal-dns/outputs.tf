output "zone" {
  description = "The zone's name."
  value       = google_dns_managed_zone.run_app.name
}
