locals {
  # A stateful set each: a stable name and a disk of its own for what has not been handed on yet.
  workloads = {
    curator = {
      image      = var.curator_image
      account    = var.accounts.curator
      replicas   = 2
      args       = []
      port       = 8080
      probe      = { path = "/health", port = 8080 }
      data       = "/var/lib/curator"
      disk       = "10Gi"
      cpu        = "250m"
      memory     = "512Mi"
      config_map = null
    }
    telemetry = {
      image      = var.collector_image
      account    = var.accounts.telemetry
      replicas   = 2
      args       = ["--config=/etc/collector/collector.yaml"]
      port       = 4318
      probe      = { path = "/", port = 13133 }
      data       = "/var/lib/collector"
      disk       = "10Gi"
      cpu        = "250m"
      memory     = "512Mi"
      config_map = kubernetes_config_map_v1.collector.metadata[0].name
    }
  }
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name   = "control-plane"
    labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
  }
}

resource "kubernetes_service_account_v1" "this" {
  for_each = local.workloads

  metadata {
    name        = each.key
    namespace   = kubernetes_namespace_v1.this.metadata[0].name
    annotations = { "iam.gke.io/gcp-service-account" = each.value.account }
  }
}

resource "kubernetes_service_v1" "this" {
  for_each = local.workloads

  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  spec {
    selector   = { app = each.key }
    cluster_ip = "None"

    port {
      name        = "http"
      port        = each.value.port
      target_port = each.value.port
    }
  }
}

resource "kubernetes_pod_disruption_budget_v1" "this" {
  for_each = local.workloads

  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  spec {
    min_available = "1"

    selector {
      match_labels = { app = each.key }
    }
  }
}

# Nothing reaches a pod but on its port, and from within the cluster's network.
resource "kubernetes_network_policy_v1" "this" {
  for_each = local.workloads

  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  spec {
    policy_types = ["Ingress"]

    pod_selector {
      match_labels = { app = each.key }
    }

    ingress {
      ports {
        port     = tostring(each.value.port)
        protocol = "TCP"
      }

      from {
        ip_block {
          cidr = "10.0.0.0/8"
        }
      }
    }
  }
}

resource "kubernetes_stateful_set_v1" "this" {
  for_each = local.workloads

  metadata {
    name      = each.key
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  spec {
    service_name = kubernetes_service_v1.this[each.key].metadata[0].name
    replicas     = each.value.replicas

    selector {
      match_labels = { app = each.key }
    }

    template {
      metadata {
        labels = { app = each.key }
        # A change of the collector's configuration is a change of its pods.
        annotations = each.value.config_map == null ? {} : { "symphainy/configuration" = sha256(local.collector_configuration) }
      }

      spec {
        service_account_name = kubernetes_service_account_v1.this[each.key].metadata[0].name

        security_context {
          run_as_non_root = true
          run_as_user     = "10001"
          fs_group        = "10001"

          seccomp_profile {
            type = "RuntimeDefault"
          }
        }

        container {
          name  = each.key
          image = each.value.image
          args  = each.value.args

          port {
            container_port = each.value.port
          }

          resources {
            requests = { cpu = each.value.cpu, memory = each.value.memory }
            limits   = { cpu = each.value.cpu, memory = each.value.memory }
          }

          security_context {
            allow_privilege_escalation = false
            read_only_root_filesystem  = true

            capabilities {
              drop = ["ALL"]
            }
          }

          readiness_probe {
            http_get {
              path = each.value.probe.path
              port = each.value.probe.port
            }
          }

          volume_mount {
            name       = "data"
            mount_path = each.value.data
          }

          dynamic "volume_mount" {
            for_each = each.value.config_map[*]

            content {
              name       = "configuration"
              mount_path = "/etc/collector"
              read_only  = true
            }
          }
        }

        dynamic "volume" {
          for_each = each.value.config_map[*]

          content {
            name = "configuration"

            config_map {
              name = volume.value
            }
          }
        }
      }
    }

    volume_claim_template {
      metadata {
        name = "data"
      }

      spec {
        access_modes = ["ReadWriteOnce"]

        resources {
          requests = { storage = each.value.disk }
        }
      }
    }
  }
}
