provider "upstash" {
  email   = "ops@example.com"
  api_key = "key"
}

variables {
  name       = "symphainy-test"
  project_id = "symphainy-test"
  region     = "europe-west3"
}

run "upstash_is_reached_over_https_and_never_evicts" {
  command = apply

  variables {
    kind = "upstash"
  }

  assert {
    condition     = output.environment["UPSTASH_REDIS_REST_URL"] == "https://symphainy-test-stub.upstash.io" && length(output.secrets["UPSTASH_REDIS_REST_TOKEN"]) > 0
    error_message = "A function could not reach it."
  }

  assert {
    condition     = upstash_redis_database.this[0].tls && !upstash_redis_database.this[0].eviction && output.network == null
    error_message = "Keys would go one by one."
  }

  assert {
    condition     = length(google_redis_instance.this) + length(google_compute_network.this) == 0
    error_message = "It costs something while nobody uses it."
  }
}

run "memorystore_has_a_password_and_a_network_of_its_own" {
  command = apply

  variables {
    kind             = "memorystore"
    highly_available = true
  }

  assert {
    condition     = can(regex("^redis://:.+@10\\.0\\.0\\.3:6379$", output.secrets["REDIS_URL"])) && length(output.environment) == 0
    error_message = "A function could not reach it."
  }

  assert {
    condition     = google_redis_instance.this["this"].auth_enabled && google_redis_instance.this["this"].tier == "STANDARD_HA" && google_redis_instance.this["this"].redis_configs["maxmemory-policy"] == "noeviction"
    error_message = "It is open, alone, or forgets keys one by one."
  }

  assert {
    condition     = output.network.subnetwork == google_compute_subnetwork.functions["this"].id
    error_message = "Functions would not get to it."
  }
}

run "refuses_other_kinds" {
  command = plan

  variables {
    kind = "memcached"
  }

  expect_failures = [var.kind]
}
