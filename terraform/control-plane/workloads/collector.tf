locals {
  collector_configuration = yamlencode({
    receivers = { otlp = { protocols = { http = { endpoint = "0.0.0.0:4318" } } } }
    extensions = {
      health_check = { endpoint = "0.0.0.0:13133" }
      # What Google does not take for a while waits on the disk.
      file_storage = { directory = "/var/lib/collector" }
    }
    processors = {
      memory_limiter = { check_interval = "1s", limit_percentage = 75, spike_limit_percentage = 20 }
      batch          = { timeout = "5s" }
      # A token or a parameter has no business in a span; what slipped in goes no further.
      "attributes/secrets" = { actions = [for key in ["http.request.header.authorization", "authorization"] : { key = key, action = "delete" }] }
    }
    exporters = { googlecloud = { sending_queue = { storage = "file_storage" } } }
    service = {
      extensions = ["health_check", "file_storage"]
      pipelines = {
        for signal in ["traces", "metrics", "logs"] : signal => {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "attributes/secrets", "batch"]
          exporters  = ["googlecloud"]
        }
      }
    }
  })
}

resource "kubernetes_config_map_v1" "collector" {
  metadata {
    name      = "collector"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  data = { "collector.yaml" = local.collector_configuration }
}
