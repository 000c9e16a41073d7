# Workload identity federation: GitHub's token of a workflow is exchanged for a short-lived one. There is no key to lose.

locals {
  ci = var.repository == null ? toset([]) : toset(["this"])

  # What an apply of these roots changes, and no more: no role here lets its holder read data or act as a user.
  apply_roles = [
    "roles/artifactregistry.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudtasks.queueAdmin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/datastore.owner",
    "roles/dns.admin",
    "roles/firebaserules.admin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/logging.configWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/redis.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ]
  plan_roles = ["roles/iam.securityReviewer", "roles/viewer"]
}

resource "google_iam_workload_identity_pool" "ci" {
  for_each = local.ci

  project                   = var.project_id
  workload_identity_pool_id = "ci-workflows"
  display_name              = "Workflows of the repository"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  for_each = local.ci

  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci["this"].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }
  # Without it any workflow on GitHub could have a token of this pool.
  attribute_condition = "assertion.repository == \"${var.repository}\""

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "ci_plan" {
  for_each = local.ci

  project      = var.project_id
  account_id   = "ci-plan"
  display_name = "CI: plans, reads settings"
}

resource "google_service_account" "ci_apply" {
  for_each = local.ci

  project      = var.project_id
  account_id   = "ci-apply"
  display_name = "CI: pushes images and applies, from the release branch"
}

resource "google_service_account_iam_member" "ci_plan" {
  for_each = local.ci

  service_account_id = google_service_account.ci_plan["this"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci["this"].name}/attribute.repository/${var.repository}"
}

resource "google_service_account_iam_member" "ci_apply" {
  for_each = local.ci

  service_account_id = google_service_account.ci_apply["this"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci["this"].name}/attribute.ref/refs/heads/${var.release_branch}"
}

resource "google_project_iam_member" "ci_plan" {
  for_each = var.repository == null ? toset([]) : toset(local.plan_roles)

  project = var.project_id
  role    = each.value
  member  = google_service_account.ci_plan["this"].member
}

resource "google_project_iam_member" "ci_apply" {
  for_each = var.repository == null ? toset([]) : toset(local.apply_roles)

  project = var.project_id
  role    = each.value
  member  = google_service_account.ci_apply["this"].member
}
