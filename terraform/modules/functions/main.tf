locals {
  # Who is let in before a function sees a request. An intent checks each push and each caller by itself, and needs the token of the push
  # whole: where Cloud Run checks it, it hands it on without its signature. A job checks nothing, so Cloud Run does.
  edge = var.exposure == "edge"
  doors = {
    api = {
      ingress    = local.edge ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_ALL"
      checks_iam = !local.edge
    }
    intent = {
      ingress    = local.edge ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY"
      checks_iam = false
    }
    job = { ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY", checks_iam = true }
  }

  invokers = {
    for name, function in var.functions : name => function.kind == "job" ? [var.job_invoker] : tolist(var.api_invokers)
    if local.doors[function.kind].checks_iam
  }

  # Those that run guests are told where; every other function refuses them, which is its default.
  of_guests = var.runner_url == null ? {} : { WASM = "nodes", WASM_RUNNER_URL = var.runner_url }
}

resource "google_cloud_run_v2_service" "this" {
  for_each = var.functions

  project  = var.project_id
  location = var.region
  name     = replace(each.key, "_", "-")
  labels   = merge(var.labels, { kind = each.value.kind })

  ingress              = local.doors[each.value.kind].ingress
  invoker_iam_disabled = !local.doors[each.value.kind].checks_iam
  # A service holds nothing. One that the manifest no longer has must be able to go.
  deletion_protection = false

  template {
    service_account                  = var.service_accounts[each.key].email
    timeout                          = "${each.value.timeout_seconds}s"
    max_instance_request_concurrency = each.value.concurrency

    scaling {
      min_instance_count = each.value.min_instances
      max_instance_count = each.value.max_instances
    }

    dynamic "vpc_access" {
      for_each = var.network[*]

      content {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }

    containers {
      image = var.image
      args  = [each.key]

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = tostring(each.value.cpu)
          memory = "${each.value.memory_mb}Mi"
        }
        # Nothing runs between requests: what is left over is handed on (ADR 0013).
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # A revision that cannot read its configuration or open its clients never takes traffic from the one before.
      startup_probe {
        initial_delay_seconds = 0
        period_seconds        = 2
        timeout_seconds       = 2
        failure_threshold     = 30

        http_get {
          path = "/health"
        }
      }

      dynamic "env" {
        for_each = merge(each.value.environment, var.environment, each.value.calls_runner ? local.of_guests : {})

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = { for name, reference in var.secrets : name => reference if contains(each.value.secrets, name) }

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(each.value.environment_needed, keys(merge(each.value.environment, var.environment)))) == 0
      error_message = "${each.key} would not start: it needs ${join(", ", setsubtract(each.value.environment_needed, keys(merge(each.value.environment, var.environment))))}."
    }
  }
}

# A binding, not members: nobody else is let in for longer than until the next apply.
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  for_each = { for name, members in local.invokers : name => members if length(members) > 0 }

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this[each.key].name
  role     = "roles/run.invoker"
  members  = each.value
}
