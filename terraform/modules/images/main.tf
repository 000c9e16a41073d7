resource "google_artifact_registry_repository" "this" {
  project       = var.project_id
  location      = var.location
  repository_id = var.name
  format        = "DOCKER"
  description   = "The image of the functions; one image holds every bundle."
  labels        = var.labels

  docker_config {
    # A tag names one build for ever; what runs is named by digest in any case.
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-the-last-ones"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old-ones"
    action = "DELETE"

    condition {
      older_than = "7776000s" # 90 days
    }
  }
}

resource "google_artifact_registry_repository_iam_binding" "writers" {
  count = length(var.writers) > 0 ? 1 : 0

  project    = var.project_id
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.writer"
  members    = var.writers
}
