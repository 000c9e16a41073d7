locals {
  # An account's id has 30 characters at the most: a longer name is cut, and told apart by its digest.
  account_ids = {
    for name in var.functions : name => (
      length("fn-${name}") <= 30
      ? replace("fn-${name}", "_", "-")
      : "${trimsuffix(replace(substr("fn-${name}", 0, 23), "_", "-"), "-")}-${substr(sha1(name), 0, 6)}"
    )
  }
}

resource "google_service_account" "function" {
  for_each = var.functions

  project      = var.project_id
  account_id   = local.account_ids[each.value]
  display_name = "Function ${each.value}"
}

# Firestore has no IAM below the project but by condition: this database and no other.
resource "google_project_iam_member" "firestore" {
  for_each = var.functions

  project = var.project_id
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.value].member

  condition {
    title      = "only-this-database"
    expression = "resource.name == \"projects/${var.project_id}/databases/${var.firestore_database}\""
  }
}

# Signed URLs: without a key an account has IAM sign for it, and asks that as itself.
resource "google_service_account_iam_member" "signs_as_itself" {
  for_each = var.functions

  service_account_id = google_service_account.function[each.value].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.function[each.value].member
}

# In whose name Pub/Sub pushes. It has no rights: the functions know it by its token.
resource "google_service_account" "pushes" {
  project      = var.project_id
  account_id   = "pubsub-pushes"
  display_name = "Pub/Sub pushes to functions"
}

# In whose name Cloud Scheduler calls the jobs; the jobs' services let it in.
resource "google_service_account" "scheduler" {
  project      = var.project_id
  account_id   = "scheduler-calls"
  display_name = "Cloud Scheduler calls of jobs"
}
