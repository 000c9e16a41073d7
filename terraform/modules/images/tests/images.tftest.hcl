variables {
  project_id = "symphainy-test"
  location   = "europe-west3"
  name       = "symphainy"
}

run "tags_never_move" {
  command = plan

  assert {
    condition     = google_artifact_registry_repository.this.docker_config[0].immutable_tags
    error_message = "A tag could be moved to another image."
  }

  assert {
    condition     = length(google_artifact_registry_repository_iam_binding.writers) == 0
    error_message = "Without writers there is nothing to grant."
  }
}

run "only_its_writers_push" {
  command = apply

  variables {
    writers = ["serviceAccount:ci@symphainy-test.iam.gserviceaccount.com"]
  }

  assert {
    condition     = google_artifact_registry_repository_iam_binding.writers[0].role == "roles/artifactregistry.writer"
    error_message = "Writers write."
  }

  assert {
    condition     = output.repository == "europe-west3-docker.pkg.dev/symphainy-test/symphainy"
    error_message = "That is no repository that docker could push to."
  }
}
