output "cluster" {
  description = "The cluster's name, for the root of the workloads."
  value       = google_container_cluster.this.name
}

output "accounts" {
  description = "The e-mail address of the account that each workload acts as."
  value       = { for name, account in google_service_account.workload : name => account.email }
}
