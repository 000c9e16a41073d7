output "functions" {
  description = "The service account of each function, by the function's name: its e-mail address and its IAM member."
  value       = { for name, account in google_service_account.function : name => { email = account.email, member = account.member } }
  # A function that starts before it may reach its database fails its first requests.
  depends_on = [google_project_iam_member.firestore, google_service_account_iam_member.signs_as_itself]
}

output "pushes_email" {
  description = "The account for which Pub/Sub signs its pushes."
  value       = google_service_account.pushes.email
}

output "scheduler" {
  description = "The account in whose name Cloud Scheduler calls: its e-mail address and its IAM member."
  value       = { email = google_service_account.scheduler.email, member = google_service_account.scheduler.member }
}

output "ci" {
  description = "What a workflow names to act here: the provider, and the accounts to plan and to apply; null without a repository."
  value = var.repository == null ? null : {
    provider    = google_iam_workload_identity_pool_provider.github["this"].name
    plan_email  = google_service_account.ci_plan["this"].email
    apply_email = google_service_account.ci_apply["this"].email
  }
}

output "image_writers" {
  description = "Who pushes images, as IAM members."
  value       = [for account in google_service_account.ci_apply : account.member]
}
