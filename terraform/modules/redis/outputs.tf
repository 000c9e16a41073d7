output "environment" {
  description = "What functions need in their environment to reach it, but for the secret."
  value = (
    var.kind == "upstash"
    ? { UPSTASH_REDIS_REST_URL = "https://${upstash_redis_database.this[0].endpoint}" }
    : {}
  )
}

output "secrets" {
  description = "The secret by which they may use it, by environment variable."
  value = (
    var.kind == "upstash"
    ? { UPSTASH_REDIS_REST_TOKEN = upstash_redis_database.this[0].rest_token }
    : {
      REDIS_URL = format(
        "redis://:%s@%s:%d",
        google_redis_instance.this["this"].auth_string,
        google_redis_instance.this["this"].host,
        google_redis_instance.this["this"].port,
      )
    }
  )
  sensitive = true
}

output "network" {
  description = "The network through which it is reached; null: over the internet, by TLS."
  value = (
    var.kind == "upstash"
    ? null
    : {
      network    = google_compute_network.this["this"].id
      subnetwork = google_compute_subnetwork.functions["this"].id
    }
  )
}
