# No role is granted to it, here or anywhere: what a guest that broke out could ask for in its name is nothing.
resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = replace(var.runner.name, "_", "-")
  display_name = "Runner of guests: has no rights"
}

resource "google_cloud_run_v2_service" "this" {
  project  = var.project_id
  location = var.region
  name     = replace(var.runner.name, "_", "-")
  labels   = merge(var.labels, { kind = var.runner.kind })

  ingress              = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  invoker_iam_disabled = false
  # A service holds nothing.
  deletion_protection = false

  template {
    service_account                  = google_service_account.this.email
    timeout                          = "${var.runner.timeout_seconds}s"
    max_instance_request_concurrency = var.runner.concurrency

    scaling {
      min_instance_count = var.runner.min_instances
      max_instance_count = var.runner.max_instances
    }

    containers {
      image = var.image
      args  = [var.runner.name]

      # One stream for each call, with frames in both directions: HTTP/2 from end to end.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = tostring(var.runner.cpu)
          memory = "${var.runner.memory_mb}Mi"
        }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # Cloud Run's HTTP probes speak HTTP/1, which it does not. It listens only when it can run guests.
      startup_probe {
        initial_delay_seconds = 0
        period_seconds        = 2
        timeout_seconds       = 2
        failure_threshold     = 30

        tcp_socket {
          port = 8080
        }
      }

      dynamic "env" {
        for_each = var.runner.environment

        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }
}

# A binding, not members: nobody else is let in for longer than until the next apply.
resource "google_cloud_run_v2_service_iam_binding" "callers" {
  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  members  = var.callers
}
