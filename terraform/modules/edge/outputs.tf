output "address" {
  description = "The address that the domain's A record must lead to."
  value       = google_compute_global_address.this.address
}

output "url" {
  description = "Where callers find the runtime."
  value       = "https://${var.domain}"
}
