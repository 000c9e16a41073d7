resource "google_secret_manager_secret" "this" {
  for_each = var.accessors

  project   = var.project_id
  secret_id = each.key
  labels    = var.labels

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "this" {
  for_each = var.accessors

  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = var.values[each.key]
  secret_data_wo_version = lookup(var.generations, each.key, 1)

  # A revision names its version: the one before must outlive the revisions that still use it (RUNBOOK: rotate keys).
  deletion_policy = "DISABLE"

  lifecycle {
    create_before_destroy = true
  }
}

# A binding, not members: whoever is given access by hand loses it at the next apply.
resource "google_secret_manager_secret_iam_binding" "readers" {
  for_each = var.accessors

  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  members   = each.value
}
