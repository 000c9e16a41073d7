locals {
  # What is left behind is cleared away (ADR 0012): uploads that nobody ingested, and large writes that never got their digest.
  days_kept = {
    "uploads/"  = 7
    "incoming/" = 1
  }
}

resource "google_storage_bucket" "this" {
  project       = var.project_id
  name          = var.name
  location      = var.location
  storage_class = "STANDARD"
  force_destroy = var.destroyable
  labels        = var.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Objects are named by their content and never overwritten, so versions would keep nothing. What is deleted can be had back.
  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 604800 # 7 days
  }

  dynamic "lifecycle_rule" {
    for_each = local.days_kept

    content {
      action {
        type = "Delete"
      }

      condition {
        age            = lifecycle_rule.value
        matches_prefix = [lifecycle_rule.key]
      }
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }

  dynamic "cors" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []

    content {
      origin          = cors.value
      method          = ["GET", "PUT"]
      response_header = ["Content-Type", "ETag", "x-goog-content-length-range", "x-goog-if-generation-match"]
      max_age_seconds = 3600
    }
  }
}

resource "google_storage_bucket_iam_binding" "writers" {
  bucket  = google_storage_bucket.this.name
  role    = "roles/storage.objectUser"
  members = var.writers
}
